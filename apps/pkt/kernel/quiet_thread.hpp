#pragma once

// Threads that the program does not notice: none of its signals is delivered there, so that none interrupts a script's
// call, and SIGPIPE of a script's write is nobody's.

#include <csignal>
#include <pthread.h>

#include <thread>
#include <utility>

namespace skerry::pkt::kernel {

/// All signals are held back in the thread from its beginning.
template <class Body>
[[nodiscard]] std::thread quiet_thread(Body body) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread made(std::move(body));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return made;
}

}  // namespace skerry::pkt::kernel
