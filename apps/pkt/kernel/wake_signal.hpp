#pragma once

// How a call that waits is ended when the script is over: by a signal that does nothing but interrupt it. Closing what
// it waits for would not do, since a kernel keeps that until the call returns, and poll() may wait for nothing at all.

#include <thread>

namespace skerry::pkt::kernel {

/// Gives the signal its handler, for the whole process and for good: the signal is the last real-time one, SIGRTMAX,
/// and whoever uses this code leaves it alone.
///
/// Threads: any.
void install_wake_signal();

/// Lets the calling thread be woken.
void take_wake_signals();

/// `thread` has not been joined; it may have ended.
void send_wake_signal(std::thread& thread);

}  // namespace skerry::pkt::kernel
