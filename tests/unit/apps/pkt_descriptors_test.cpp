// Descriptors, names and ports of a machine under test.

#include "pkt_bench.hpp"

namespace skerry {
namespace {

using namespace pkt_bench;

int stream(Bench& bench) { return static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value()); }

void share_ports(Bench& bench, int fd) {
    REQUIRE(bench.calls().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1).value() == 0);
}

TEST_CASE("a descriptor is the lowest free number from three on", "[apps][pkt]") {
    Bench bench;
    CHECK(stream(bench) == 3);
    CHECK(stream(bench) == 4);
    CHECK(stream(bench) == 5);
    CHECK(bench.calls().close(4).value() == 0);
    CHECK(stream(bench) == 4);
    CHECK(bench.calls().dup(3).value() == 6);
    CHECK(Bench::failed(bench.calls().close(7), EBADF));
    CHECK(Bench::failed(bench.calls().close(2), EBADF));
}

TEST_CASE("a description goes with the last of its descriptors", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    const int copy = static_cast<int>(bench.calls().dup(fd).value());
    bench.set_nonblocking(copy);
    CHECK(Bench::failed(bench.calls().read(fd, 1), EAGAIN));
    CHECK(bench.calls().close(fd).value() == 0);
    CHECK(bench.sent().empty());
    CHECK(bench.calls().close(copy).value() == 0);
    CHECK(bench.only().flags == fin_ack);
}

TEST_CASE("beyond the limit nothing is opened, and no connection is lost by it", "[apps][pkt]") {
    MachineConfig config;
    config.descriptors_most = 5;
    Bench bench(config);
    const int door = bench.listening();
    CHECK(stream(bench) == 4);
    CHECK(Bench::failed(bench.calls().socket(AF_INET, SOCK_STREAM, 0), EMFILE));
    CHECK(Bench::failed(bench.calls().dup(3), EMFILE));
    bench.shake();
    CHECK(Bench::failed(bench.calls().accept(door), EMFILE));
    CHECK(bench.calls().close(4).value() == 0);
    CHECK(bench.calls().accept(door).value() == 4);
}

TEST_CASE("every call on a descriptor that is not open says so", "[apps][pkt]") {
    Bench bench;
    Calls& calls = bench.calls();
    for (const Call& call :
         {calls.bind(9, any_name), calls.listen(9, 1), calls.accept(9), calls.connect(9, far_name), calls.read(9, 1),
          calls.write(9, {}), calls.shutdown(9, SHUT_WR), calls.fcntl(9, F_GETFL, 0), calls.ioctl(9, 0),
          calls.getsockname(9), calls.getpeername(9), calls.setsockopt(9, 0, 0, 0), calls.getsockopt(9, 0, 0),
          calls.dup(9), calls.epoll_wait(9, 1, 0), calls.readv(9, {1}), calls.writev(9, {})})
        CHECK(Bench::failed(call, EBADF));
}

TEST_CASE("a flag that a call does not have is wrong, one that the stack does not have is not supported",
          "[apps][pkt]") {
    Bench bench;
    const int door = bench.listening();
    CHECK(Bench::failed(bench.calls().accept(door, 1), EINVAL));
    bench.shake();
    const Call accepted = bench.calls().accept(door, SOCK_NONBLOCK);
    CHECK(Bench::failed(bench.calls().read(static_cast<int>(accepted.value()), 1), EAGAIN));
    CHECK(Bench::was_unsupported(bench.calls().fcntl(door, F_SETFL, O_APPEND)));
    CHECK(Bench::was_unsupported(bench.calls().fcntl(door, F_GETFD, 0)));
    CHECK(Bench::was_unsupported(bench.calls().socket(AF_UNIX, SOCK_STREAM, 0)));
    CHECK(Bench::was_unsupported(bench.calls().socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP)));
    const int ours = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0).value());
    CHECK((bench.calls().fcntl(ours, F_GETFL, 0).value() & O_NONBLOCK) != 0);
}

TEST_CASE("a socket is bound once, to an address of ours", "[apps][pkt]") {
    Bench bench;
    const int fd = stream(bench);
    CHECK(Bench::failed(bench.calls().bind(fd, {far_ip.ip(), 80}), EADDRNOTAVAIL));
    CHECK(Bench::failed(bench.calls().bind(fd, {net::IpAddr::v6_any(), 80}), EAFNOSUPPORT));
    CHECK(Bench::was_unsupported(bench.calls().bind(fd, {net::IpAddr::v4_loopback(), 80})));
    CHECK(bench.calls().bind(fd, own_name).value() == 0);
    CHECK(Bench::failed(bench.calls().bind(fd, own_name), EINVAL));
    CHECK(bench.calls().getsockname(fd).output().address == own_name);
    const int other = stream(bench);
    CHECK(bench.calls().bind(other, {net::IpAddr::v4_any(), 0}).value() == 0);
    CHECK(bench.calls().getsockname(other).output().address->port() == 32'768);
}

TEST_CASE("a port is taken by one socket unless all share it and none listens", "[apps][pkt]") {
    Bench bench;
    const int first = stream(bench);
    const int second = stream(bench);
    CHECK(bench.calls().bind(first, any_name).value() == 0);
    CHECK(Bench::failed(bench.calls().bind(second, own_name), EADDRINUSE));
    share_ports(bench, second);
    CHECK(Bench::failed(bench.calls().bind(second, own_name), EADDRINUSE));
    share_ports(bench, first);
    CHECK(bench.calls().bind(second, own_name).value() == 0);
    CHECK(bench.calls().listen(first, 1).value() == 0);
    CHECK(Bench::failed(bench.calls().listen(second, 1), EADDRINUSE));
    const int third = stream(bench);
    share_ports(bench, third);
    CHECK(Bench::failed(bench.calls().bind(third, own_name), EADDRINUSE));
}

TEST_CASE("a port is taken as long as a connection of it is there, for those who do not share it", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    CHECK(bench.calls().close(3).value() == 0);
    CHECK(bench.calls().close(fd).value() == 0);
    const int other = stream(bench);
    CHECK(Bench::failed(bench.calls().bind(other, any_name), EADDRINUSE));
    bench.acknowledge(bench.own_seq + 1);
    bench.own_seq += 1;
    bench.say("", fin_ack);
    CHECK(Bench::failed(bench.calls().bind(other, any_name), EADDRINUSE));
    bench.at(61s);
    CHECK(bench.calls().bind(other, any_name).value() == 0);
}

TEST_CASE("FreeBSD lets who shares the port bind beside connections", "[apps][pkt]") {
    MachineConfig config;
    config.profile = Profile::freebsd;
    Bench bench(config);
    (void)bench.established();
    CHECK(bench.calls().close(3).value() == 0);
    const int other = stream(bench);
    CHECK(Bench::failed(bench.calls().bind(other, any_name), EADDRINUSE));
    share_ports(bench, other);
    CHECK(bench.calls().bind(other, any_name).value() == 0);
    const int third = stream(bench);
    share_ports(bench, third);
    CHECK(Bench::failed(bench.calls().bind(third, any_name), EADDRINUSE));
}

TEST_CASE("that a listener does not wait its connections inherit on FreeBSD, and not on Linux", "[apps][pkt]") {
    for (const Profile profile : {Profile::freebsd, Profile::linux_like}) {
        MachineConfig config;
        config.profile = profile;
        Bench bench(config);
        const int door = bench.listening();
        bench.set_nonblocking(door);
        bench.shake();
        const int fd = static_cast<int>(bench.calls().accept(door).value());
        CHECK(bench.calls().read(fd, 1).is_done() == (profile == Profile::freebsd));
    }
}

TEST_CASE("a descriptor on which a call waits is not closed under it", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    const Call waiting = bench.calls().read(fd, 1);
    CHECK(Bench::was_unsupported(bench.calls().close(fd)));
    bench.say("x");
    CHECK(waiting.value() == 1);
    CHECK(bench.calls().close(fd).value() == 0);
}

TEST_CASE("options are told as they were set, with Linux's ranges", "[apps][pkt]") {
    Bench bench;
    const int fd = stream(bench);
    const auto get = [&](int level, int name) {
        return std::get<int>(bench.calls().getsockopt(fd, level, name).output().option);
    };
    CHECK(get(IPPROTO_TCP, TCP_NODELAY) == 0);
    CHECK(get(IPPROTO_TCP, TCP_CORK) == 0);
    CHECK(bench.calls().setsockopt(fd, IPPROTO_TCP, TCP_CORK, 7).value() == 0);
    CHECK(get(IPPROTO_TCP, TCP_CORK) == 1);
    CHECK(get(IPPROTO_TCP, TCP_MAXSEG) == 536);
    CHECK(get(IPPROTO_TCP, TCP_KEEPIDLE) == 7'200);
    CHECK(get(SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
    CHECK(get(SOL_SOCKET, SO_ACCEPTCONN) == 0);
    CHECK(Bench::failed(bench.calls().setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0), EINVAL));
    CHECK(Bench::failed(bench.calls().setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, 128), EINVAL));
    CHECK(Bench::failed(bench.calls().setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, -1), EINVAL));
    REQUIRE(bench.calls().setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 10'000).value() == 0);
    CHECK(get(SOL_SOCKET, SO_SNDBUF) == 20'000);
    CHECK(std::get<std::string>(bench.calls().getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION).output().option) == "reno");
    CHECK(bench.calls().setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, std::string("cubic")).value() == 0);
    CHECK(std::get<std::string>(bench.calls().getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION).output().option) == "cubic");
}

TEST_CASE("options that the stack does not have are not supported, and no errno is made up", "[apps][pkt]") {
    Bench bench;
    const int fd = stream(bench);
    Calls& calls = bench.calls();
    CHECK(Bench::was_unsupported(calls.setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1)));
    CHECK(Bench::was_unsupported(calls.setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, std::string("bbr"))));
    CHECK(Bench::was_unsupported(calls.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, 4'607)));
    CHECK(Bench::was_unsupported(calls.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 4'607)));
    CHECK(Bench::was_unsupported(calls.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 212'993)));
    CHECK(Bench::was_unsupported(calls.setsockopt(fd, SOL_SOCKET, 9'999, 1)));
    CHECK(Bench::was_unsupported(calls.setsockopt(fd, IPPROTO_IP, IP_OPTIONS, 1)));
    CHECK(Bench::was_unsupported(calls.getsockopt(fd, IPPROTO_TCP, TCP_INFO)));
    CHECK(calls.getsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT).unsupported()->reason.find("option") !=
          std::string::npos);
}

TEST_CASE("TCP_INFO tells Linux's fields, and none that the stack does not have", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    REQUIRE(bench.calls().write(fd, std::vector<std::byte>(2'500)).value() == 2'500);
    REQUIRE(bench.calls().write(fd, std::vector<std::byte>(500)).value() == 500);
    const Call call = bench.calls().getsockopt(fd, IPPROTO_TCP, TCP_INFO);
    const auto info = std::get<TcpInfoFields>(call.output().option);
    CHECK(info.find("tcpi_state") == 1);
    CHECK(info.find("tcpi_snd_mss") == 1'000);
    CHECK(info.find("tcpi_snd_cwnd") == 10);
    CHECK(info.find("tcpi_snd_ssthresh") == 0x7fff'ffff);
    CHECK(info.find("tcpi_unacked") == 3);  // the fourth waits: the third is short too
    CHECK(info.find("tcpi_notsent_bytes") == 500);
    CHECK(info.find("tcpi_rto") == 200'001);
    CHECK(info.find("tcpi_options") == 0);
    CHECK_FALSE(info.find("tcpi_ca_state"));
}

}  // namespace
}  // namespace skerry
