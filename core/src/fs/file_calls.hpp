#pragma once

// What a File's operations call on the blocking pool, one system call each. Each owns what it touches. A path of its
// own to the kernel, such as io_uring's, replaces them one by one: their arguments are what such a request would keep
// until it completes.

#include <skerry/base/io_buf.hpp>
#include <skerry/base/owned_fd.hpp>
#include <skerry/base/result.hpp>
#include <skerry/fs/metadata.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace skerry::fs::detail {

using SharedFd = std::shared_ptr<const OwnedFd>;

/// A span is copied in pieces of this size: the copies of many operations are not to take the heap.
inline constexpr std::size_t copied_bytes_max = std::size_t{1} << 20U;

/// How far a write has come, and what stopped it.
struct Written {
    std::size_t bytes = 0;
    Error error;
};

[[nodiscard]] Result<OwnedFd> open_file(std::string path, int flags, std::uint32_t mode) noexcept;
[[nodiscard]] Result<IoBuf> read_piece(SharedFd fd, std::uint64_t offset, std::size_t bytes_max) noexcept;
[[nodiscard]] Result<std::size_t> write_piece(SharedFd fd, std::uint64_t offset, IoBuf data) noexcept;
/// Until all is written or something stops it; never an error of its own.
[[nodiscard]] Result<Written> write_pieces(SharedFd fd, std::uint64_t offset, IoBuf data) noexcept;
[[nodiscard]] Result<> sync_file(SharedFd fd, bool data_only) noexcept;
[[nodiscard]] Result<> cut_file(SharedFd fd, std::uint64_t size_bytes) noexcept;
[[nodiscard]] Result<Metadata> look_at_file(SharedFd fd) noexcept;
[[nodiscard]] Result<> permit_file(SharedFd fd, std::uint32_t mode) noexcept;

/// Of a path, from the folder that `folder` is open on (AT_FDCWD). With an empty path: of `folder` itself.
[[nodiscard]] Result<Metadata> look_at(int folder, const char* path, int flags) noexcept;

/// Writes `data`, without the signal that a file at its limit sends. Repeated when interrupted.
[[nodiscard]] Result<std::size_t> write_some_at(int fd, std::uint64_t offset, const std::byte* data,
                                                std::size_t bytes) noexcept;

/// Errors: invalid_argument, when there is a zero byte in it, which would end it early.
[[nodiscard]] Result<> check_path(const std::string& path) noexcept;

}  // namespace skerry::fs::detail
