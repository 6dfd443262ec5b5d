// Which error a program is told when a host or a router says that what it sent did not arrive, by both families: as
// Linux, whose numbers are those of icmp_err_convert and icmpv6_err_convert.

#include "support/icmp_about.hpp"
#include "support/ipv6_host.hpp"
#include "support/tcp_host.hpp"

#include <cerrno>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace tests;
using stack::tcp::State;
using stack::tcp::Tcp;
using stack::wire::Icmpv6Type;
using stack::wire::IcmpType;

/// What is said, and what a program hears: of its connect, and of its connected datagram socket. 0: nothing.
template <class Type>
struct Row {
    Type type;
    std::uint8_t code;
    int of_connect;
    int of_datagram;
};

const std::vector<Row<IcmpType>> rows{
    {IcmpType::unreachable, 0, ENETUNREACH, 0},
    {IcmpType::unreachable, 1, EHOSTUNREACH, 0},
    {IcmpType::unreachable, 2, ENOPROTOOPT, ENOPROTOOPT},
    {IcmpType::unreachable, 3, ECONNREFUSED, ECONNREFUSED},
    {IcmpType::unreachable, 4, 0, EMSGSIZE},
    {IcmpType::unreachable, 5, EOPNOTSUPP, 0},
    {IcmpType::unreachable, 6, ENETUNREACH, ENETUNREACH},
    {IcmpType::unreachable, 7, EHOSTDOWN, EHOSTDOWN},
    {IcmpType::unreachable, 8, ENONET, ENONET},
    {IcmpType::unreachable, 9, ENETUNREACH, ENETUNREACH},
    {IcmpType::unreachable, 10, EHOSTUNREACH, EHOSTUNREACH},
    {IcmpType::unreachable, 11, ENETUNREACH, 0},
    {IcmpType::unreachable, 12, EHOSTUNREACH, 0},
    {IcmpType::unreachable, 13, EHOSTUNREACH, EHOSTUNREACH},
    {IcmpType::unreachable, 14, EHOSTUNREACH, EHOSTUNREACH},
    {IcmpType::unreachable, 15, EHOSTUNREACH, EHOSTUNREACH},
    {IcmpType::time_exceeded, 0, 0, 0},
    {IcmpType::parameter_problem, 0, 0, EPROTO},
};

const std::vector<Row<Icmpv6Type>> rows6{
    {Icmpv6Type::unreachable, 0, ENETUNREACH, 0},
    {Icmpv6Type::unreachable, 1, EACCES, EACCES},
    {Icmpv6Type::unreachable, 2, EHOSTUNREACH, 0},
    {Icmpv6Type::unreachable, 3, EHOSTUNREACH, 0},
    {Icmpv6Type::unreachable, 4, ECONNREFUSED, ECONNREFUSED},
    {Icmpv6Type::unreachable, 5, EACCES, EACCES},
    {Icmpv6Type::unreachable, 6, EACCES, EACCES},
    {Icmpv6Type::unreachable, 7, EPROTO, EPROTO},
    {Icmpv6Type::packet_too_big, 0, 0, EMSGSIZE},
    {Icmpv6Type::time_exceeded, 0, 0, 0},
    {Icmpv6Type::parameter_problem, 0, 0, EPROTO},
    {Icmpv6Type::parameter_problem, 1, EPROTO, EPROTO},
};

/// What ended the connect; 0 while it goes on.
int ended_by(TestEndpoint& endpoint) {
    const bool is_over = endpoint.tcb->state == State::closed;
    CHECK(is_over == (endpoint.calls != 0));
    const Error error = Tcp::take_error(*endpoint.tcb);
    CHECK(error == Error::from_os(error.os_error()));
    CHECK(Tcp::take_error(*endpoint.tcb) == Errc::ok);  // told once
    return error.os_error();
}

int told(stack::UdpEndpoint& socket) {
    CHECK(socket.untold == Error::from_os(socket.untold.os_error()));
    return std::exchange(socket.untold, Errc::ok).os_error();
}

TEST_CASE("an ICMP error about the SYN says by which error the connect ends", "[stack][icmp][tcp]") {
    for (const auto& row : rows) {
        CAPTURE(static_cast<int>(row.type), int{row.code});
        TcpHost host;
        TestEndpoint& endpoint = host.endpoint();
        REQUIRE(host.tcp().connect(endpoint, peer_ip, 80, host.now));
        const auto sent = host.taken();
        REQUIRE(sent.size() == 1);
        host.give(icmp_about(sent.front(), row.type, row.code));
        CHECK(ended_by(endpoint) == row.of_connect);
    }
}

/// `row` about data of a connection that stands, which is acknowledged or not; the peer is silent then.
void give_up(const Row<IcmpType>& row, bool has_progress) {
    using namespace std::chrono_literals;
    CAPTURE(static_cast<int>(row.type), int{row.code}, has_progress);
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    endpoint.tcb->user_timeout_ms = 3000;
    CHECK(host.write(endpoint, "data") == 4);
    host.stack.advance(host.now);
    const auto sent = host.taken();
    REQUIRE(sent.size() == 1);
    const auto stale = host.dropped(stack::Drop::icmp_stale);
    host.give(icmp_about(sent.front(), row.type, row.code));
    CHECK(endpoint.tcb->state == State::established);
    CHECK(Tcp::take_error(*endpoint.tcb) == Errc::ok);
    const bool is_of_length = row.type == IcmpType::unreachable && row.code == 4;
    if (!is_of_length) CHECK(host.dropped(stack::Drop::icmp_stale) == stale);
    if (has_progress) {
        host.acknowledge(host.host_seq += 4);
        CHECK(endpoint.tcb->receives_as_usual());
        CHECK(host.write(endpoint, "more") == 4);
    }
    host.pass(10s);
    (void)host.sent();
    CHECK(endpoint.tcb->state == State::closed);
    const Error why = Tcp::take_error(*endpoint.tcb);
    int told = row.of_connect;
    if (row.type == IcmpType::time_exceeded) told = EHOSTUNREACH;
    if (row.type == IcmpType::parameter_problem) told = EPROTO;
    if (has_progress || told == 0)
        CHECK(why == Errc::timed_out);
    else
        CHECK(why.os_error() == told);
}

// RFC 9293 section 3.9.2.2; Linux's sk_err_soft, FreeBSD's t_softerror.
TEST_CASE("a connection that is given up says what ICMP said of what was under way", "[stack][icmp][tcp]") {
    for (const auto& row : rows)
        for (const bool has_progress : {false, true}) give_up(row, has_progress);
}

TEST_CASE("what ICMP says of nothing under way is forgotten at once", "[stack][icmp][tcp]") {
    TcpHost host;
    TestEndpoint& endpoint = host.establish();
    CHECK(host.write(endpoint, "data") == 4);
    host.stack.advance(host.now);
    const auto sent = host.taken();
    REQUIRE(sent.size() == 1);
    host.acknowledge(host.host_seq += 4);
    const auto stale = host.dropped(stack::Drop::icmp_stale);
    host.give(icmp_about(sent.front(), IcmpType::unreachable, 1));
    CHECK(host.dropped(stack::Drop::icmp_stale) == stale + 1);
    CHECK(endpoint.tcb->receives_as_usual());
}

TEST_CASE("an ICMPv6 error about the SYN says by which error the connect ends", "[stack][icmp][ipv6][tcp]") {
    for (const auto& row : rows6) {
        CAPTURE(static_cast<int>(row.type), int{row.code});
        Ipv6Host f;
        f.meet();
        TestEndpoint endpoint;
        REQUIRE(f.stack.tcp().connect(endpoint, f.stack.hosts().name(peer6), 80, f.now));
        const Bytes syn = f.only();
        f.give(error6(row.type, row.code, std::span(syn).subspan(stack::wire::ethernet_bytes)));
        CHECK(ended_by(endpoint) == row.of_connect);
        f.stack.tcp().forget(endpoint);
    }
}

TEST_CASE("a connected UDP socket is told which error will not pass", "[stack][icmp][udp]") {
    for (const auto& row : rows) {
        CAPTURE(static_cast<int>(row.type), int{row.code});
        Ipv6Host f;
        f.give(arp(stack::wire::ArpOperation::request));
        REQUIRE(f.stack.udp().connect(f.socket, peer_ip, 9));
        (void)f.taken();
        REQUIRE(f.stack.udp().send(f.socket, peer_ip, 9, {}, f.now));
        const Bytes sent = f.only();
        f.give(icmp_about(sent, row.type, row.code));
        CHECK(told(f.socket) == row.of_datagram);
    }
}

TEST_CASE("a connected UDP socket of IPv6 is told which error will not pass", "[stack][icmp][ipv6][udp]") {
    for (const auto& row : rows6) {
        CAPTURE(static_cast<int>(row.type), int{row.code});
        Ipv6Host f;
        f.meet();
        REQUIRE(f.stack.udp().connect(f.socket, f.stack.hosts().name(peer6), 9));
        f.send();
        const Bytes sent = f.only();
        f.give(error6(row.type, row.code, std::span(sent).subspan(stack::wire::ethernet_bytes)));
        CHECK(told(f.socket) == row.of_datagram);
    }
}

TEST_CASE("a UDP socket that is not connected is told of nothing, its path being shorter included",
          "[stack][icmp][ipv6][udp]") {
    Ipv6Host f;
    f.meet();
    for (const auto type : {Icmpv6Type::unreachable, Icmpv6Type::packet_too_big}) {
        f.send(peer6, std::string(1400, 'x'));
        const Bytes sent = f.only();
        f.give(error6(type, type == Icmpv6Type::unreachable ? 4 : 0,
                      std::span(sent).subspan(stack::wire::ethernet_bytes, 600)));
        CHECK(told(f.socket) == 0);
    }
    f.send(peer6, std::string(1400, 'x'));
    CHECK(f.taken().size() == 2);  // in pieces: the message was heard all the same
}

TEST_CASE("a connect and a datagram without a way say that the network is unreachable", "[stack][tcp][udp]") {
    stack::StackConfig config = host6_config();
    config.gateway = {};
    config.gateway6 = {};
    Ipv6Host f(config);
    TestEndpoint endpoint;
    for (const stack::wire::Ipv4Addr to : {stack::wire::Ipv4Addr::of(192, 0, 2, 1), f.stack.hosts().name(far6)}) {
        CHECK(f.stack.tcp().connect(endpoint, to, 80, f.now).error().os_error() == ENETUNREACH);
        CHECK(f.stack.udp().send(f.socket, to, 9, {}, f.now).error().os_error() == ENETUNREACH);
    }
}

TEST_CASE("a connect to a neighbour that does not answer says that the host is unreachable", "[stack][tcp]") {
    using namespace std::chrono_literals;
    Ipv6Host f;
    for (const stack::wire::Ipv4Addr to : {peer_ip, f.stack.hosts().name(peer6)}) {
        TestEndpoint endpoint;
        REQUIRE(f.stack.tcp().connect(endpoint, to, 80, f.now));
        for (int i = 0; i < 3; ++i) f.pass(1s);
        CHECK(ended_by(endpoint) == EHOSTUNREACH);
        f.stack.tcp().forget(endpoint);
    }
}

}  // namespace
}  // namespace skerry
