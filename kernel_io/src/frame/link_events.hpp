#pragma once

// Hears from the kernel that some interface has changed, appeared or gone. A socket of AF_XDP does not: when its
// interface is gone it is readable never more, and says nothing.

#include "../os_socket.hpp"

#include <skerry/base/result.hpp>

#include <utility>

namespace skerry::kernel_io::frame {

/// A descriptor that is readable when there are changes; needs no rights.
class LinkEvents {
public:
    /// Errors: no_descriptors and whatever else the kernel says.
    [[nodiscard]] static Result<LinkEvents> open() noexcept;

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// Takes all changes out, unread: whoever wants to know what is so now looks.
    void drain() noexcept;

private:
    explicit LinkEvents(OwnedFd fd) noexcept : fd_(std::move(fd)) {}

    OwnedFd fd_;
};

}  // namespace skerry::kernel_io::frame
