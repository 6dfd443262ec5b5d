#include "precedence.hpp"

#include <pthread.h>

namespace skerry::pkt::kernel {

thread_local Precedence::Thread Precedence::thread;

// Whoever has another policy than the usual one was given it by somebody who knows why, and keeps it.
Precedence::Precedence() noexcept {
    if (thread.holders++ != 0) return;
    ::pthread_getschedparam(::pthread_self(), &thread.policy, &thread.parameters);
    if (thread.policy != SCHED_OTHER) return;
    sched_param lowest{};
    lowest.sched_priority = 1;
    ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &lowest);
}

Precedence::~Precedence() {
    if (--thread.holders == 0) ::pthread_setschedparam(::pthread_self(), thread.policy, &thread.parameters);
}

}  // namespace skerry::pkt::kernel
