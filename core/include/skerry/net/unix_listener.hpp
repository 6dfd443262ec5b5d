#pragma once

// A Unix stream socket that takes connections.

#include "unix_addr.hpp"
#include "unix_stream.hpp"

#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../io/async_fd.hpp"
#include "../task/task.hpp"

#include <utility>

namespace skerry::net {

/// Takes connections for the core that bound it. Several tasks may accept.
///
/// Dropping it stops listening; a path that it was bound to stays and is the program's to remove.
///
/// Lifetime: outlives every await on it.
/// Threads:  its own core; asserted in debug builds.
class UnixListener {
public:
    /// Binds and listens on this core, with a queue of `backlog` connections (the system's limit, if that is lower).
    ///
    /// Errors: address_in_use, when there is a file of that name, be it of a socket whose program has ended;
    ///         not_found, when its folder is not there; permission_denied; no_descriptors; unsupported, on a core
    ///         without a slow lane.
    [[nodiscard]] static Result<UnixListener> bind(const UnixAddr& address, int backlog = 1024);

    /// Waits for the next connection. When descriptors or memory run out it goes on waiting, and looks again after
    /// 10 ms.
    ///
    /// Errors: runtime_shutdown. What went wrong with one connection is passed over.
    /// Cancel: safe: a connection that waits is left for the next accept.
    [[nodiscard]] Task<Result<UnixStream>> accept();

    /// An address without a name got one in the abstract namespace.
    [[nodiscard]] Result<UnixAddr> local_addr() const noexcept;

private:
    explicit UnixListener(io::AsyncFd fd) noexcept : fd_(std::move(fd)) {}

    [[nodiscard]] Result<> take_one(int fd) noexcept;

    io::AsyncFd fd_;
    OwnedFd taken_;  // from the queue, but not watched yet: for want of memory or watches, whoever accepts next tries
};

}  // namespace skerry::net
