#pragma once

// A signal that a system call may raise beside its error, held back while the error is what we want: SIGPIPE of a write
// into a pipe that nobody reads, SIGXFSZ of one past the limit of a file's size. Their default ends the process. To
// ignore them for the whole process would be the program's decision, and its children would inherit it.

#include <cerrno>
#include <csignal>
#include <ctime>
#include <pthread.h>

namespace skerry::detail {

/// Holds `number` back on this thread. One that came meanwhile is taken away, unless it was pending before.
class HeldSignal {
public:
    explicit HeldSignal(int number) noexcept {
        ::sigemptyset(&held_);
        ::sigaddset(&held_, number);
        ::pthread_sigmask(SIG_BLOCK, &held_, &before_);
        was_blocked_ = ::sigismember(&before_, number) == 1;
    }
    HeldSignal(const HeldSignal&) = delete;
    HeldSignal& operator=(const HeldSignal&) = delete;
    ~HeldSignal() {
        if (!was_blocked_) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

    /// The call has failed the way that raises the signal.
    void take() noexcept {
        if (was_blocked_) return;  // whoever blocks it sees to it
        const timespec at_once{};
        while (::sigtimedwait(&held_, nullptr, &at_once) < 0 && errno == EINTR) {
        }
    }

private:
    sigset_t held_;
    sigset_t before_;
    bool was_blocked_ = false;
};

}  // namespace skerry::detail
