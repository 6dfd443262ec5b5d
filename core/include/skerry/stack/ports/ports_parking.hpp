#pragma once

// Sleeping until one of several ports has something: an epoll instance over the descriptors on which each of them would
// sleep alone.

#include "../../base/owned_fd.hpp"
#include "../../base/result.hpp"
#include "../../time/instant.hpp"

#include <span>
#include <utility>

namespace skerry::stack {

class PortsParking {
public:
    /// Shape:  those less than 0 of `fds` are passed over.
    /// Errors: no_descriptors, and what else the system says.
    [[nodiscard]] static Result<PortsParking> make(std::span<const int> fds) noexcept;

    /// Returns when one of them is readable, or at `until`, or for no reason.
    void wait(time::Instant until) const noexcept;

    /// Readable when wait() would return.
    [[nodiscard]] int fd() const noexcept { return epoll_.get(); }

private:
    explicit PortsParking(OwnedFd epoll) noexcept : epoll_(std::move(epoll)) {}

    OwnedFd epoll_;
};

}  // namespace skerry::stack
