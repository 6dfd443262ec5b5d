#pragma once

// A machine under test: our stack on a wire whose other end is a script, and POSIX above it, on virtual time. Nothing
// here reads a clock; a machine does the same each time that it is asked the same.

#include "calls.hpp"
#include "engine.hpp"
#include "outcome.hpp"
#include "settings.hpp"
#include "tcp_ports.hpp"

#include <skerry/backend/tcp_info.hpp>
#include <skerry/base/socket_addr.hpp>
#include <skerry/time/instant.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::pkt {

/// What a machine is made of.
struct MachineConfig {
    Profile profile = Profile::linux_like;
    net::IpAddr local = net::IpAddr::v4(192, 168, 0, 1);
    std::uint8_t prefix_bits = 16;
    net::IpAddr gateway = net::IpAddr::v4(192, 168, 0, 2);
    std::uint16_t mtu = 1500;
    std::size_t descriptors_most = 1024;  ///< 0 to 2 among them, as RLIMIT_NOFILE counts
    time::Instant start = time::Instant::from_nanos(1'000'000'000'000);  ///< where the script's time begins
    std::uint64_t seed = 1;  ///< of sequence numbers, ports and timestamps
};

/// A connection as sockstat lists it.
struct ConnectionView {
    net::SocketAddr local;
    net::SocketAddr remote;
    backend::TcpState state = backend::TcpState::closed;
};

/// Threads: one.
class Machine {
public:
    /// The addresses of `config` are of one family, which is the machine's.
    explicit Machine(const MachineConfig& config = {});
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    // --- time

    [[nodiscard]] time::Instant now() const noexcept { return engine_.now(); }
    /// Since the script's time began.
    [[nodiscard]] std::chrono::nanoseconds elapsed() const noexcept { return engine_.now() - start_; }
    /// Brings time to `to`. Whatever is due on the way is done at its own instant, what is due at `to` too.
    void advance_to(time::Instant to);
    void advance_to(std::chrono::nanoseconds since_start) { advance_to(start_ + since_start); }
    /// Never later than the next thing that would happen by itself; Instant::max() when nothing will.
    [[nodiscard]] time::Instant next_deadline() noexcept;

    // --- the wire

    /// A packet comes now, IP header in front, checksums as the sender made them.
    void inject(std::span<const std::byte> packet);
    /// What left since the last time, in order, each with its instant.
    [[nodiscard]] std::vector<SentPacket> take_sent() { return engine_.take_sent(); }

    // --- sockets

    [[nodiscard]] Calls& calls() noexcept { return *calls_; }

    // --- looking in from outside

    /// "ESTABLISHED" and its like, of RFC 9293; empty when `fd` is no TCP socket.
    [[nodiscard]] std::string_view state_of(int fd);
    /// All connections, also those that no descriptor has any more and those in TIME-WAIT.
    [[nodiscard]] std::vector<ConnectionView> connections();
    /// As tcpdrop does. False when there is no such connection.
    bool drop(const net::SocketAddr& local, const net::SocketAddr& remote);

    // --- settings

    /// As sysctl does. Those of the stack can be changed while it has no socket and no connection.
    ///
    /// Errors: a reason, and nothing is changed.
    [[nodiscard]] std::optional<Unsupported> set(std::string_view name, std::string_view value);
    [[nodiscard]] const MachineSettings& settings() const noexcept { return settings_; }

private:
    struct Ends {
        net::SocketAddr local;
        net::SocketAddr remote;
        friend bool operator==(const Ends&, const Ends&) = default;
    };

    void note_ends(std::span<const std::byte> packet);
    void note(const Ends& ends);
    [[nodiscard]] static std::optional<Ends> ends_of_v4(std::span<const std::byte> packet);
    [[nodiscard]] static std::optional<Ends> ends_of_v6(std::span<const std::byte> packet);
    [[nodiscard]] std::optional<stack::tcp::Tuple> tuple_of(const Ends& ends);
    [[nodiscard]] bool is_idle();

    MachineSettings settings_;
    time::Instant start_;
    Engine engine_;
    TcpPorts ports_;
    SocketHome home_;
    std::vector<Ends> seen_;  // of segments that came, and of sockets
    std::optional<Calls> calls_;  // goes first: its sockets close on the stack
};

}  // namespace skerry::pkt
