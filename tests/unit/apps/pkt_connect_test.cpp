// How connections begin on a machine under test: exact packets at exact times.

#include "pkt_bench.hpp"

namespace skerry {
namespace {

using namespace pkt_bench;

/// A socket that connects to the far end; its SYN is taken.
struct Connecting {
    explicit Connecting(bool is_blocking, const MachineConfig& config = {}) : bench(config) {
        fd = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
        if (!is_blocking) bench.set_nonblocking(fd);
        call = bench.calls().connect(fd, far_name);
        syn = bench.only();
        take_port();
    }
    void take_port() {
        const Call name = bench.calls().getsockname(fd);
        bench.port = name.output().address->port();
    }

    Bench bench;
    int fd = -1;
    Call call{nullptr};
    Segment syn;
};

std::int64_t so_error(Bench& bench, int fd) {
    const Call call = bench.calls().getsockopt(fd, SOL_SOCKET, SO_ERROR);
    REQUIRE(call.value() == 0);
    return std::get<int>(call.output().option);
}

TEST_CASE("a connection of a peer's is answered and accepted at the instants of its segments", "[apps][pkt]") {
    Bench bench;
    const int door = bench.listening();
    bench.at(100ms);
    bench.come(flag::syn, 0, 0, {}, 65'535, 1000);
    const Segment answer = bench.only();
    CHECK(answer.at == 100ms);
    CHECK(answer.flags == syn_ack);
    CHECK(answer.ack == 1);
    CHECK(answer.window == 65'535);
    CHECK(answer.options ==
          std::vector<std::byte>{std::byte{2}, std::byte{4}, std::byte{1460 >> 8}, std::byte{1460 & 0xff}});
    bench.set_nonblocking(door);
    CHECK(Bench::failed(bench.calls().accept(door), EAGAIN));
    bench.at(200ms);
    bench.come(flag::ack, 1, answer.seq + 1);
    CHECK(bench.sent().empty());
    const Call accepted = bench.calls().accept(door);
    CHECK(accepted.value() == 4);
    CHECK(accepted.output().address == far_name);
    CHECK(bench.calls().getsockname(4).output().address == own_name);
    CHECK(bench.calls().getpeername(4).output().address == far_name);
    CHECK(bench.machine.state_of(4) == "ESTABLISHED");
    CHECK(bench.machine.state_of(door) == "LISTEN");
}

TEST_CASE("a SYN-ACK that nobody acknowledges comes again after exactly one second, then two", "[apps][pkt]") {
    Bench bench;
    (void)bench.listening();
    bench.at(100ms);
    bench.come(flag::syn, 0, 0, {}, 65'535, 1000);
    (void)bench.only();
    bench.at(1100ms - 1ns);
    CHECK(bench.sent().empty());
    bench.at(5s);
    const std::vector<Segment> again = bench.sent();
    REQUIRE(again.size() == 2);
    CHECK(again[0].at == 1100ms);
    CHECK(again[1].at == 3100ms);
    CHECK(again[1].flags == syn_ack);
}

TEST_CASE("accept() that waits ends when the handshake does", "[apps][pkt]") {
    Bench bench;
    const int door = bench.listening();
    bench.at(1ms);
    const Call accepted = bench.calls().accept(door);
    CHECK_FALSE(accepted.is_done());
    bench.at(7ms);
    bench.shake();
    REQUIRE(accepted.is_done());
    CHECK(accepted.value() == 4);
    CHECK(bench.since_start(accepted.began()) == 1ms);
    CHECK(bench.ended(accepted) == 7ms);
}

TEST_CASE("connect() that waits ends with the SYN-ACK, which is acknowledged at once", "[apps][pkt]") {
    Connecting c(true);
    CHECK(c.syn.at == 0ms);
    CHECK(c.syn.flags == flag::syn);
    CHECK_FALSE(c.call.is_done());
    c.bench.at(30ms);
    c.bench.come(syn_ack, 500, c.syn.seq + 1, {}, 65'535, 1000);
    CHECK(c.call.value() == 0);
    CHECK(c.bench.ended(c.call) == 30ms);
    const Segment ack = c.bench.only();
    CHECK(ack.at == 30ms);
    CHECK(ack.flags == flag::ack);
    CHECK(ack.seq == c.syn.seq + 1);
    CHECK(ack.ack == 501);
}

TEST_CASE("a connect() that does not wait is under way, and then it is made", "[apps][pkt]") {
    Connecting c(false);
    CHECK(Bench::failed(c.call, EINPROGRESS));
    CHECK(c.bench.machine.state_of(c.fd) == "SYN-SENT");
    CHECK(Bench::failed(c.bench.calls().connect(c.fd, far_name), EALREADY));
    CHECK(Bench::failed(c.bench.calls().getpeername(c.fd), ENOTCONN));
    c.bench.come(syn_ack, 500, c.syn.seq + 1, {}, 65'535, 1000);
    CHECK(so_error(c.bench, c.fd) == 0);
    CHECK(c.bench.calls().connect(c.fd, far_name).value() == 0);  // Linux tells it once
    CHECK(Bench::failed(c.bench.calls().connect(c.fd, far_name), EISCONN));
    CHECK(c.bench.calls().getpeername(c.fd).output().address == far_name);
}

TEST_CASE("a FreeBSD machine says at once that it is connected", "[apps][pkt]") {
    MachineConfig config;
    config.profile = Profile::freebsd;
    Connecting c(false, config);
    CHECK(c.syn.window == 65'535);
    CHECK(Bench::failed(c.bench.calls().connect(c.fd, far_name), EALREADY));
    CHECK(Bench::failed(c.bench.calls().write(c.fd, bytes_of("early")), ENOTCONN));
    c.bench.come(syn_ack, 500, c.syn.seq + 1, {}, 65'535, 1000);
    CHECK(Bench::failed(c.bench.calls().connect(c.fd, far_name), EISCONN));
}

TEST_CASE("a reset refuses the connection, whether somebody waits or asks later", "[apps][pkt]") {
    Connecting waits(true);
    waits.bench.at(20ms);
    waits.bench.come(rst_ack, 0, waits.syn.seq + 1);
    CHECK(Bench::failed(waits.call, ECONNREFUSED));
    CHECK(waits.bench.ended(waits.call) == 20ms);
    CHECK(waits.bench.machine.state_of(waits.fd) == "CLOSED");

    Connecting asks(false);
    asks.bench.come(rst_ack, 0, asks.syn.seq + 1);
    CHECK(so_error(asks.bench, asks.fd) == ECONNREFUSED);
    CHECK(so_error(asks.bench, asks.fd) == 0);
    CHECK(Bench::failed(asks.bench.calls().connect(asks.fd, far_name), ECONNABORTED));
    CHECK(Bench::failed(asks.bench.calls().connect(asks.fd, far_name), EINPROGRESS));  // as a new one
    CHECK(asks.bench.only().flags == flag::syn);
}

TEST_CASE("a SYN that nobody answers comes again, and connect() ends when it is given up", "[apps][pkt]") {
    Connecting c(true);
    c.bench.at(127s - 1ns);
    const std::vector<Segment> again = c.bench.sent();
    REQUIRE(again.size() == 6);
    for (std::size_t i = 0; i < again.size(); ++i) CHECK(again[i].at == std::chrono::seconds{(2 << i) - 1});
    CHECK_FALSE(c.call.is_done());
    c.bench.at(127s);
    CHECK(Bench::failed(c.call, ETIMEDOUT));
    CHECK(c.bench.ended(c.call) == 127s);
}

TEST_CASE("a connection that no route leads to, or to nobody, is not begun", "[apps][pkt]") {
    MachineConfig config;
    config.gateway = net::IpAddr::v4_any();
    Bench bench(config);
    const int fd = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    CHECK(Bench::failed(bench.calls().connect(fd, far_name), ENETUNREACH));
    CHECK(Bench::failed(bench.calls().connect(fd, {net::IpAddr::v6_loopback(), 80}), EAFNOSUPPORT));
    CHECK(bench.machine.take_sent().empty());
}

TEST_CASE("a connect to a host that a router calls unreachable fails by that error", "[apps][pkt]") {
    Connecting c(true);
    wire::Ipv4Header quoted;
    quoted.protocol = wire::ip_protocol::tcp;
    quoted.source = own_ip;
    quoted.destination = far_ip;
    quoted.total_bytes = wire::ipv4_bytes + wire::tcp_bytes;
    wire::TcpHeader header;
    header.source_port = c.bench.port;
    header.destination_port = far_port;
    header.seq = c.syn.seq;
    std::vector<std::byte> message(wire::icmp_bytes + wire::ipv4_bytes + wire::tcp_bytes);
    wire::IcmpHeader icmp;
    icmp.type = wire::IcmpType::unreachable;
    icmp.code = wire::icmp_code::host_unreachable;
    wire::write(icmp, message.data());
    wire::write(quoted, message.data() + wire::icmp_bytes);
    wire::write(header, message.data() + wire::icmp_bytes + wire::ipv4_bytes);
    wire::seal_icmp(message);
    c.bench.machine.inject(ip_packet(wire::ip_protocol::icmp, message));
    CHECK(Bench::failed(c.call, EHOSTUNREACH));
}

TEST_CASE("a connection to a port on which nobody listens is reset", "[apps][pkt]") {
    Bench bench;
    bench.come(flag::syn, 10, 0, {}, 65'535, 1000);
    const Segment reset = bench.only();
    CHECK(reset.flags == rst_ack);
    CHECK(reset.ack == 11);
}

TEST_CASE("no more connections wait than the backlog and one", "[apps][pkt]") {
    Bench bench;
    const int door = bench.listening(0);
    bench.shake();
    bench.from = far_port + 1;
    bench.come(flag::syn, 0, 0, {}, 65'535, 1000);
    CHECK(bench.sent().empty());
    CHECK(bench.calls().accept(door).value() == 4);
    bench.come(flag::syn, 0, 0, {}, 65'535, 1000);
    CHECK(bench.only().flags == syn_ack);
    CHECK(Bench::was_unsupported(bench.calls().listen(door, 5)));
    CHECK(bench.calls().listen(door, 0).value() == 0);
}

}  // namespace
}  // namespace skerry
