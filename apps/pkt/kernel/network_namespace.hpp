#pragma once

// A network of its own: interfaces, addresses, routes, connections and settings that nobody else sees. The kernel under
// test is that of the whole machine, but what a script does to it stays in here and goes with it.
//
// A namespace belongs to threads, not to the process, and what is done in it is done by threads made for that. The
// script's own thread never enters: who may make a namespace, as root of a user namespace, may not always go back.

#include "../host/outcome.hpp"

#include <skerry/base/owned_fd.hpp>
#include <skerry/base/result.hpp>

#include <functional>
#include <utility>

namespace skerry::pkt::kernel {

/// Lifetime: it is there as long as this object, a thread in it, or a socket made in it.
class NetworkNamespace {
public:
    /// A fresh one.
    ///
    /// Errors: a reason: CAP_SYS_ADMIN is missing, or /proc.
    [[nodiscard]] static Result<NetworkNamespace, Unsupported> make();

    /// Waits until `work` is done, by a thread in the namespace.
    /// Cost: a thread, some 50 us.
    void within(const std::function<void()>& work) const;
    /// The calling thread is in it for good.
    void settle_thread() const;

private:
    explicit NetworkNamespace(OwnedFd fd) noexcept : fd_(std::move(fd)) {}

    OwnedFd fd_;
};

}  // namespace skerry::pkt::kernel
