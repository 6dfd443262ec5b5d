#pragma once

// What a File does, one system call each: by the core's driver where it takes files (backend/file_ops.hpp), on the
// blocking pool elsewhere. Which of them is decided when the operation begins, on the core that it begins on. Each owns
// what it touches.

#include "file_calls.hpp"

#include <skerry/base/io_buf.hpp>
#include <skerry/base/result.hpp>
#include <skerry/task/task.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace skerry::fs::detail {

/// A descriptor, and whether it can be read at places. The driver would read a pipe that cannot.
struct Target {
    // g++ 12 destroys an aggregate twice that is made within a co_await.
    Target(SharedFd descriptor, bool has) noexcept : fd(std::move(descriptor)), has_places(has) {}

    SharedFd fd;
    bool has_places;
};

/// Memory for a file, which may be opened with O_DIRECT; of the core's driver where it has some.
[[nodiscard]] IoBuf allocate_piece(std::size_t bytes) noexcept;
/// The same with a copy of `data`.
[[nodiscard]] IoBuf copy_piece(std::span<const std::byte> data) noexcept;

[[nodiscard]] Task<Result<IoBuf>> read_at(Target file, std::uint64_t offset, std::size_t bytes_max);
[[nodiscard]] Task<Result<Written>> write_at(Target file, std::uint64_t offset, IoBuf data);
[[nodiscard]] Task<Result<>> sync(Target file, bool data_only);

}  // namespace skerry::fs::detail
