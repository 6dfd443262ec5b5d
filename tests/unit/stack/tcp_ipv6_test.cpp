// TCP over IPv6: which listener hears whom, sizes of segments, and what goes by a host's number.

#include "support/ipv6_host.hpp"
#include "support/stack_ends.hpp"
#include "support/tcp_host.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::Hosts;
using stack::tcp::Acceptor;
using stack::tcp::LocalEnd;
using stack::tcp::State;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;
namespace protocol = stack::wire::ip_protocol;

/// A segment that left by IPv6.
struct Sent {
    Sent6 packet;
    stack::wire::TcpHeader tcp;
    stack::wire::TcpOptions options;
    std::string text;
};

struct Host : Ipv6Host {
    explicit Host(const stack::StackConfig& config = host6_config()) : Ipv6Host(config) { meet(); }
    ~Host() {
        for (auto& endpoint : endpoints)
            if (endpoint->tcb != nullptr) tcp().forget(*endpoint);
        for (auto& acceptor : acceptors) tcp().close(*acceptor, now);
        for (int i = 0; i < 20; ++i) idle(60s);
        CHECK(tcp().sizes().connections + tcp().sizes().half_open + tcp().sizes().time_wait == 0);
        CHECK(tcp().frames_kept() == 0);
        CHECK(stack.hosts().size() == stack.neighbours().size());
    }

    [[nodiscard]] stack::tcp::Tcp& tcp() { return stack.tcp(); }
    TestEndpoint& endpoint() { return *endpoints.emplace_back(std::make_unique<TestEndpoint>()); }
    Result<> listen(Ipv4Addr local, bool v6_only = false) {
        auto acceptor = std::make_unique<TestAcceptor>();
        acceptor->v6_only = v6_only;
        auto done = tcp().listen(*acceptor, local, host_port, 8);
        if (done) acceptors.push_back(std::move(acceptor));
        return done;
    }
    TestEndpoint& connect(const Ipv6Addr& to, std::uint16_t from_port = 0) {
        TestEndpoint& made = endpoint();
        LocalEnd from;
        from.port = from_port;
        REQUIRE(tcp().connect(made, stack.hosts().name(to), 80, now, from));
        return made;
    }

    void come(const TestSegment& segment, std::uint16_t to = host_port, const Ends6& ends = {},
              std::uint16_t from = peer_port) {
        Bytes bytes = segment_bytes(segment, to, from);
        stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(ends.from, ends.to, protocol::tcp,
                                                                static_cast<std::uint32_t>(bytes.size())));
        give(ipv6(protocol::tcp, bytes, ends));
    }
    void come4(const TestSegment& segment) {
        Bytes bytes = segment_bytes(segment, host_port, peer_port);
        stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(peer_ip, host_ip, protocol::tcp,
                                                                static_cast<std::uint32_t>(bytes.size())));
        give(ipv4(protocol::tcp, bytes));
    }

    /// The segments that left by IPv6, after the turn's flush.
    std::vector<Sent> sent() {
        stack.advance(now);
        std::vector<Sent> all;
        for (const Bytes& frame : taken()) {
            if (!is_ipv6(frame)) continue;
            Sent one;
            one.packet = sent6_in(frame);
            if (one.packet.ip.next_header != protocol::tcp) continue;
            const auto bytes = std::span(std::as_const(one.packet.payload));
            CHECK(stack::wire::tcp_checksum_holds(
                bytes, stack::wire::pseudo_header(one.packet.ip.source, one.packet.ip.destination, protocol::tcp,
                                                  static_cast<std::uint32_t>(bytes.size()))));
            REQUIRE(stack::wire::parse(bytes, one.tcp) == Drop::none);
            REQUIRE(stack::wire::parse(bytes.subspan(20, one.tcp.header_bytes - 20U), one.options) == Drop::none);
            const auto text = bytes.subspan(one.tcp.header_bytes);
            one.text.assign(reinterpret_cast<const char*>(text.data()), text.size());
            all.push_back(one);
        }
        return all;
    }
    Sent only_segment() {
        const std::vector<Sent> all = sent();
        REQUIRE(all.size() == 1);
        return all.front();
    }

    /// A connection that the peer began.
    TestEndpoint& establish(const Ends6& ends = {}, std::optional<std::uint16_t> mss = {}) {
        TestSegment syn;
        syn.flags = flag::syn;
        syn.seq = 1000;
        syn.mss = mss;
        come(syn, host_port, ends);
        const Sent answer = only_segment();
        REQUIRE(answer.tcp.flags == (flag::syn | flag::ack));
        host_seq = answer.tcp.seq + 1;
        peer_seq = 1001;
        TestSegment ack;
        ack.flags = flag::ack;
        ack.seq = peer_seq;
        ack.ack = host_seq;
        come(ack, host_port, ends);
        TestEndpoint& accepted = endpoint();
        REQUIRE(tcp().accept(*acceptors.front(), accepted));
        return accepted;
    }
    std::size_t write(TestEndpoint& to, std::string_view text) {
        return tcp().write(*to.tcb, std::as_bytes(std::span(text)), now);
    }

    std::vector<std::unique_ptr<TestEndpoint>> endpoints;
    std::vector<std::unique_ptr<TestAcceptor>> acceptors;
    std::uint32_t peer_seq = 0;
    std::uint32_t host_seq = 0;
};

TestSegment a_syn(std::optional<std::uint16_t> mss = {}) {
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 1000;
    syn.mss = mss;
    return syn;
}

// --- listeners

/// Whether a SYN is answered by a listener: by IPv4, to our address, and to our link-local one.
struct Heard {
    bool v4 = false;
    bool v6 = false;
    bool near = false;
    friend bool operator==(const Heard&, const Heard&) = default;
};
Heard heard(Host& f) {
    Heard heard;
    std::size_t before = f.tcp().sizes().half_open;
    const auto more = [&] { return std::exchange(before, f.tcp().sizes().half_open) < f.tcp().sizes().half_open; };
    f.come4(a_syn());
    heard.v4 = more();
    f.come(a_syn());
    heard.v6 = more();
    f.come(a_syn(), host_port, {peer6, host6_near});
    heard.near = more();
    return heard;
}

TEST_CASE("a listener hears the family and the address that it is at", "[stack][ipv6][tcp]") {
    Host f;
    SECTION("::") {
        REQUIRE(f.listen(Hosts::any_v6));
        CHECK(heard(f) == Heard{true, true, true});
    }
    SECTION(":: for IPv6 alone") {
        REQUIRE(f.listen(Hosts::any_v6, true));
        CHECK(heard(f) == Heard{false, true, true});
    }
    SECTION("0.0.0.0") {
        REQUIRE(f.listen({}));
        CHECK(heard(f) == Heard{true, false, false});
    }
    SECTION("our address") {
        REQUIRE(f.listen(Hosts::own_v6));
        CHECK(heard(f) == Heard{false, true, false});
    }
    SECTION("our link-local address") {
        REQUIRE(f.listen(Hosts::own_link_local));
        CHECK(heard(f) == Heard{false, false, true});
    }
}

TEST_CASE("a port is taken by a listener that would hear the same", "[stack][ipv6][tcp]") {
    Host f;
    SECTION(":: hears IPv4 too") {
        REQUIRE(f.listen(Hosts::any_v6));
        CHECK(f.listen({}).error() == Errc::address_in_use);
        CHECK(f.listen(host_ip).error() == Errc::address_in_use);
        CHECK(f.listen(Hosts::own_v6).error() == Errc::address_in_use);
        CHECK(f.listen(Hosts::any_v6, true).error() == Errc::address_in_use);
    }
    SECTION(":: for IPv6 alone leaves IPv4's") {
        REQUIRE(f.listen(Hosts::any_v6, true));
        CHECK(f.listen({}));
        CHECK(heard(f) == Heard{true, true, true});
    }
    SECTION("addresses beside each other") {
        REQUIRE(f.listen(Hosts::own_v6));
        CHECK(f.listen(Hosts::own_link_local));
        CHECK(f.listen(host_ip));
    }
    CHECK(f.listen(f.stack.hosts().name(peer6)).error() == Errc::address_not_available);
}

TEST_CASE("a host without IPv6 has no IPv6 address to listen at", "[stack][ipv6][tcp]") {
    StackHost f;
    TestAcceptor acceptor;
    CHECK(f.stack.tcp().listen(acceptor, Hosts::own_v6, host_port, 8).error() == Errc::address_not_available);
}

TEST_CASE("a SYN to a port where nobody listens is reset, from the address that it came to", "[stack][ipv6][tcp]") {
    Host f;
    const Ends6 ends{peer6, GENERATE(host6, host6_near)};
    f.come(a_syn(), 9999, ends);
    const Sent reset = f.only_segment();
    CHECK(reset.tcp.flags == (flag::rst | flag::ack));
    CHECK(reset.tcp.ack == 1001);
    CHECK(reset.packet.ip.source == ends.to);
    CHECK(reset.packet.ip.destination == peer6);
    CHECK(f.dropped(Drop::tcp_no_port) == 1);
}

TEST_CASE("a segment of IPv6 to a group, or with a wrong checksum, is dropped", "[stack][ipv6][tcp]") {
    Host f;
    REQUIRE(f.listen(Hosts::any_v6));
    f.come(a_syn(), host_port, {peer6, Ipv6Addr::all_nodes()});
    CHECK(f.dropped(Drop::tcp_not_unicast) == 1);
    Bytes bytes = segment_bytes(a_syn(), host_port, peer_port);
    stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(near6(3), host6, protocol::tcp, 20));
    f.give(ipv6(protocol::tcp, bytes));
    CHECK(f.dropped(Drop::tcp_checksum) == 1);
    CHECK(f.sent().empty());
}

// --- connections

TEST_CASE("a connection that an IPv6 peer began carries both ways and ends", "[stack][ipv6][tcp]") {
    Host f;
    REQUIRE(f.listen(Hosts::any_v6));
    TestEndpoint& endpoint = f.establish();
    CHECK(f.stack.hosts().ip(endpoint.tcb->tuple.remote) == peer6.ip());
    CHECK(f.stack.hosts().ip(endpoint.tcb->tuple.local) == host6.ip());
    TestSegment data;
    data.flags = flag::ack | flag::psh;
    data.seq = f.peer_seq;
    data.ack = f.host_seq;
    data.text = "question";
    f.come(data);
    CHECK(endpoint.tcb->received_bytes == 8);
    REQUIRE(f.write(endpoint, "answer") == 6);
    const Sent answer = f.only_segment();
    CHECK(answer.text == "answer");
    CHECK(answer.tcp.ack == f.peer_seq + 8);
    CHECK(answer.packet.ip.source == host6);
    CHECK(answer.packet.ip.destination == peer6);
    CHECK(answer.packet.ethernet.destination == peer_mac);
    data.flags = flag::rst;
    data.seq = f.peer_seq + 8;
    data.text = "";
    f.come(data);
    CHECK(endpoint.tcb->state == State::closed);
}

TEST_CASE("peers with the same port are told apart by their addresses", "[stack][ipv6][tcp]") {
    Host f;
    REQUIRE(f.listen(Hosts::any_v6));
    f.establish();
    f.meet(near6(1));
    f.establish({near6(1), host6});
    f.establish({peer6, host6_near});
    CHECK(f.tcp().sizes().connections == 3);
    CHECK(f.stack.hosts().size() == 2);
}

TEST_CASE("a SYN over IPv6 offers 1440 bytes, and 1220 are sent to who offers nothing", "[stack][ipv6][tcp]") {
    Host f;
    REQUIRE(f.listen(Hosts::any_v6));
    f.come(a_syn());
    const Sent answer = f.only_segment();
    CHECK(answer.options.has_mss);
    CHECK(answer.options.mss == 1440);
    TestEndpoint& connecting = f.connect(peer6, 4000);
    const Sent syn = f.only_segment();
    CHECK(syn.tcp.flags == flag::syn);
    CHECK(syn.options.mss == 1440);
    CHECK(syn.packet.ip.source == host6);
    struct Case {
        std::optional<std::uint16_t> offered;
        std::uint16_t sent;
    };
    const Case each = GENERATE(Case{{}, 1220}, Case{9000, 1440}, Case{1440, 1440}, Case{1000, 1000});
    TestSegment syn_ack = a_syn(each.offered);
    syn_ack.flags = flag::syn | flag::ack;
    syn_ack.ack = syn.tcp.seq + 1;
    f.come(syn_ack, 4000, {}, 80);
    REQUIRE(connecting.tcb->state == State::established);
    (void)f.sent();
    const std::string text(3 * std::size_t{each.sent}, 'x');
    REQUIRE(f.write(connecting, text) == text.size());
    const std::vector<Sent> out = f.sent();
    REQUIRE_FALSE(out.empty());
    for (const Sent& segment : out) {
        CHECK(segment.text.size() == each.sent);
        CHECK(segment.packet.ip.total_bytes() <= 1500);
    }
}

TEST_CASE("a peer that offered no size gets 1220 bytes when it began, and over IPv4 536", "[stack][ipv6][tcp]") {
    Host f;
    REQUIRE(f.listen(Hosts::any_v6));
    CHECK(f.establish().tcb->mss == 1220);
    f.meet(near6(1));
    CHECK(f.establish({near6(1), host6}, 1300).tcb->mss == 1300);
    TcpHost v4;
    CHECK(v4.establish().tcb->mss == 536);
}

TEST_CASE("a connect by IPv6 comes from the address that fits, or from the one that was asked for",
          "[stack][ipv6][tcp]") {
    Host f;
    f.meet(peer6_near);
    f.connect(peer6);
    CHECK(f.only_segment().packet.ip.source == host6);
    f.connect(peer6_near);
    CHECK(f.only_segment().packet.ip.source == host6_near);
    TestEndpoint& endpoint = f.endpoint();
    const Ipv4Addr peer = f.stack.hosts().name(peer6);
    REQUIRE(f.tcp().connect(endpoint, peer, 80, f.now, LocalEnd{Hosts::own_link_local, 0, 0, {}}));
    CHECK(f.only_segment().packet.ip.source == host6_near);
    TestEndpoint& refused = f.endpoint();
    CHECK(f.tcp().connect(refused, peer, 80, f.now, LocalEnd{host_ip, 0, 0, {}}).error() ==
          Errc::address_not_available);
    CHECK(f.tcp().connect(refused, peer_ip, 80, f.now, LocalEnd{Hosts::own_v6, 0, 0, {}}).error() ==
          Errc::address_not_available);
    CHECK(f.tcp().connect(refused, f.stack.hosts().name(Ipv6Addr::all_nodes()), 80, f.now).error() ==
          Errc::unreachable);
    CHECK(f.tcp().connect(refused, Hosts::any_v6, 80, f.now).error() == Errc::unreachable);
    CHECK(f.tcp().sizes().connections == 3);
}

TEST_CASE("a connect to a listener of our own by IPv6 stands", "[stack][ipv6][tcp]") {
    Host f;
    REQUIRE(f.listen(Hosts::any_v6));
    TestEndpoint& endpoint = f.endpoint();
    REQUIRE(f.tcp().connect(endpoint, Hosts::own_v6, host_port, f.now));
    for (int i = 0; i < 6; ++i) {
        f.stack.input({}, f.now);
        f.stack.advance(f.now);
    }
    CHECK(f.taken().empty());
    CHECK(endpoint.tcb->state == State::established);
    CHECK(f.acceptors.front()->has_waiting());
}

// --- numbers of hosts

TEST_CASE("first numbers go on for the same peer when it has another number of ours", "[stack][ipv6][tcp]") {
    Host f;
    f.meet(gateway6);
    const auto first_number = [&f](const Ipv6Addr& to) {
        TestEndpoint& endpoint = f.connect(to, 4000);
        const std::pair found{endpoint.tcb->tuple.remote, f.only_segment().tcp.seq};
        f.tcp().forget(endpoint);
        return found;
    };
    const auto [number, seq] = first_number(far6);
    const Ipv4Addr taken = f.stack.hosts().hold(f.stack.hosts().name(near6(9))).value();
    REQUIRE(taken == number);  // given to another meanwhile
    const auto [other_number, other_seq] = first_number(far6);
    CHECK(other_number != number);
    CHECK(other_seq == seq);
    CHECK(first_number(Ipv6Addr{far6.high, 77}).second != seq);
    f.stack.hosts().release(taken);
}

TEST_CASE("a connection in TIME-WAIT keeps its peer's number", "[stack][ipv6][tcp]") {
    Host f;
    f.meet(gateway6);
    REQUIRE(f.listen(Hosts::any_v6));
    const Ends6 ends{far6, host6};
    TestEndpoint& endpoint = f.establish(ends);
    const Ipv4Addr number = endpoint.tcb->tuple.remote;
    f.tcp().close(endpoint, f.now);
    REQUIRE(f.only_segment().tcp.flags == (flag::fin | flag::ack));
    TestSegment fin;
    fin.flags = flag::fin | flag::ack;
    fin.seq = f.peer_seq;
    fin.ack = f.host_seq + 1;
    f.come(fin, host_port, ends);
    CHECK(f.tcp().sizes().time_wait == 1);
    (void)f.sent();
    CHECK(f.stack.hosts().find(far6) == number);
    for (std::uint16_t i = 0; i < 20; ++i) f.come(a_syn(), 9999, {near6(i), host6});  // others come and go
    (void)f.sent();
    f.come(fin, host_port, ends);
    const Sent again = f.only_segment();
    CHECK(again.packet.ip.destination == far6);
    CHECK(again.tcp.ack == f.peer_seq + 1);

    TestSegment syn = a_syn();
    syn.seq = f.peer_seq + 1000;
    f.come(syn, host_port, ends);  // a new connection takes its place, and its number
    const Sent answer = f.only_segment();
    CHECK(answer.tcp.flags == (flag::syn | flag::ack));
    CHECK(answer.packet.ip.destination == far6);
    CHECK(f.tcp().sizes().time_wait == 0);
    CHECK(f.stack.hosts().find(far6) == number);
    syn.flags = flag::rst;
    ++syn.seq;
    f.come(syn, host_port, ends);
    CHECK(f.tcp().sizes().half_open == 0);
    CHECK_FALSE(f.stack.hosts().find(far6));
}

TEST_CASE("handshakes that are forgotten let their peers' addresses go", "[stack][ipv6][tcp]") {
    stack::StackConfig config = host6_config();
    config.tcp.half_open_max = 4;
    config.tcp.syn_cookies = stack::SynCookies::off;
    Host f(config);
    f.meet(gateway6);
    REQUIRE(f.listen(Hosts::any_v6));
    const std::size_t before = f.stack.hosts().size();
    for (std::uint64_t i = 0; i < 100; ++i) f.come(a_syn(), host_port, {Ipv6Addr{far6.high, 100 + i}, host6});
    CHECK(f.tcp().sizes().half_open == 4);
    CHECK(f.stack.hosts().size() == before + 4);
    for (const Sent& each : f.sent()) CHECK(each.packet.ip.destination.high == far6.high);
}

TEST_CASE("a SYN that is answered by a cookie keeps no address, and its final acknowledgement keeps one",
          "[stack][ipv6][tcp][cookie]") {
    stack::StackConfig config = host6_config();
    config.tcp.half_open_max = 4;
    Host f(config);
    f.meet(gateway6);
    REQUIRE(f.listen(Hosts::any_v6));
    const std::size_t before = f.stack.hosts().size();
    for (std::uint64_t i = 0; i < 5000; ++i) {
        f.come(a_syn(), host_port, {Ipv6Addr{far6.high, 100 + i}, host6});
        REQUIRE(f.sent().size() == 1);
    }
    CHECK(f.tcp().sizes().half_open == 4);
    CHECK(f.stack.hosts().size() == before + 4);

    const Ends6 ends{far6, host6};
    f.come(a_syn(), host_port, ends);
    const Sent answer = f.only_segment();
    CHECK(answer.packet.ip.destination == far6);
    CHECK_FALSE(f.stack.hosts().find(far6));
    for (std::uint64_t i = 0; i < 20; ++i) f.come(a_syn(), host_port, {Ipv6Addr{far6.high, 200 + i}, host6});
    (void)f.sent();  // its number has passed to others
    TestSegment last;
    last.flags = flag::ack;
    last.seq = answer.tcp.ack;
    last.ack = answer.tcp.seq + 1;
    f.come(last, host_port, {Ipv6Addr{far6.high, 99}, host6});
    CHECK(f.only_segment().tcp.flags == flag::rst);
    CHECK(f.tcp().cookies().refused == 1);
    f.come(last, host_port, ends);
    CHECK(f.sent().empty());
    CHECK(f.tcp().sizes().connections == 1);
    REQUIRE(f.stack.hosts().find(far6));
    last.flags = flag::rst;
    f.come(last, host_port, ends);
    CHECK(f.tcp().sizes().connections == 0);
    CHECK_FALSE(f.stack.hosts().find(far6));
    CHECK(f.stack.hosts().size() == before + 4);
}

TEST_CASE("SYNs of neighbours that are nobody keep no more addresses than there may be neighbours",
          "[stack][ipv6][tcp][cookie]") {
    stack::StackConfig config = host6_config();
    config.tcp.half_open_max = 4;
    config.neighbours.entries_max = 8;
    Host f(config);
    REQUIRE(f.listen(Hosts::any_v6));
    for (std::uint16_t i = 0; i < 2000; ++i) {
        f.come(a_syn(), host_port, {near6(i), host6});
        (void)f.taken();
        REQUIRE(f.stack.hosts().size() <= 8 + 4);
    }
    CHECK(f.tcp().cookies().sent == 1996);
}

// --- two stacks

TEST_CASE("both directions come through over IPv6 on a wire that loses and mixes", "[stack][ipv6][tcp]") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        CAPTURE(seed);
        WireFaults faults;
        faults.loss = seed % 4 == 0 ? 0 : 20;
        faults.duplicates = 10;
        faults.reorder = 50;
        faults.hands_over = seed % 2 == 0;
        StackWire wire(seed, faults, host6_config());
        exchange(wire, 100'000, 60'000, seed % 3 == 0);
        CHECK(wire.a.stack.drops()[Drop::tcp_checksum] == 0);
    }
}

}  // namespace
}  // namespace skerry
