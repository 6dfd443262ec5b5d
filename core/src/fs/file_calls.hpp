#pragma once

// What a File's operations call on the blocking pool, one system call each. Each owns what it touches.

#include <skerry/base/io_buf.hpp>
#include <skerry/base/owned_fd.hpp>
#include <skerry/base/result.hpp>
#include <skerry/fs/metadata.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace skerry::fs::detail {

using SharedFd = std::shared_ptr<const OwnedFd>;

/// A span is copied in pieces of this size: the copies of many operations are not to take the heap.
inline constexpr std::size_t copied_bytes_max = std::size_t{1} << 20U;

/// How far a write has come, and what it left over.
struct Written {
    Written(std::size_t count, IoBuf left) noexcept : bytes(count), rest(std::move(left)) {}

    std::size_t bytes;
    IoBuf rest;
};

/// Whether what is read and written there has a place: pipes, sockets and terminals have none.
[[nodiscard]] bool has_places(int fd) noexcept;

/// Heap memory for a read or write, as O_DIRECT takes it.
[[nodiscard]] IoBuf allocate_aligned_piece(std::size_t bytes) noexcept;

[[nodiscard]] Result<OwnedFd> open_file(std::string path, int flags, std::uint32_t mode) noexcept;
[[nodiscard]] Result<IoBuf> read_piece(SharedFd fd, std::uint64_t offset, std::size_t bytes_max) noexcept;
[[nodiscard]] Result<Written> write_piece(SharedFd fd, std::uint64_t offset, IoBuf data) noexcept;
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
