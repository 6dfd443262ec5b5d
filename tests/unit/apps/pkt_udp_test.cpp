// UDP on a machine under test.

#include "pkt_bench.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

namespace skerry {
namespace {

using namespace pkt_bench;

struct UdpBench : Bench {
    int open() { return static_cast<int>(calls().socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP).value()); }
    int bound() {
        const int fd = open();
        REQUIRE(calls().bind(fd, any_name).value() == 0);
        return fd;
    }

    void datagram(std::string_view text) {
        std::vector<std::byte> bytes(wire::udp_bytes + text.size());
        wire::UdpHeader header;
        header.source_port = far_port;
        header.destination_port = port;
        header.bytes = static_cast<std::uint16_t>(bytes.size());
        wire::write(header, bytes.data());
        if (!text.empty()) std::memcpy(bytes.data() + wire::udp_bytes, text.data(), text.size());
        wire::seal_udp(bytes, wire::pseudo_header(far_ip, own_ip, wire::ip_protocol::udp, header.bytes));
        machine.inject(ip_packet(wire::ip_protocol::udp, bytes));
    }
    /// Says that nobody listens where `packet` went.
    void refuse(const SentPacket& packet) {
        std::vector<std::byte> message(wire::icmp_bytes);
        wire::IcmpHeader icmp;
        icmp.type = wire::IcmpType::unreachable;
        icmp.code = wire::icmp_code::port_unreachable;
        wire::write(icmp, message.data());
        message.insert(message.end(), packet.bytes.begin(), packet.bytes.end());
        wire::seal_icmp(message);
        machine.inject(ip_packet(wire::ip_protocol::icmp, message));
    }
    /// The only packet that left, which holds `text`.
    SentPacket one(std::string_view text) {
        const std::vector<SentPacket> all = machine.take_sent();
        REQUIRE(all.size() == 1);
        const std::vector<std::byte> payload(all[0].bytes.begin() + 28, all[0].bytes.end());
        CHECK(text_of(payload) == text);
        return all[0];
    }
};

TEST_CASE("a datagram leaves at the instant of its call, and one that comes is read with its sender", "[apps][pkt]") {
    UdpBench bench;
    const int fd = bench.bound();
    const Call waiting = bench.calls().receive(fd, 100, 0);
    bench.at(3ms);
    bench.datagram("hello");
    CHECK(waiting.value() == 5);
    CHECK(text_of(waiting.output().data) == "hello");
    CHECK(waiting.output().address == far_name);
    CHECK(bench.ended(waiting) == 3ms);
    bench.at(5ms);
    CHECK(bench.calls().send(fd, bytes_of("back"), 0, far_name).value() == 4);
    CHECK(bench.since_start(bench.one("back").at) == 5ms);
}

TEST_CASE("a datagram that is longer than the buffer is cut, and said to be", "[apps][pkt]") {
    UdpBench bench;
    const int fd = bench.bound();
    bench.datagram("abcdef");
    bench.datagram("");
    CHECK(bench.calls().ioctl(fd, FIONREAD).output().integer == 6);
    const Call peeked = bench.calls().receive(fd, 3, MSG_PEEK);
    CHECK(peeked.value() == 3);
    CHECK(peeked.output().message_flags == MSG_TRUNC);
    const Call told = bench.calls().receive(fd, 3, MSG_TRUNC);
    CHECK(told.value() == 6);
    CHECK(text_of(told.output().data) == "abc");
    const Call empty = bench.calls().receive(fd, 3, 0);
    CHECK(empty.value() == 0);
    CHECK(empty.output().message_flags == 0);
    CHECK(Bench::failed(bench.calls().receive(fd, 3, MSG_DONTWAIT), EAGAIN));
}

TEST_CASE("a socket that is connected hears of nobody there, once", "[apps][pkt]") {
    UdpBench bench;
    const int fd = bench.open();
    CHECK(Bench::failed(bench.calls().write(fd, bytes_of("x")), EDESTADDRREQ));
    CHECK(Bench::failed(bench.calls().getpeername(fd), ENOTCONN));
    CHECK(bench.calls().connect(fd, far_name).value() == 0);
    CHECK(bench.calls().getpeername(fd).output().address == far_name);
    CHECK(bench.calls().getsockname(fd).output().address->ip() == own_ip.ip());
    CHECK(bench.calls().write(fd, bytes_of("x")).value() == 1);
    bench.refuse(bench.one("x"));
    CHECK(bench.calls().poll({{fd, POLLIN, 0}}, 0).output().polled.at(0).revents == POLLERR);
    CHECK(Bench::failed(bench.calls().read(fd, 1), ECONNREFUSED));
    CHECK(bench.calls().write(fd, bytes_of("y")).value() == 1);
}

TEST_CASE("a datagram for nobody is answered with an ICMP error", "[apps][pkt]") {
    UdpBench bench;
    bench.datagram("x");
    const std::vector<SentPacket> sent = bench.machine.take_sent();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].bytes.at(9) == std::byte{wire::ip_protocol::icmp});
    CHECK(sent[0].bytes.at(20) == std::byte{3});
    CHECK(sent[0].bytes.at(21) == std::byte{3});
}

TEST_CASE("what UDP cannot do says so", "[apps][pkt]") {
    UdpBench bench;
    const int fd = bench.bound();
    const int other = bench.open();
    Calls& calls = bench.calls();
    CHECK(Bench::failed(calls.bind(other, any_name), EADDRINUSE));
    CHECK(Bench::failed(calls.bind(fd, any_name), EINVAL));
    CHECK(Bench::failed(calls.bind(other, {far_ip.ip(), 1}), EADDRNOTAVAIL));
    CHECK(Bench::failed(calls.listen(fd, 1), EOPNOTSUPP));
    CHECK(Bench::failed(calls.accept(fd), EOPNOTSUPP));
    CHECK(Bench::failed(calls.shutdown(fd, SHUT_WR), ENOTCONN));
    CHECK(calls.send(fd, std::vector<std::byte>(2'000), 0, far_name).value() == 2'000);
    CHECK(Bench::failed(calls.send(fd, std::vector<std::byte>(65'508), 0, far_name), EMSGSIZE));
    CHECK(Bench::failed(calls.send(fd, {}, 0, net::SocketAddr(net::IpAddr::v4(192, 168, 255, 255), 9)), EACCES));
    CHECK(calls.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, 1).value() == 0);
    CHECK(calls.send(fd, {}, 0, net::SocketAddr(net::IpAddr::v4(192, 168, 255, 255), 9)).value() == 0);
    CHECK(calls.setsockopt(other, SOL_SOCKET, SO_REUSEADDR, 1).value() == 0);
    CHECK(Bench::was_unsupported(calls.bind(other, any_name)));
    CHECK(calls.setsockopt(fd, IPPROTO_IP, IP_TTL, 3).value() == 0);
    CHECK(Bench::failed(calls.setsockopt(fd, IPPROTO_IP, IP_TTL, 0), EINVAL));
    CHECK(Bench::was_unsupported(calls.setsockopt(fd, IPPROTO_IP, IP_MINTTL, 3)));
    CHECK(Bench::was_unsupported(calls.send(fd, {}, MSG_MORE, far_name)));
}

TEST_CASE("a closed UDP port is free again and keeps no datagram", "[apps][pkt]") {
    UdpBench bench;
    const int fd = bench.bound();
    bench.datagram("one");
    bench.datagram("two");
    CHECK(bench.calls().poll({{fd, POLLIN, 0}}, 0).value() == 1);  // looks at the first
    CHECK(bench.calls().close(fd).value() == 0);
    CHECK(bench.bound() == fd);
    CHECK(Bench::failed(bench.calls().receive(fd, 1, MSG_DONTWAIT), EAGAIN));
}

}  // namespace
}  // namespace skerry
