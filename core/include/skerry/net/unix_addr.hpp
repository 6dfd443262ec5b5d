#pragma once

// Where a Unix socket is: a path, a name in Linux's abstract namespace, or nowhere.

#include "../base/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::net {

/// The address of a Unix socket. By default it has no name.
class UnixAddr {
public:
    /// Bytes of a path, or of an abstract name.
    static constexpr std::size_t name_bytes_max = 107;

    constexpr UnixAddr() noexcept = default;

    /// A path in the file system.
    ///
    /// Errors: invalid_argument, when it is empty, has a zero byte or, with ENAMETOOLONG as its os_error(), more than
    ///         107 bytes. A longer one is reached from a folder nearer to it, or through /proc/self/fd/N.
    [[nodiscard]] static Result<UnixAddr> from_pathname(std::string_view path) noexcept;

    /// A name that is in no file system and goes with the last socket of its name. Any bytes, zeroes too.
    ///
    /// Errors: invalid_argument, with ENAMETOOLONG as its os_error() for more than 107 bytes.
    [[nodiscard]] static Result<UnixAddr> from_abstract_name(std::string_view name) noexcept;

    /// What stands in a sockaddr_un's sun_path.
    [[nodiscard]] static UnixAddr from_sun_path(std::string_view bytes) noexcept;

    [[nodiscard]] bool is_unnamed() const noexcept { return size_ == 0; }
    /// Nothing, when it is no path.
    [[nodiscard]] std::optional<std::string_view> as_pathname() const noexcept;
    /// Nothing, when it is no abstract name.
    [[nodiscard]] std::optional<std::string_view> as_abstract_name() const noexcept;

    /// As it stands in sun_path: an abstract name begins with a zero byte.
    [[nodiscard]] std::string_view sun_path() const noexcept { return {bytes_.data(), size_}; }

    /// The path, `@name` or `(unnamed)`.
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const UnixAddr& a, const UnixAddr& b) noexcept { return a.sun_path() == b.sun_path(); }

private:
    std::array<char, name_bytes_max + 1> bytes_{};
    std::uint8_t size_ = 0;
};

/// Who is at the other end, as the kernel vouches for it.
struct UCred {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::optional<int> pid;  ///< nothing, when it is outside this process's namespace
};

}  // namespace skerry::net
