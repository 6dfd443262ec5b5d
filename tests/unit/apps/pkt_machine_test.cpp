// A machine under test as a whole: time, the hidden wire, settings.

#include "pkt_bench.hpp"

namespace skerry {
namespace {

using namespace pkt_bench;

bool is_set(Machine& machine, std::string_view name, std::string_view value) { return !machine.set(name, value); }

TEST_CASE("time stands where it is brought, and things that are due happen on the way", "[apps][pkt]") {
    Bench bench;
    CHECK(bench.machine.elapsed() == 0ns);
    CHECK(bench.machine.next_deadline() == time::Instant::max());
    bench.at(123'456'789ns);
    CHECK(bench.machine.elapsed() == 123'456'789ns);
    const int fd = bench.established();
    CHECK(bench.calls().write(fd, bytes_of("x")).value() == 1);
    (void)bench.sent();
    const std::chrono::nanoseconds due = 123'456'789ns + 200'001us;
    CHECK(bench.since_start(bench.machine.next_deadline()) <= due);
    bench.at(due - 1ns);
    CHECK(bench.sent().empty());
    bench.at(due);
    CHECK(bench.only().at == due);
}

TEST_CASE("many timers of one moment fire at that moment", "[apps][pkt]") {
    Bench bench;
    (void)bench.listening(100);
    bench.at(100ns);
    for (std::uint16_t i = 0; i < 20; ++i) {
        bench.from = static_cast<std::uint16_t>(far_port + i);
        bench.come(flag::syn, 0, 0, {}, 65'535, 1000);
    }
    CHECK(bench.sent().size() == 20);
    bench.at(2s);
    const std::vector<Segment> again = bench.sent();
    CHECK(again.size() == 20);
    for (const Segment& segment : again) CHECK(segment.at == 1s + 100ns);
}

TEST_CASE("a gateway that was silent for hours is still there", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    bench.at(3h);
    CHECK(bench.calls().write(fd, bytes_of("x")).value() == 1);
    CHECK(bench.only().at == 3h);
}

TEST_CASE("a neighbour on the link is as hidden as the gateway", "[apps][pkt]") {
    Bench bench;
    const int fd = static_cast<int>(bench.calls().socket(AF_INET, SOCK_DGRAM, 0).value());
    CHECK(bench.calls().send(fd, bytes_of("x"), 0, net::SocketAddr(net::IpAddr::v4(192, 168, 7, 7), 9)).value() == 1);
    const std::vector<SentPacket> sent = bench.machine.take_sent();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].bytes.size() == 29);
}

TEST_CASE("segments are as long as the MTU says", "[apps][pkt]") {
    MachineConfig config;
    config.mtu = 9'000;
    Bench bench(config);
    (void)bench.listening();
    bench.come(flag::syn, 0, 0, {}, 65'535, 8'960);
    const Segment answer = bench.only();
    CHECK(answer.options.at(2) == std::byte{8'960 >> 8});
    bench.come(flag::ack, 1, answer.seq + 1);
    CHECK(bench.calls().accept(3).value() == 4);
    CHECK(bench.calls().write(4, std::vector<std::byte>(8'960)).value() == 8'960);
    CHECK(bench.only().text.size() == 8'960);
    bench.come(psh_ack, 1, answer.seq + 1, std::string(30'000, 'x'));  // longer than a frame of the wire
    CHECK(bench.calls().read(4, 100'000).value() == 30'000);
}

TEST_CASE("what is of the other family, and what is no packet at all, is dropped", "[apps][pkt]") {
    Bench bench;
    bench.machine.inject(std::vector<std::byte>(40, std::byte{0x60}));
    bench.machine.inject({});
    bench.machine.inject(std::vector<std::byte>(3, std::byte{0x45}));
    bench.machine.inject(std::vector<std::byte>(3, std::byte{0x60}));
    CHECK(bench.machine.take_sent().empty());
}

TEST_CASE("settings of the stack are taken before there are sockets", "[apps][pkt]") {
    Bench bench(config_of(Profile::freebsd));
    CHECK(is_set(bench.machine, "net.inet.tcp.delacktime", "100"));
    CHECK(is_set(bench.machine, "net.ipv4.tcp_synack_retries", "1"));
    const int fd = bench.established();
    CHECK(is_set(bench.machine, "net.inet.tcp.delacktime", "100"));  // as it is
    CHECK_FALSE(is_set(bench.machine, "net.inet.tcp.delacktime", "200"));
    bench.say("x");
    bench.at(1s);
    CHECK(bench.only().at == 100ms);
    CHECK(bench.calls().read(fd, 1).value() == 1);
}

TEST_CASE("settings that sockets have are taken at any time, for the next one", "[apps][pkt]") {
    Bench bench;
    const int before = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    CHECK(is_set(bench.machine, "net.ipv4.tcp_keepalive_time", "60"));
    CHECK(is_set(bench.machine, "net.inet.tcp.keepintvl", "5000"));
    const int after = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    const auto idle = [&](int fd, int name) {
        return std::get<int>(bench.calls().getsockopt(fd, IPPROTO_TCP, name).output().option);
    };
    CHECK(idle(before, TCP_KEEPIDLE) == 7'200);
    CHECK(idle(after, TCP_KEEPIDLE) == 60);
    CHECK(idle(after, TCP_KEEPINTVL) == 5);
}

TEST_CASE("SACK is switched by either kernel's name", "[apps][pkt]") {
    Machine machine;
    CHECK(machine.settings().stack.tcp.sack);
    CHECK(is_set(machine, "net.ipv4.tcp_sack", "0"));
    CHECK_FALSE(machine.settings().stack.tcp.sack);
    CHECK(is_set(machine, "net.inet.tcp.sack.enable", "1"));
    CHECK(machine.settings().stack.tcp.sack);
    CHECK_FALSE(is_set(machine, "net.ipv4.tcp_sack", "2"));
}

TEST_CASE("the congestion control is Reno until a script asks for CUBIC, by the names of either kernel",
          "[apps][pkt]") {
    using stack::tcp::CongestionControl;
    Machine machine;
    CHECK(machine.settings().stack.tcp.congestion_control == CongestionControl::reno);
    CHECK(is_set(machine, "net.ipv4.tcp_congestion_control", "cubic"));
    CHECK(machine.settings().stack.tcp.congestion_control == CongestionControl::cubic);
    CHECK(is_set(machine, "net.inet.tcp.cc.algorithm", "newreno"));
    CHECK(machine.settings().stack.tcp.congestion_control == CongestionControl::reno);
    CHECK(is_set(machine, "net.ipv4.tcp_slow_start_after_idle", "0"));
    CHECK_FALSE(machine.settings().stack.tcp.slow_start_after_idle);
    for (const char* const number : {"0", "1", "2"}) CHECK(is_set(machine, "net.ipv4.tcp_ecn", number));
    CHECK_FALSE(is_set(machine, "net.ipv4.tcp_ecn", "3"));  // accurate ECN
}

TEST_CASE("a setting that the stack does not have is taken with the value that it acts by, and no other",
          "[apps][pkt]") {
    Machine machine;
    CHECK(is_set(machine, "net.ipv4.tcp_dsack", "1"));
    CHECK_FALSE(is_set(machine, "net.ipv4.tcp_dsack", "0"));
    CHECK_FALSE(is_set(machine, "net.ipv4.tcp_congestion_control", "bbr"));
    CHECK_FALSE(is_set(machine, "net.inet.tcp.cc.algorithm", "reno"));  // FreeBSD's is named otherwise
    CHECK(is_set(machine, "net.inet.tcp.hostcache.purgenow", "1"));
    CHECK_FALSE(is_set(machine, "net.inet.tcp.insecure_rst", "1"));
    CHECK_FALSE(is_set(machine, "net.inet.tcp.delacktime", "-1"));
    CHECK_FALSE(is_set(machine, "net.inet.tcp.delacktime", "4x"));
    CHECK_FALSE(is_set(machine, "net.inet.tcp.delacktime", ""));
    const auto unknown = machine.set("net.ipv4.tcp_magic", "1");
    REQUIRE(unknown);
    CHECK(unknown->reason == "sysctl net.ipv4.tcp_magic=1: not known here");
}

TEST_CASE("Linux's three numbers make the window, its scale and the send buffer", "[apps][pkt]") {
    Machine machine;
    CHECK(is_set(machine, "net.ipv4.tcp_rmem", "4096 20000 15728640"));
    CHECK(is_set(machine, "net.ipv4.tcp_wmem", "4096\t16384 4194304"));
    CHECK(machine.settings().stack.tcp.receive_buffer_bytes == 10'000);
    CHECK(machine.settings().stack.tcp.window_scale == 8);
    CHECK(machine.settings().stack.tcp.send_buffer_bytes == 16'384);
    CHECK(is_set(machine, "net.ipv4.tcp_rmem", "4096 131072 6291456"));
    CHECK(machine.settings().stack.tcp.window_scale == 7);
    CHECK_FALSE(is_set(machine, "net.ipv4.tcp_rmem", "4096"));
}

TEST_CASE("a receive buffer grows where tcp_moderate_rcvbuf says so, to what tcp_rmem has last",
          "[apps][pkt][growth]") {
    Machine machine;
    const auto most = [&] { return machine.settings().stack.tcp.receive_buffer_max; };
    CHECK(most() == 0);  // as scripts expect, and as --kernel sets it
    CHECK(is_set(machine, "net.ipv4.tcp_moderate_rcvbuf", "1"));
    CHECK(most() == stack::TcpLimits().receive_buffer_max);
    CHECK(is_set(machine, "net.ipv4.tcp_rmem", "4096 131072 6291456"));
    CHECK(most() == 6'291'456 / 2);
    CHECK(is_set(machine, "net.ipv4.tcp_moderate_rcvbuf", "0"));
    CHECK(is_set(machine, "net.ipv4.tcp_rmem", "4096 131072 4000000"));
    CHECK(most() == 0);
    CHECK(is_set(machine, "net.ipv4.tcp_moderate_rcvbuf", "1"));
    CHECK(most() == 2'000'000);
    CHECK_FALSE(is_set(machine, "net.ipv4.tcp_moderate_rcvbuf", "2"));
}

TEST_CASE("profiles differ in their times and queues", "[apps][pkt]") {
    MachineConfig config;
    config.profile = Profile::freebsd;
    const Machine machine(config);
    CHECK(machine.settings().stack.tcp.rto_min == 30ms);
    CHECK(machine.settings().stack.tcp.window_scale == 6);
    CHECK(accept_queue(1, Flavour::freebsd) == 2);
    CHECK(accept_queue(10, Flavour::freebsd) == 16);
    CHECK(accept_queue(-1, Flavour::freebsd) == 193);
    CHECK(accept_queue(1, Flavour::linux_like) == 2);
}

}  // namespace
}  // namespace skerry
