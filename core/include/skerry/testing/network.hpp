#pragma once

// The network of a testing runtime: every socket of the runtime is on it, every address answers if somebody
// listens there, and nothing leaves the process. A test sets delays, limits and faults here and uses
// net::TcpStream, net::TcpListener and net::UdpSocket as ever.
//
// Streams are modelled, not built of packets: bytes travel in segments, in order and without loss, through a
// send buffer and a receive window; a link that is down or a stalled connection holds them back, as
// retransmission would, until the user timeout ends the connection. Datagrams may be lost, doubled and
// overtaken. Everything random comes from the runtime's seed.

#include "link.hpp"

#include "../base/error.hpp"
#include "../base/socket_addr.hpp"
#include "../net/tcp_stream.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace skerry::testing {

/// What the sockets and the process have.
struct NetworkLimits {
    std::size_t send_buffer_bytes = 256 * 1024;     ///< of a stream; SocketOption::send_buffer_bytes overrules
    std::size_t receive_window_bytes = 256 * 1024;  ///< of a stream; SocketOption::receive_buffer_bytes overrules
    std::size_t segment_bytes = 1448;               ///< a read gives at most one segment
    bool random_segments = false;                   ///< segments of any size from 1 byte to segment_bytes
    std::size_t datagram_queue = 256;               ///< datagrams that wait in one socket; more are lost
    std::size_t groups = 20;                        ///< multicast groups that one socket joins, as in Linux
    std::size_t descriptors = 1'000'000;            ///< open sockets
};

/// How the machine at an address answers who connects, or sends a datagram there.
enum class Answer : std::uint8_t {
    listen,       ///< by its listeners: takes the connection, or refuses it when there is none
    refuse,       ///< connection_refused
    ignore,       ///< says nothing; the connect gives up after 127 s with timed_out
    unreachable,  ///< Errc::unreachable, for a datagram too; the others concern connects only
};

/// One connection, by the addresses of its ends.
struct Connection {
    net::SocketAddr client;
    net::SocketAddr server;
    friend bool operator==(const Connection&, const Connection&) noexcept = default;
};

enum class End : bool { client, server };

/// What the network has counted.
struct NetworkCounters {
    std::uint64_t segments = 0;
    std::uint64_t connections = 0;
    std::uint64_t resets = 0;
    std::uint64_t accepted = 0;
    std::uint64_t accept_paused = 0;       ///< times accepting stopped for want of descriptors
    std::uint64_t backlog_overflows = 0;   ///< connects that found a listener's queue full and try again
    std::uint64_t datagrams = 0;           ///< that arrived
    std::uint64_t datagrams_lost = 0;      ///< by a link
    std::uint64_t datagrams_overflowed = 0;  ///< that found the socket's queue full
    std::uint64_t datagrams_unclaimed = 0;   ///< that nobody had bound the address of
};

class NetworkState;

/// Threads: the testing runtime's own.
class Network {
public:
    explicit Network(NetworkState& state) noexcept : state_(&state) {}

    // --- the wire

    /// Sets every link.
    void set_link(const Link& link);
    /// Sets the link from one address to another, one direction.
    void set_link(const net::IpAddr& from, const net::IpAddr& to, const Link& link);
    [[nodiscard]] Link link(const net::IpAddr& from, const net::IpAddr& to) const;
    /// Takes the links between two addresses down, or up again, both directions.
    void set_down(const net::IpAddr& one, const net::IpAddr& other, bool is_down);

    /// The limits from now on; windows and buffers of open streams stay as they are.
    void set_limits(const NetworkLimits& limits);
    [[nodiscard]] const NetworkLimits& limits() const noexcept;

    /// The address that sockets connect and send from when they are bound to none: 198.18.0.1, or
    /// fd00::1 towards IPv6. Towards loopback it is loopback.
    void set_source(const net::IpAddr& address);

    // --- faults of calls

    void set_answer(const net::SocketAddr& address, Answer answer);
    /// The next connect, or bind or listen, fails with `error`.
    void fail_next_connect(Error error);
    void fail_next_bind(Error error);
    /// While set, whatever needs a receive buffer (read_buf, recv_batch) fails with no_buffers.
    void set_no_buffers(bool on);
    /// While set, datagram sockets take no datagram to send, and senders wait.
    void set_sends_blocked(bool on);

    // --- faults of connections

    [[nodiscard]] std::vector<Connection> connections() const;
    /// The connection that `stream` is an end of. Asserted: it is open.
    [[nodiscard]] Connection connection_of(const net::TcpStream& stream) const;
    /// Called for each new connection, when the server's end has come to be; it may set faults.
    void set_on_connect(std::function<void(const Connection&)> call);

    /// Both ends get a reset now.
    void reset(const Connection& connection);
    /// Both ends get a reset when `receiver` has received `bytes` more; the last segment is cut there.
    void reset_after(const Connection& connection, End receiver, std::uint64_t bytes);
    /// Holds back what both ends send, or lets it go on.
    void stall(const Connection& connection, bool on);
    /// Makes the connection half-open: `gone` loses all knowledge of it without a word, as a machine that was
    /// switched off and on; what the other end still sends is answered by a reset. Operations of the end that
    /// is gone fail with connection_reset.
    void forget(const Connection& connection, End gone);

    // --- looking

    [[nodiscard]] const NetworkCounters& counters() const noexcept;
    /// Sockets that programs hold, and connections in a listener's queue.
    [[nodiscard]] std::size_t open_sockets() const noexcept;

private:
    NetworkState* state_;
};

}  // namespace skerry::testing
