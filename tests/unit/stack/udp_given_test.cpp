// Buffers that a program gives away as datagrams: they leave in the memory that it filled, and nobody can tell.

#include "support/ipv6_host.hpp"
#include "support/text_socket.hpp"

#include <skerry/stack/sockets.hpp>
#include <skerry/testing/no_alloc.hpp>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

using namespace tests;
using stack::wire::Ipv4Addr;

constexpr Ipv4Addr group = Ipv4Addr::of(239, 1, 2, 3);

/// A host whose IPv4 peer is known, with a socket, and buffers of its port's frames.
struct Giving : StackHost {
    explicit Giving(const stack::StackConfig& config = host_config()) : StackHost(config), sockets(stack, 0) {
        give(arp(stack::wire::ArpOperation::request));
        (void)taken();
        REQUIRE(stack.udp().open(socket, {}, 7000));
    }
    ~Giving() {
        stack.udp().close(socket, now);
        (void)taken();
        CHECK(frames.out() == 0);
    }

    IoBuf filled(std::string_view text, std::size_t headroom = 0) {
        IoBuf buffer = sockets.send_buffer(text.size(), headroom);
        REQUIRE(buffer.size() == text.size());
        if (!text.empty()) std::memcpy(buffer.writable().data(), text.data(), text.size());
        return buffer;
    }
    Result<> give_away(IoBuf& buffer, Ipv4Addr to = peer_ip) {
        return stack.udp().send_buf(socket, to, 9, buffer, now);
    }
    Result<> copy(std::string_view text, Ipv4Addr to = peer_ip) {
        return stack.udp().send(socket, to, 9, std::as_bytes(std::span(text)), now);
    }
    std::uint64_t given() { return stack.udp().buffers_given(); }
    /// Where the payload of the next packet lies, which a device would read now.
    const std::byte* where(std::size_t bytes) {
        stack::Frame* const frame = stack.backlog().pop();
        if (frame == nullptr) return nullptr;
        const std::byte* const at = frame->data + frame->length - bytes;
        frame->drop();
        return at;
    }

    TextSocket socket;
    stack::Sockets sockets;
};

TEST_CASE("a datagram that is given leaves where the program filled it", "[stack][udp][given]") {
    Giving host;
    IoBuf buffer = host.filled("datagram");
    const std::byte* const at = buffer.data();
    {
        const testing::NoAlloc guard;
        REQUIRE(host.give_away(buffer));
    }
    CHECK_FALSE(buffer);  // the program has no handle on it any more
    CHECK(host.frames.out() == 1);
    CHECK(host.where(8) == at);
    CHECK(host.frames.out() == 0);
    CHECK(host.given() == 1);
    CHECK(host.sockets.stats().buffers_given == 1);
}

TEST_CASE("a datagram that is given is the same packet as one that is copied", "[stack][udp][given]") {
    stack::StackConfig config = host_config();
    SECTION("as usual") {}
    SECTION("with its checksum left to the port") { config.checksums_sent = true; }
    Giving host(config);
    for (const bool is_marked : {false, true}) {
        host.socket.marks.ttl = is_marked ? 3 : 64;
        host.socket.is_marked = is_marked;
        for (const std::size_t bytes : {0, 1, 2, 63, 64, 65, 1471, 1472}) {
            std::string text(bytes, 'x');
            for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 7);
            REQUIRE(host.copy(text));
            IoBuf buffer = host.filled(text);
            REQUIRE(host.give_away(buffer));
            CHECK_FALSE(buffer);
            const std::vector<Bytes> sent = host.taken();
            REQUIRE(sent.size() == 2);
            CHECK(sent[0] == sent[1]);
        }
    }
    CHECK(host.given() == 16);
}

TEST_CASE("who sends often gets the same frames again and again", "[stack][udp][given]") {
    Giving host;
    const std::string text(1000, 't');
    REQUIRE(host.copy(text));
    (void)host.where(1000);
    const testing::NoAlloc guard;
    for (int i = 0; i < 10'000; ++i) {
        IoBuf buffer = host.filled(text);
        REQUIRE(host.give_away(buffer));
        const std::byte* const left = host.where(1000);
        REQUIRE(left != nullptr);
    }
    CHECK(host.given() == 10'000);
    CHECK(host.frames.out() == 0);
}

TEST_CASE("a datagram that came is answered in its frame, whatever the port had said of it", "[stack][udp][given]") {
    Giving host;
    host.give(ipv4(stack::wire::ip_protocol::udp, sealed_datagram(9, 7000, "echo", peer_ip, host_ip)));
    const stack::UdpDatagram got = host.socket.take();
    REQUIRE(got.frame != nullptr);
    got.frame->flags = stack::Frame{}.flags | backend::frame_flag::has_vlan;
    got.frame->vlan = 7;
    IoBuf buffer = got.frame->to_buffer();
    const std::byte* const at = buffer.data();
    REQUIRE(host.give_away(buffer));
    stack::Frame* const frame = host.stack.backlog().pop();
    REQUIRE(frame != nullptr);
    CHECK(frame->data + frame->length - 4 == at);
    CHECK(frame->flags == 0);
    frame->drop();
}

TEST_CASE("a datagram whose buffer cannot leave is copied, and the buffer stays as it was", "[stack][udp][given]") {
    Giving host;
    const auto is_copied = [&](IoBuf buffer, std::string_view text) {
        REQUIRE(host.give_away(buffer));
        CHECK(buffer);
        CHECK(buffer.size() == text.size());
        CHECK(std::memcmp(buffer.data(), text.data(), text.size()) == 0);
        const std::vector<Bytes> given = host.taken();
        REQUIRE(host.copy(text));
        CHECK(given == host.taken());
        CHECK(host.given() == 0);
    };
    SECTION("of the heap") { is_copied(IoBuf::copy_of(std::as_bytes(std::span("abc", 3))), "abc"); }
    SECTION("without room for headers") {
        IoBuf buffer = host.filled("bc");
        buffer.prepend(1)[0] = std::byte{'a'};
        is_copied(std::move(buffer), "abc");
    }
    SECTION("shared") {
        IoBuf buffer = host.filled("abc");
        const IoBuf other = buffer.share();
        is_copied(std::move(buffer), "abc");
    }
    SECTION("read by a device") {
        host.frames.are_in_flight = true;
        is_copied(host.filled("abc"), "abc");
    }
}

TEST_CASE("a datagram that is given and longer than the way goes in pieces, as a copy", "[stack][udp][given]") {
    stack::StackConfig config = host_config();
    config.mtu = 576;
    Giving host(config);
    IoBuf buffer = host.filled(std::string(1000, 'p'));
    REQUIRE(host.give_away(buffer));
    CHECK(buffer);
    CHECK(host.taken().size() == 2);
    CHECK(host.given() == 0);
}

TEST_CASE("what cannot be sent at all stays with who gave it", "[stack][udp][given]") {
    stack::StackConfig config = host_config();
    config.gateway = {};
    Giving host(config);
    IoBuf buffer = host.filled("abc");
    CHECK(host.give_away(buffer, Ipv4Addr::of(192, 0, 2, 1)).error() == Errc::unreachable);
    host.socket.may_broadcast = false;
    CHECK(host.give_away(buffer, Ipv4Addr::of(255, 255, 255, 255)).error() == Errc::permission_denied);
    CHECK(buffer.size() == 3);
    IoBuf long_one = host.sockets.send_buffer(65'508, 0);
    CHECK(host.give_away(long_one).error() == Errc::message_too_long);
    CHECK(long_one);
    CHECK(host.given() == 0);
}

TEST_CASE("a datagram that is given waits for its neighbour in its own frame", "[stack][udp][given]") {
    Giving host;
    const Ipv4Addr neighbour = Ipv4Addr::of(198, 18, 0, 77);
    IoBuf buffer = host.filled("waits");
    const std::byte* const at = buffer.data();
    REQUIRE(host.give_away(buffer, neighbour));
    CHECK_FALSE(buffer);
    CHECK(host.taken().size() == 1);  // the question
    host.give(arp(stack::wire::ArpOperation::reply, neighbour));
    CHECK(host.where(5) == at);
}

TEST_CASE("a datagram that is given comes to ourselves, and to this host's members of a group", "[stack][udp][given]") {
    Giving host;
    IoBuf to_us = host.filled("to us");
    REQUIRE(host.stack.udp().send_buf(host.socket, host_ip, 7000, to_us, host.now));
    CHECK_FALSE(to_us);
    host.stack.input({}, host.now);
    CHECK(host.socket.text() == "to us");
    REQUIRE(host.stack.udp().join(host.socket, group, host.now));
    (void)host.taken();
    IoBuf to_all = host.filled("to all");
    const std::byte* const at = to_all.data();
    REQUIRE(host.stack.udp().send_buf(host.socket, group, 7000, to_all, host.now));
    CHECK(host.where(6) == at);
    host.stack.input({}, host.now);
    CHECK(host.socket.text() == "to all");
    CHECK(host.given() == 2);
    REQUIRE(host.stack.udp().leave(host.socket, group, host.now));
}

TEST_CASE("a datagram that is given leaves by IPv6 in its frame, too", "[stack][udp][given][ipv6]") {
    Ipv6Host host;
    host.meet();
    stack::Sockets sockets(host.stack, 0);
    IoBuf buffer = sockets.send_buffer(4, 0);
    std::memcpy(buffer.writable().data(), "six!", 4);
    const std::byte* const at = buffer.data();
    host.send(peer6, "six!");
    const Bytes copied = host.only();
    REQUIRE(host.stack.udp().send_buf(host.socket, host.stack.hosts().name(peer6), 9, buffer, host.now));
    CHECK_FALSE(buffer);
    stack::Frame* const frame = host.stack.backlog().pop();
    REQUIRE(frame != nullptr);
    CHECK(frame->data + frame->length - 4 == at);
    CHECK(Bytes(frame->bytes().begin(), frame->bytes().end()) == copied);
    frame->drop();
}

}  // namespace
}  // namespace skerry
