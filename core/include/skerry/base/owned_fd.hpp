#pragma once

// A file descriptor with one owner, who closes it.

#include <utility>

namespace skerry {

/// Owns a descriptor; moved-from and default ones own nothing and are false.
///
/// Threads: any.
class OwnedFd {
public:
    OwnedFd() noexcept = default;
    /// Takes over `fd`; less than 0 is nothing.
    explicit OwnedFd(int fd) noexcept : fd_(fd) {}
    OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept {
        OwnedFd taken(std::move(other));
        std::swap(fd_, taken.fd_);
        return *this;
    }
    ~OwnedFd();

    [[nodiscard]] int get() const noexcept { return fd_; }
    /// Gives the descriptor up: closing it is the caller's from now on.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

}  // namespace skerry
