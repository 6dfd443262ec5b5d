#pragma once

// The one error type of the running path. Eight bytes, trivially copyable, no allocation: returning an
// error costs what returning a number costs. `code` says what happened in words that are the same on every
// backend; `os_error` keeps Linux's number, which our own stack tells too where a network says what went wrong.

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace skerry {

/// What went wrong, in words that do not depend on the backend.
enum class Errc : std::uint16_t {
    ok = 0,
    closed,                 ///< this side closed the object, or its channel has no other end
    timed_out,              ///< the deadline came first
    cancelled,              ///< the task was aborted, or its token cancelled
    runtime_shutdown,       ///< the runtime is stopping or has stopped
    connection_refused,     ///< nobody listens there
    connection_reset,       ///< the peer reset the connection
    connection_aborted,     ///< the connection died before it was accepted, or by a user timeout
    not_connected,          ///< the operation needs a connection
    broken_pipe,            ///< the write side is shut down, or the peer reads no more
    unexpected_eof,         ///< the stream ended inside what had to be read whole
    address_in_use,         ///< another socket has that address
    address_not_available,  ///< no interface here has that address
    unreachable,            ///< no way to that address; os_error() says ENETUNREACH or EHOSTUNREACH
    invalid_argument,       ///< the value cannot be used; a usage error
    not_found,              ///< no such name, file or interface
    permission_denied,      ///< the process may not do that
    unsupported,            ///< this backend, or this kernel, cannot do that
    no_buffers,             ///< a buffer pool or socket buffer is empty
    no_descriptors,         ///< the process or the system has no file descriptor left
    no_memory,              ///< the system refused memory
    message_too_long,       ///< the datagram is longer than the transport takes
    would_block,            ///< try_ operation: nothing there, or no room, right now
    full,                   ///< at its limit: the queue of a try_send, a disk, a quota, the size of a file
    busy,                   ///< the object is in use by another operation
    device_gone,            ///< the network device that carried it was taken away; the core has no network any more
    io,                     ///< anything else the kernel reports; see os_error()
};

/// The name of a code as it stands in the enumeration.
[[nodiscard]] std::string_view to_string(Errc code) noexcept;

/// An error value: a code and, where the kernel had one, its errno.
///
/// Cost: eight bytes, trivially copyable, never allocates except in message().
class [[nodiscard]] Error {
public:
    constexpr Error() noexcept = default;
    constexpr Error(Errc code) noexcept  // NOLINT(google-explicit-constructor): a code is an error
        : word_(static_cast<std::uint16_t>(code)) {}
    constexpr Error(Errc code, int os_error) noexcept
        : word_(static_cast<std::uint16_t>(code) | std::uint64_t{static_cast<std::uint32_t>(os_error)} << 32U) {}

    /// Maps an errno to a code and keeps the number: EHOSTUNREACH and ENETUNREACH are both `unreachable`.
    static Error from_os(int os_error) noexcept;

    [[nodiscard]] constexpr Errc code() const noexcept { return static_cast<Errc>(word_ & 0xffffU); }
    [[nodiscard]] constexpr int os_error() const noexcept { return static_cast<int>(word_ >> 32U); }

    /// One line for a log: the code's words and, if there is one, the kernel's.
    [[nodiscard]] std::string message() const;

    /// In skerry's category, or the system's when the kernel reported it.
    [[nodiscard]] operator std::error_code() const noexcept;  // NOLINT(google-explicit-constructor)

    /// Two errors are the same when their codes are; the errno is a detail for people.
    friend constexpr bool operator==(const Error& a, const Error& b) noexcept { return a.code() == b.code(); }
    friend constexpr bool operator==(const Error& a, Errc code) noexcept { return a.code() == code; }

private:
    // The code, and above it the errno: one word, which every operation writes and every Result moves as such.
    std::uint64_t word_ = 0;
};

static_assert(sizeof(Error) == 8);

/// The category of skerry's codes, for std::error_code.
[[nodiscard]] const std::error_category& error_category() noexcept;

}  // namespace skerry

template <>
struct std::is_error_code_enum<skerry::Errc> : std::true_type {};

namespace skerry {
[[nodiscard]] inline std::error_code make_error_code(Errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}
}  // namespace skerry
