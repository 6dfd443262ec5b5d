#pragma once

// A thread goes before all others of the machine, where that is permitted (CAP_SYS_NICE, or RLIMIT_RTPRIO). A script
// allows its kernel a few milliseconds; one in which somebody else had the processor says nothing of the kernel.

#include <sched.h>

namespace skerry::pkt::kernel {

/// The calling thread has SCHED_FIFO while one of these lives that it has made, and so have threads that it starts.
///
/// Threads: the one that made it ends it.
class Precedence {
public:
    Precedence() noexcept;
    Precedence(const Precedence&) = delete;
    Precedence& operator=(const Precedence&) = delete;
    ~Precedence();

private:
    struct Thread {
        int holders = 0;
        int policy = SCHED_OTHER;  // before the first of them
        sched_param parameters{};
    };
    static thread_local Thread thread;
};

}  // namespace skerry::pkt::kernel
