#pragma once

// TCP segments, UDP datagrams, and what is neither.
//
//     S. 0:0(0) ack 1 win 65535 urg 0 <mss 1460>     flags, sequence numbers and length, the fields, the options
//     5. 1:1(0) ack 1                                a digit is the three-bit counter of AccECN
//     R 0:0(0)! win 0                                `!`: the numbers are those of the wire
//     8080 > 40000 S 0:0(0)                          ports, where they are not the connection's
//     . 1:1(0) ack 1/udp(9899 > 1)                   within UDP
//     udp (1000)     udp 53 > 1024 (12)     udplite (1000, 8)
//     proto 253 (10)                                 10 octets of the IP protocol 253

#include "cursor.hpp"
#include "tcp_options.hpp"

#include <optional>

namespace skerry::pkt::syntax {

struct Ports {
    std::uint16_t source = 0;
    std::uint16_t destination = 0;
};

/// Flags as they are written. Of the three bits that ECN uses there is either each by its letter or, of AccECN, the
/// number they make.
struct TcpFlags {
    bool syn = false;
    bool fin = false;
    bool rst = false;
    bool psh = false;
    bool ack = false;
    bool urg = false;
    bool ece = false;                ///< E
    bool cwr = false;                ///< W
    bool ae = false;                 ///< A, RFC 9768
    std::optional<std::uint8_t> ace; ///< 0 to 7
};

/// Shape:    end = begin + bytes, modulo 2^32.
struct SequenceRange {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint16_t bytes = 0;
    bool is_absolute = false;  ///< `!`
};

struct TcpSegment {
    Position at;
    std::optional<Ports> ports;
    TcpFlags flags;
    SequenceRange sequence;
    std::optional<std::uint32_t> acknowledgment;
    std::optional<std::uint16_t> window;
    std::optional<std::uint16_t> urgent;
    /// Without angle brackets nothing is said of options.
    std::optional<TcpOptions> options;
    std::optional<Ports> udp_encapsulation;
};

struct UdpDatagram {
    Position at;
    std::optional<Ports> ports;
    std::uint16_t payload_bytes = 0;
    bool is_lite = false;
    /// Of UDP-Lite: how many bytes the checksum covers.
    std::optional<std::uint16_t> covered_bytes;
};

struct OtherProtocol {
    Position at;
    std::uint8_t number = 0;
    std::uint16_t payload_bytes = 0;
};

/// `1:1461(1460)`, as of a segment and of what an ICMP message quotes.
[[nodiscard]] SequenceRange read_sequence(Cursor& in);
/// `/udp(9899 > 1)`, if it stands here.
[[nodiscard]] std::optional<Ports> read_udp_encapsulation(Cursor& in);
[[nodiscard]] TcpSegment read_tcp(Cursor& in);
/// What follows `udp` or `udplite`, which stood at `at`.
[[nodiscard]] UdpDatagram read_udp(Cursor& in, Position at, bool is_lite);
/// What follows `proto`, which stood at `at`.
[[nodiscard]] OtherProtocol read_other_protocol(Cursor& in, Position at);

}  // namespace skerry::pkt::syntax
