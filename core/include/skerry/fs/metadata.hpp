#pragma once

// What the file system knows of a file.

#include <chrono>
#include <cstdint>
#include <optional>

namespace skerry::fs {

enum class FileType : std::uint8_t { regular, directory, symlink, fifo, socket, block_device, char_device, unknown };

/// The bits of a file's mode that say who may do what: 0644 and its like.
struct Permissions {
    constexpr Permissions() noexcept = default;
    constexpr explicit Permissions(std::uint32_t bits) noexcept : mode(bits) {}

    std::uint32_t mode = 0;

    [[nodiscard]] constexpr bool is_readonly() const noexcept { return (mode & 0222) == 0; }
    friend constexpr bool operator==(const Permissions&, const Permissions&) noexcept = default;
};

struct Metadata {
    using Time = std::chrono::system_clock::time_point;

    FileType type = FileType::unknown;
    Permissions permissions;
    std::uint64_t size_bytes = 0;
    std::uint64_t allocated_bytes = 0;  ///< on the disk: fewer, where the file has holes
    Time modified;
    Time accessed;
    std::optional<Time> created;  ///< nothing, where the file system does not keep it
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t links = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;

    [[nodiscard]] bool is_file() const noexcept { return type == FileType::regular; }
    [[nodiscard]] bool is_dir() const noexcept { return type == FileType::directory; }
    [[nodiscard]] bool is_symlink() const noexcept { return type == FileType::symlink; }
};

}  // namespace skerry::fs
