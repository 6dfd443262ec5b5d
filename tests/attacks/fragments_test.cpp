// Attacks with pieces, of both families, and with the headers that IPv6 lets stand in front of them.

#include "support/honest.hpp"
#include "support/ipv6_host.hpp"

#include <skerry/stack/reassembly.hpp>

#include <algorithm>
#include <string>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::Ipv4Addr;
namespace protocol = stack::wire::ip_protocol;

/// The header's checksum alone: the transport's is the whole datagram's.
void seal_ipv4(Bytes& frame) {
    std::byte* const header = frame.data() + stack::wire::ethernet_bytes;
    stack::wire::store_checksum(header + 10, 0);
    stack::wire::store_checksum(header + 10, stack::wire::fold(stack::wire::sum({header, stack::wire::ipv4_bytes})));
}

/// A piece by IPv4: `payload` at `offset` (in bytes), as its header says.
Bytes piece4(std::span<const std::byte> payload, std::uint32_t offset, bool more, std::uint16_t id,
             std::uint8_t proto = protocol::udp, Ipv4Addr from = peer_ip) {
    Bytes frame = ipv4(proto, payload, host_ip, from);
    stack::wire::store_be16(frame.data() + 18, id);
    stack::wire::store_be16(frame.data() + 20, static_cast<std::uint16_t>(offset / 8U | (more ? 0x2000U : 0U)));
    seal_ipv4(frame);
    return frame;
}
Bytes piece6(std::span<const std::byte> payload, std::uint32_t offset, bool more, std::uint32_t id,
             std::uint8_t next = protocol::udp, const Ends6& ends = {}) {
    const Bytes header = fragment_header(next, static_cast<std::uint16_t>(offset), more, id);
    return ipv6(protocol::fragment, joined({header, Bytes(payload.begin(), payload.end())}), ends);
}

/// A host of both families; a piece of either.
struct Both : Ipv6Host {
    explicit Both(const stack::StackConfig& config = host6_config()) : Ipv6Host(config) { meet(); }

    Bytes piece(std::span<const std::byte> payload, std::uint32_t offset, bool more, std::uint32_t id,
                std::uint8_t proto = protocol::udp) const {
        return is_v6 ? piece6(payload, offset, more, id, proto)
                     : piece4(payload, offset, more, static_cast<std::uint16_t>(id), proto);
    }
    Bytes datagram(std::string_view text) const {
        return is_v6 ? udp6(9, port, text) : sealed_datagram(9, port, text, peer_ip, host_ip);
    }
    /// A datagram in two pieces arrives, and one in one.
    bool serves_honest(std::uint32_t id = 60'000) {
        const std::string text(1000, 'h');
        const Bytes whole = datagram(text);
        give(piece(std::span(whole).first(504), 0, true, id));
        give(piece(std::span(whole).subspan(504), 504, false, id));
        const bool in_pieces = socket.text() == text;
        give(is_v6 ? ipv6(protocol::udp, datagram("x")) : ipv4(protocol::udp, datagram("x")));
        return in_pieces && socket.text() == "x";
    }
    void check_bounds() const {
        const auto& limits = config().reassembly;
        auto& table = const_cast<stack::Stack&>(stack).reassembly();
        if (table.datagrams() > limits.datagrams_max) FAIL("too many datagrams");
        if (table.bytes() > limits.bytes_max) FAIL("too many bytes");
    }
    [[nodiscard]] const stack::StackConfig& config() const { return stack.config(); }
    [[nodiscard]] std::uint64_t dropped_of(Drop of_v4, Drop of_v6) const { return dropped(is_v6 ? of_v6 : of_v4); }

    bool is_v6 = GENERATE(false, true);
};

TEST_CASE("attack 5: first pieces without end hold a bounded table, and sound datagrams pass", "[attack]") {
    Both host;
    const Bytes part(64);
    const std::uint64_t before = host.frames.out();
    const Bytes whole = host.datagram(std::string(1000, 'h'));
    std::size_t arrived = 0;
    for (std::uint32_t id = 0; id < 200'000; ++id) {
        host.give(host.is_v6 ? piece6(part, 0, true, id)
                             : piece4(part, 0, true, static_cast<std::uint16_t>(id), protocol::udp,
                                      Ipv4Addr{0x0a00'0001U + (id >> 16U)}));
        host.check_bounds();
        if (id % 2000 == 0) host.give(host.piece(std::span(whole).first(504), 0, true, 0xffff'0000U + id % 65'536));
        if (id % 2000 == 500) {  // while 500 others came
            const std::uint32_t mine = 0xffff'0000U + (id - 500) % 65'536;
            host.give(host.piece(std::span(whole).subspan(504), 504, false, mine));
            if (host.socket.text().size() == 1000) ++arrived;
        }
    }
    CHECK(arrived >= 99);
    CHECK(host.frames.out() - before <= host.config().reassembly.datagrams_max);
    CHECK(host.dropped_of(Drop::ipv4_reassembly_full, Drop::ipv6_reassembly_full) >=
          190'000 - (host.is_v6 ? 0 : 65'536));
    CHECK(host.serves_honest());
    (void)host.taken();
    host.idle(61s);  // and when it is over nothing of it is left
    CHECK(host.stack.reassembly().datagrams() == 0);
    CHECK(host.stack.reassembly().bytes() == 0);
    CHECK(host.taken().size() <= 1024);  // who sent a first piece is told, at the pace of all errors
}

TEST_CASE("attack 5: first pieces leave a small pool frames for connections", "[attack]") {
    TcpHost host(host_config(), 16, 256);
    const Bytes part(64);
    for (std::uint32_t id = 0; id < 5000; ++id) host.give(piece4(part, 0, true, static_cast<std::uint16_t>(id)));
    CHECK(host.frames.available() >= 256 / 4);
    CHECK(serves(host));
}

TEST_CASE("attack 6: pieces past the longest packet, or of no whole eight bytes, are dropped", "[attack]") {
    Both host;
    const std::uint64_t before = host.stack.drops().total();
    host.give(host.piece(Bytes(1400), 65'528, false, 1));                   // the ping of death
    host.give(host.piece(Bytes(1400), 65'528, false, 2, host.is_v6 ? protocol::icmpv6 : protocol::icmp));
    host.give(host.piece(Bytes(8), 65'528, false, 3));                      // eight bytes too many
    host.give(host.piece(Bytes(1401), 0, true, 4));                         // not the last, and 1401
    host.give(host.piece(Bytes(0), 8, true, 5));                            // nothing
    Bytes lies = host.piece(Bytes(64), 8, true, 6);                         // more than there is
    stack::wire::store_be16(lies.data() + (host.is_v6 ? 18 : 16), 1400);
    if (!host.is_v6) seal_ipv4(lies);
    host.give(lies);
    CHECK(host.stack.drops().total() - before == 6);
    CHECK(host.stack.reassembly().datagrams() == 0);
    CHECK(host.dropped_of(Drop::ipv4_fragment_end, Drop::ipv6_fragment_end) == 3);
    CHECK(host.serves_honest());
}

TEST_CASE("attack 7: pieces that overlap make no datagram, whatever comes after them", "[attack]") {
    Both host;
    const Bytes whole = host.datagram(std::string(1000, 'o'));
    struct Shift {
        std::uint32_t from, bytes;
    };
    std::uint32_t id = 100;
    // Into the first, into the second, inside of one, around both, by eight bytes: each with other bytes.
    for (const Shift& shift : {Shift{496, 16}, Shift{0, 512}, Shift{8, 8}, Shift{480, 128}, Shift{0, 8}}) {
        ++id;
        Bytes other(shift.bytes, std::byte{0xee});
        host.give(host.piece(std::span(whole).first(504), 0, true, id));
        host.give(host.piece(other, shift.from, true, id));
        host.give(host.piece(std::span(whole).subspan(504), 504, false, id));
        CHECK(host.socket.text() == "-");
        ++id;
        host.give(host.piece(other, shift.from, true, id));  // the other way round
        host.give(host.piece(std::span(whole).subspan(504), 504, false, id));
        host.give(host.piece(std::span(whole).first(504), 0, true, id));
        CHECK(host.socket.text() == "-");
    }
    CHECK(host.dropped_of(Drop::ipv4_fragment_overlap, Drop::ipv6_fragment_overlap) >= 5);
    CHECK(host.serves_honest());
}

TEST_CASE("attack 8: a first piece that cuts the transport's header is refused, and what follows it too", "[attack]") {
    Both host;
    TestSegment syn;
    syn.flags = flag::syn;
    const Bytes segment = segment_bytes(syn, Ipv6Host::port, peer_port);
    const std::uint64_t before = host.stack.drops().total();
    host.give(host.piece(std::span(segment).first(8), 0, true, 1, protocol::tcp));
    host.give(host.piece(std::span(segment).subspan(8), 8, false, 1, protocol::tcp));
    host.give(host.piece(std::span(segment).first(16), 0, true, 2, protocol::tcp));
    CHECK(host.stack.drops().total() - before >= 2);
    CHECK(host.dropped_of(Drop::ipv4_fragment_tiny, Drop::ipv6_fragment_tiny) +
              host.dropped(Drop::ipv6_fragment_chain) >=
          2);
    CHECK(host.stack.tcp().sizes().half_open == 0);
    if (host.is_v6) {  // options instead of the transport: RFC 7112
        host.give(host.piece(option_header(protocol::tcp, 1), 0, true, 3, protocol::destination_options));
        CHECK(host.dropped(Drop::ipv6_fragment_chain) >= 1);
    }
    (void)host.taken();
    CHECK(host.serves_honest());
}

TEST_CASE("attack 9: more pieces than a datagram may have leave nothing behind", "[attack]") {
    Both host;
    const std::uint64_t before = host.frames.out();
    const std::size_t most = host.config().reassembly.pieces_max;
    for (std::uint32_t i = 0; i < 1000; ++i) host.give(host.piece(Bytes(8), 16 * i, true, 7));
    CHECK(host.frames.out() - before <= most);
    CHECK(host.dropped_of(Drop::ipv4_reassembly_full, Drop::ipv6_reassembly_full) >= most);
    CHECK(host.serves_honest());
    host.idle(61s);
    (void)host.taken();
    CHECK(host.frames.out() <= before);
}

TEST_CASE("attack 9: a whole packet with a fragment header meets no pieces of its number", "[attack]") {
    Ipv6Host host;
    host.meet();
    const Bytes whole = udp6(9, Ipv6Host::port, std::string(1000, 'p'));
    const Bytes atomic = udp6(9, Ipv6Host::port, "atomic");
    host.give(piece6(std::span(whole).first(504), 0, true, 1));
    host.give(piece6(atomic, 0, false, 1));
    CHECK(host.socket.text() == "atomic");
    host.give(piece6(std::span(whole).subspan(504), 504, false, 1));
    CHECK(host.socket.text().size() == 1000);
}

TEST_CASE("attack 10: chains of headers end early, are counted, and bring one answer at most", "[attack]") {
    Ipv6Host host;
    host.meet();
    const Bytes datagram = udp6(9, Ipv6Host::port, "x");
    std::size_t answers = 0;
    std::uint64_t drops = host.stack.drops().total();
    const auto refused = [&](std::uint8_t next, const Bytes& payload, const char* what) {
        INFO(what);
        host.give(ipv6(next, payload));
        CHECK(host.stack.drops().total() == ++drops);
        answers += host.taken().size();
        CHECK(host.socket.text() == "-");
    };
    Bytes hundred;
    for (int i = 0; i < 100; ++i) {
        const std::uint8_t next = i == 99 ? protocol::udp : protocol::destination_options;
        hundred = joined({hundred, Bytes{std::byte{next}, std::byte{0}, std::byte{1}, std::byte{4}, std::byte{0},
                                         std::byte{0}, std::byte{0}, std::byte{0}}});
    }
    refused(protocol::destination_options, joined({hundred, datagram}), "100 headers");
    Bytes pad1(256);  // 254 Pad1
    pad1[0] = std::byte{protocol::udp};
    pad1[1] = std::byte{31};
    refused(protocol::destination_options, joined({pad1, datagram}), "254 times Pad1");
    Bytes zero_length(256, std::byte{0x1e});  // options of type 30, each of length 0
    for (std::size_t i = 3; i < zero_length.size(); i += 2) zero_length[i] = std::byte{0};
    zero_length[0] = std::byte{protocol::udp};
    zero_length[1] = std::byte{31};
    refused(protocol::destination_options, joined({zero_length, datagram}), "127 options of no length");
    Bytes routing(8);
    routing[0] = std::byte{protocol::udp};
    routing[3] = std::byte{1};  // one segment left, type 0
    refused(protocol::routing, joined({routing, datagram}), "a routing header of type 0");
    Bytes long_routing(24);
    long_routing[0] = std::byte{protocol::udp};
    long_routing[1] = std::byte{2};
    long_routing[3] = std::byte{1};
    refused(protocol::routing, joined({long_routing, datagram}), "the same with an address");
    Bytes jumbo(8);  // option 0xc2 of a jumbogram of 0 bytes
    jumbo[0] = std::byte{protocol::udp};
    jumbo[2] = std::byte{0xc2};
    jumbo[3] = std::byte{4};
    refused(protocol::hop_by_hop, joined({jumbo, datagram}), "a jumbogram of no bytes");
    Bytes jumbogram = ipv6(protocol::hop_by_hop, joined({jumbo, datagram}));
    stack::wire::store_be16(jumbogram.data() + 18, 0);
    host.give(jumbogram);
    CHECK(host.socket.text() == "-");
    answers += host.taken().size();
    Bytes past(8);  // a header that goes on past the packet
    past[0] = std::byte{protocol::udp};
    past[1] = std::byte{255};
    drops = host.stack.drops().total();
    refused(protocol::destination_options, past, "a header past the end");
    CHECK(answers <= 8);
    host.give(ipv6(protocol::udp, datagram));
    CHECK(host.socket.text() == "x");
}

}  // namespace
}  // namespace skerry
