#pragma once

// What a descriptor stands for: an open file description of POSIX, which several descriptors may share. Each operation
// is tried once, at the present instant, and says so when it would have to wait; who waits is the business of
// calls.hpp.

#include "engine.hpp"
#include "errno_of.hpp"
#include "outcome.hpp"
#include "profile.hpp"
#include "socket_defaults.hpp"
#include "tcp_ports.hpp"

#include <skerry/base/socket_addr.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace skerry::pkt {

/// What all sockets of a machine share.
struct SocketHome {
    Engine& engine;
    TcpPorts& ports;
    Flavour flavour;
    const SocketDefaults& defaults;
};

/// recv() and its like.
struct ReceiveAsk {
    std::size_t bytes = 0;
    bool peek = false;      ///< MSG_PEEK
    bool truncate = false;  ///< MSG_TRUNC: of TCP nothing is copied, of a datagram the whole length is told
};

/// send() and its like.
struct SendAsk {
    std::span<const std::byte> data;
    std::optional<net::SocketAddr> to;
    bool has_taken_some = false;  ///< of the same call: an error is left for the next one, and 0 returned
};

/// How often somebody who waits was woken, for edge-triggered epoll.
struct Wakeups {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    friend bool operator==(const Wakeups&, const Wakeups&) = default;
};

/// Lifetime: goes with its last descriptor, and with it the socket is closed.
class Description {
public:
    Description() = default;
    Description(const Description&) = delete;
    Description& operator=(const Description&) = delete;
    virtual ~Description() = default;

    bool is_nonblocking = false;
    Wakeups wakeups;

    /// EPOLLIN and its like, of now.
    [[nodiscard]] virtual std::uint32_t ready() = 0;

    virtual Attempt bind(const net::SocketAddr&) { return failure(ENOTSOCK); }
    virtual Attempt listen(int) { return failure(ENOTSOCK); }
    /// On success `made` is the connection; its address is in the output.
    virtual Attempt accept(std::shared_ptr<Description>&) { return failure(ENOTSOCK); }
    /// Begins; WouldBlock: it is under way.
    virtual Attempt connect(const net::SocketAddr&) { return failure(ENOTSOCK); }
    /// How a connect() that is under way fares.
    virtual Attempt connected() { return failure(ENOTSOCK); }
    [[nodiscard]] virtual bool is_connecting() const { return false; }
    /// data, message_flags and, of a datagram, the address are in the output.
    virtual Attempt receive(const ReceiveAsk&) { return failure(ENOTSOCK); }
    /// Takes what there is room for. `has_waited`: it has found no room before, and goes on as the stack wakes writers.
    virtual Attempt send(const SendAsk&, bool has_waited) {
        (void)has_waited;
        return failure(ENOTSOCK);
    }
    virtual Attempt shutdown(int) { return failure(ENOTSOCK); }
    virtual Attempt set_option(int, int, const OptionValue&) { return failure(ENOTSOCK); }
    virtual Attempt get_option(int, int) { return failure(ENOTSOCK); }
    virtual Attempt local_address() { return failure(ENOTSOCK); }
    virtual Attempt peer_address() { return failure(ENOTSOCK); }
    virtual Attempt io_control(unsigned long) { return failure(ENOTTY); }

    /// Whether a send() is over only when all is taken, as of a stream.
    [[nodiscard]] virtual bool is_stream() const { return false; }
    /// "LISTEN", "ESTABLISHED" and their like; empty for what has no such state.
    [[nodiscard]] virtual std::string_view state_name() { return {}; }
    /// Of its connection; nothing when it has none.
    [[nodiscard]] virtual std::optional<stack::tcp::Tuple> tuple() const { return {}; }
};

/// The errno of `why`, or that this stack cannot tell which one it is.
[[nodiscard]] inline Attempt failed_with(Error why, Flavour flavour) {
    if (const auto error = errno_of(why, flavour)) return failure(*error);
    return unsupported("the stack's error '" + std::string(to_string(why.code())) + "' is no single errno");
}

}  // namespace skerry::pkt
