#include "network_namespace.hpp"

#include "internal_fd.hpp"
#include "os_reason.hpp"
#include "quiet_thread.hpp"

#include <skerry/base/assert.hpp>

#include <fcntl.h>
#include <sched.h>

#include <cerrno>

namespace skerry::pkt::kernel {

namespace {

Unsupported refusal() {
    if (errno == EPERM)
        return {
            "the kernel is tested in a network namespace of its own, which needs CAP_SYS_ADMIN: run as root, or "
            "under `unshare -Ur`"};
    return os_reason("a network namespace of its own");
}

/// The calling thread goes into a new one and does not come back.
Result<OwnedFd, Unsupported> move_to_new() {
    if (::unshare(CLONE_NEWNET) != 0) return Unexpected(refusal());
    constexpr const char* path = "/proc/thread-self/ns/net";  // not /proc/self, which is the first thread's
    OwnedFd made = internal_fd(::open(path, O_RDONLY | O_CLOEXEC));
    if (!made) return Unexpected(os_reason(path));
    return made;
}

}  // namespace

Result<NetworkNamespace, Unsupported> NetworkNamespace::make() {
    Result<OwnedFd, Unsupported> made = OwnedFd();
    quiet_thread([&] { made = move_to_new(); }).join();
    if (!made) return Unexpected(std::move(made).error());
    return NetworkNamespace(std::move(*made));
}

void NetworkNamespace::within(const std::function<void()>& work) const {
    quiet_thread([&] {
        settle_thread();
        work();
    }).join();
}

// Who could make a namespace may enter it.
void NetworkNamespace::settle_thread() const {
    const bool has_moved = ::setns(fd_.get(), CLONE_NEWNET) == 0;
    SKERRY_ASSERT(has_moved, "a thread cannot enter its network namespace");
}

}  // namespace skerry::pkt::kernel
