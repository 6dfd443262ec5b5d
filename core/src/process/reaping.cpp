#include "reaping.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

namespace skerry::process::detail {

namespace {

struct Orphans {
    std::mutex mutex;
    std::vector<OwnedFd> pidfds;
    std::atomic<bool> any{false};  // a guess, so that nobody takes the lock for nothing
};

// Never destroyed: a Child may be a static object.
Orphans& orphans() noexcept {
    static Orphans* const all = new Orphans;
    return *all;
}

}  // namespace

Result<ExitStatus> take_status(int pidfd) noexcept {
    siginfo_t about{};
    while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &about, WEXITED | WNOHANG) != 0)
        if (errno != EINTR) return Error::from_os(errno);
    if (about.si_pid == 0) return Errc::would_block;
    if (about.si_code == CLD_EXITED) return ExitStatus::exited(about.si_status);
    return ExitStatus::killed(about.si_status, about.si_code == CLD_DUMPED);
}

void keep_orphan(OwnedFd pidfd) noexcept {
    Orphans& all = orphans();
    const std::lock_guard guard(all.mutex);
    try {
        all.pidfds.push_back(std::move(pidfd));
        all.any.store(true, std::memory_order_relaxed);
    } catch (const std::exception&) {
        // No memory: it stays a zombie until this program ends.
    }
}

void reap_orphans() noexcept {
    Orphans& all = orphans();
    if (!all.any.load(std::memory_order_relaxed)) return;
    const std::lock_guard guard(all.mutex);
    std::erase_if(all.pidfds, [](const OwnedFd& pidfd) { return take_status(pidfd.get()) != Errc::would_block; });
    all.any.store(!all.pidfds.empty(), std::memory_order_relaxed);
}

}  // namespace skerry::process::detail
