#pragma once

// A machine under test and, by hand, the other end of its wire.

#include "pkt/host/machine.hpp"

#include "support/catch.hpp"

#include <skerry/stack/wire/icmp.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/tcp_options.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::pkt_bench {

using namespace std::chrono_literals;
using namespace skerry::pkt;
namespace wire = skerry::stack::wire;
namespace flag = skerry::stack::wire::tcp_flag;

inline constexpr wire::Ipv4Addr own_ip = wire::Ipv4Addr::of(192, 168, 0, 1);
inline constexpr wire::Ipv4Addr far_ip = wire::Ipv4Addr::of(192, 0, 2, 1);
inline constexpr std::uint16_t own_port = 8080;
inline constexpr std::uint16_t far_port = 40'000;
inline constexpr std::uint8_t syn_ack = flag::syn | flag::ack;
inline constexpr std::uint8_t psh_ack = flag::psh | flag::ack;
inline constexpr std::uint8_t fin_ack = flag::fin | flag::ack;
inline constexpr std::uint8_t rst_ack = flag::rst | flag::ack;

inline const net::SocketAddr own_name{own_ip.ip(), own_port};
inline const net::SocketAddr any_name{net::IpAddr::v4_any(), own_port};
inline const net::SocketAddr far_name{far_ip.ip(), far_port};

/// A segment that left.
struct Segment {
    std::chrono::nanoseconds at{};  ///< since the script's time began
    std::uint8_t flags = 0;
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::uint16_t window = 0;
    std::string text;
    std::vector<std::byte> options;
};

inline std::vector<std::byte> bytes_of(std::string_view text) {
    const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
    return {begin, begin + text.size()};
}
inline std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::vector<std::byte> ip_packet(std::uint8_t protocol, const std::vector<std::byte>& payload) {
    wire::Ipv4Header ip;
    ip.protocol = protocol;
    ip.source = far_ip;
    ip.destination = own_ip;
    ip.total_bytes = static_cast<std::uint16_t>(wire::ipv4_bytes + payload.size());
    std::vector<std::byte> packet(wire::ipv4_bytes);
    wire::write(ip, packet.data());
    packet.insert(packet.end(), payload.begin(), payload.end());
    return packet;
}

inline MachineConfig config_of(Profile profile) {
    MachineConfig config;
    config.profile = profile;
    return config;
}

class Bench {
public:
    explicit Bench(const MachineConfig& config = {}) : machine(config) {}

    [[nodiscard]] Calls& calls() { return machine.calls(); }

    // --- the wire

    /// A segment comes; `mss` as an option, unless it is 0.
    void come(std::uint8_t flags, std::uint32_t seq, std::uint32_t ack, std::string_view text = {},
              std::uint16_t window = 65'535, std::uint16_t mss = 0) {
        wire::TcpOptions options;
        options.has_mss = mss != 0;
        options.mss = mss;
        come_with(options, flags, seq, ack, text, window);
    }
    /// The same with options of a SYN.
    void come_with(const wire::TcpOptions& options, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack,
                   std::string_view text = {}, std::uint16_t window = 65'535) {
        std::array<std::byte, 40> room{};
        const std::size_t option_bytes = wire::write_syn_options(options, room.data());
        wire::TcpHeader header;
        header.source_port = from;
        header.destination_port = port;
        header.seq = seq;
        header.ack = ack;
        header.flags = flags;
        header.window = window;
        header.header_bytes = static_cast<std::uint8_t>(wire::tcp_bytes + option_bytes);
        std::vector<std::byte> bytes(header.header_bytes + text.size());
        wire::write(header, bytes.data());
        std::copy_n(room.begin(), option_bytes, bytes.begin() + wire::tcp_bytes);
        if (!text.empty()) std::memcpy(bytes.data() + header.header_bytes, text.data(), text.size());
        wire::seal_tcp(bytes, wire::pseudo_header(far_ip, own_ip, wire::ip_protocol::tcp,
                                                  static_cast<std::uint32_t>(bytes.size())));
        machine.inject(ip_packet(wire::ip_protocol::tcp, bytes));
    }

    std::vector<Segment> sent() {
        std::vector<Segment> all;
        for (const SentPacket& packet : machine.take_sent()) all.push_back(read(packet));
        return all;
    }
    Segment only() {
        const std::vector<Segment> all = sent();
        REQUIRE(all.size() == 1);
        return all.front();
    }

    void at(std::chrono::nanoseconds since_start) { machine.advance_to(since_start); }

    // --- connections

    /// A socket that listens on own_port.
    int listening(int backlog = 1) {
        const int fd = static_cast<int>(calls().socket(AF_INET, SOCK_STREAM, IPPROTO_TCP).value());
        REQUIRE(calls().bind(fd, any_name).value() == 0);
        REQUIRE(calls().listen(fd, backlog).value() == 0);
        return fd;
    }
    /// The peer connects, with an MSS of 1000 and its first number 0; next is `own_seq` of ours and 1 of its own.
    void shake() {
        come(flag::syn, 0, 0, {}, 65'535, 1000);
        const Segment answer = only();
        REQUIRE(answer.flags == syn_ack);
        REQUIRE(answer.ack == 1);
        own_seq = answer.seq + 1;
        far_seq = 1;
        come(flag::ack, 1, own_seq);
        REQUIRE(sent().empty());
    }
    /// A connection that was accepted, as the descriptor behind its listener's.
    int established() {
        const int door = listening();
        shake();
        const Call call = calls().accept(door);
        REQUIRE(call.is_done());
        REQUIRE(call.value() >= 3);
        return static_cast<int>(call.value());
    }
    /// The peer says something in order.
    void say(std::string_view text, std::uint8_t flags = psh_ack) {
        come(flags, far_seq, own_seq, text);
        far_seq += static_cast<std::uint32_t>(text.size()) + ((flags & flag::fin) != 0 ? 1 : 0);
    }
    void acknowledge(std::uint32_t ack, std::uint16_t window = 65'535) { come(flag::ack, far_seq, ack, {}, window); }

    void set_nonblocking(int fd) { REQUIRE(calls().fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK).value() == 0); }

    /// -1 with this errno.
    static bool failed(const Call& call, int error) {
        return call.is_done() && call.unsupported() == nullptr && call.value() == -1 && call.error() == error;
    }
    static bool was_unsupported(const Call& call) { return call.unsupported() != nullptr; }
    [[nodiscard]] std::chrono::nanoseconds since_start(time::Instant instant) const {
        return instant - (machine.now() - machine.elapsed());
    }
    [[nodiscard]] std::chrono::nanoseconds ended(const Call& call) const {
        REQUIRE(call.is_done());
        return since_start(call.ended());
    }

    Machine machine;
    std::uint16_t from = far_port;
    std::uint16_t port = own_port;
    std::uint32_t own_seq = 0;  ///< what the machine says next, when nothing is under way
    std::uint32_t far_seq = 0;

private:
    Segment read(const SentPacket& packet) const {
        wire::Ipv4Header ip;
        REQUIRE(wire::parse(packet.bytes, ip) == stack::Drop::none);
        CHECK(ip.source == own_ip);
        CHECK(ip.destination == far_ip);
        const auto bytes = std::span(packet.bytes).subspan(ip.header_bytes, ip.payload_bytes());
        CHECK(wire::tcp_checksum_holds(
            bytes, wire::pseudo_header(ip.source, ip.destination, wire::ip_protocol::tcp, ip.payload_bytes())));
        wire::TcpHeader header;
        REQUIRE(wire::parse(bytes, header) == stack::Drop::none);
        Segment segment;
        segment.flags = header.flags;
        segment.seq = header.seq;
        segment.ack = header.ack;
        segment.window = header.window;
        const auto options = bytes.subspan(wire::tcp_bytes, header.header_bytes - wire::tcp_bytes);
        segment.options.assign(options.begin(), options.end());
        const auto payload = bytes.subspan(header.header_bytes);
        segment.text.assign(reinterpret_cast<const char*>(payload.data()), payload.size());
        segment.at = since_start(packet.at);
        return segment;
    }
};

}  // namespace skerry::pkt_bench
