#pragma once

// Hot path. Slices as the kernel takes them.

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>

namespace skerry::kernel_io {

/// What one call is offered: the first 64 slices that are not empty.
///
/// Cost: 1 KiB of the stack.
class IoVectors {
public:
    template <class Byte>
    explicit IoVectors(std::span<const std::span<Byte>> slices) noexcept {
        for (const std::span<Byte> slice : slices) {
            if (slice.empty()) continue;
            if (count_ == vectors_.size()) break;
            vectors_[count_++] = {const_cast<std::byte*>(slice.data()), slice.size()};
            bytes_ += slice.size();
        }
    }

    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    /// Lifetime: as long as this object, which stays where it is.
    [[nodiscard]] msghdr message() noexcept {
        msghdr message{};
        message.msg_iov = vectors_.data();
        message.msg_iovlen = count_;
        return message;
    }

private:
    std::array<iovec, 64> vectors_;
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace skerry::kernel_io
