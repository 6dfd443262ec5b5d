#include <skerry/runtime/borrowed_thread.hpp>

#include <skerry/topology/bind_thread.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <sys/prctl.h>

namespace skerry::runtime {

/// As the first of the thread's runtimes found it.
struct BorrowedThread::Found {
    unsigned borrowers = 0;
    int slack_ns = 0;
    topology::CpuSet cpus;  // empty: that cannot be seen
};

thread_local constinit BorrowedThread::Found BorrowedThread::found{};

BorrowedThread::BorrowedThread() noexcept : found_(&found) {
    if (found.borrowers++ != 0) return;
    found.slack_ns = ::prctl(PR_GET_TIMERSLACK, 0UL, 0UL, 0UL, 0UL);
    found.cpus = topology::current_affinity().value_or(topology::CpuSet());
}

BorrowedThread::~BorrowedThread() {
    if (found_ != &found || --found.borrowers != 0) return;
    ::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(found.slack_ns), 0UL, 0UL, 0UL);
    const auto own = topology::current_affinity();
    if (own && !found.cpus.empty() && *own != found.cpus) (void)topology::bind_current_thread(found.cpus);
}

}  // namespace skerry::runtime
