#include "wake_signal.hpp"

#include <skerry/base/assert.hpp>

#include <csignal>
#include <pthread.h>

namespace skerry::pkt::kernel {

namespace {

void do_nothing(int) {}

// Without SA_RESTART, or the call would go on.
bool install() {
    struct sigaction action{};
    action.sa_handler = do_nothing;
    ::sigemptyset(&action.sa_mask);
    return ::sigaction(SIGRTMAX, &action, nullptr) == 0;
}

}  // namespace

void install_wake_signal() {
    static const bool is_installed = install();
    SKERRY_ASSERT(is_installed, "no handler for SIGRTMAX");
}

void take_wake_signals() {
    sigset_t taken;
    ::sigemptyset(&taken);
    ::sigaddset(&taken, SIGRTMAX);
    ::pthread_sigmask(SIG_UNBLOCK, &taken, nullptr);
}

void send_wake_signal(std::thread& thread) { ::pthread_kill(thread.native_handle(), SIGRTMAX); }

}  // namespace skerry::pkt::kernel
