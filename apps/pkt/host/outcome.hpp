#pragma once

// What a socket call gives. Three things are kept apart: what POSIX says (a value, or -1 and errno), that it would have
// to wait, and that this stack has nothing to answer with. The last one is never dressed up as an errno: a script that
// needs it is skipped with the reason, and neither passes nor fails.

#include "tcp_info_fields.hpp"

#include <skerry/base/socket_addr.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace skerry::pkt {

/// The stack, or this interpreter, cannot do what was asked. One line, for a person.
struct Unsupported {
    std::string reason;
};

/// An entry of poll(): events and revents are of POLLIN and its like.
struct PollEntry {
    int fd = -1;
    std::uint32_t events = 0;
    std::uint32_t revents = 0;
};

/// An event of epoll: EPOLLIN and its like, and what the program registered with it.
struct EpollEvent {
    std::uint32_t events = 0;
    std::uint64_t data = 0;
};

/// struct linger.
struct Linger {
    bool is_on = false;
    int seconds = 0;
    friend bool operator==(const Linger&, const Linger&) = default;
};

/// The value of a socket option, in whichever of its forms that option has.
using OptionValue = std::variant<std::monostate, int, Linger, std::string, TcpInfoFields>;

/// What a call gives back besides its value.
struct CallOutput {
    std::vector<std::byte> data;  ///< of read and its like
    std::optional<net::SocketAddr> address;  ///< of accept, recvfrom, getsockname, getpeername
    int message_flags = 0;  ///< msg_flags of recvmsg
    int integer = 0;  ///< of ioctl
    OptionValue option;  ///< of getsockopt
    std::vector<PollEntry> polled;  ///< of poll, with revents
    std::vector<EpollEvent> events;  ///< of epoll_wait
};

/// What POSIX says. `error` is an errno of the machine that this was compiled on, and 0 unless the value is -1.
struct Returned {
    std::int64_t value = 0;
    int error = 0;
    CallOutput output;
};

/// Nothing yet: the call would wait.
struct WouldBlock {};

using Attempt = std::variant<WouldBlock, Returned, Unsupported>;

[[nodiscard]] inline Returned success(std::int64_t value = 0) { return {value, 0, {}}; }
[[nodiscard]] inline Returned failure(int error) { return {-1, error, {}}; }
[[nodiscard]] inline Unsupported unsupported(std::string reason) { return {std::move(reason)}; }

[[nodiscard]] inline bool would_block(const Attempt& attempt) { return std::holds_alternative<WouldBlock>(attempt); }

}  // namespace skerry::pkt
