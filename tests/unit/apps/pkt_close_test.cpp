// How connections end on a machine under test, and which errno who sees.

#include "pkt_bench.hpp"

namespace skerry {
namespace {

using namespace pkt_bench;

MachineConfig freebsd() {
    MachineConfig config;
    config.profile = Profile::freebsd;
    return config;
}

int so_error(Bench& bench, int fd) {
    const Call call = bench.calls().getsockopt(fd, SOL_SOCKET, SO_ERROR);
    REQUIRE(call.value() == 0);
    return std::get<int>(call.output().option);
}

TEST_CASE("one direction ends and the other one goes on", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    CHECK(bench.calls().shutdown(fd, SHUT_WR).value() == 0);
    CHECK(bench.only().flags == fin_ack);
    CHECK(bench.machine.state_of(fd) == "FIN-WAIT-1");
    CHECK(Bench::failed(bench.calls().write(fd, bytes_of("late")), EPIPE));
    bench.acknowledge(bench.own_seq + 1);
    CHECK(bench.machine.state_of(fd) == "FIN-WAIT-2");
    bench.own_seq += 1;
    bench.say("still");
    CHECK(text_of(bench.calls().read(fd, 10).output().data) == "still");
    const Call end = bench.calls().read(fd, 10);
    CHECK_FALSE(end.is_done());
    bench.at(8ms);
    bench.say("", fin_ack);
    CHECK(end.value() == 0);
    CHECK(bench.ended(end) == 8ms);
    CHECK(bench.machine.state_of(fd) == "TIME-WAIT");
    CHECK(Bench::failed(bench.calls().shutdown(fd, SHUT_RD), ENOTCONN));
}

TEST_CASE("an end that closes sends its FIN, and is listed until it is over", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    CHECK(bench.calls().close(fd).value() == 0);
    CHECK(bench.only().flags == fin_ack);
    CHECK(Bench::failed(bench.calls().read(fd, 1), EBADF));
    REQUIRE(bench.machine.connections().size() == 1);
    CHECK(bench.machine.connections()[0].state == backend::TcpState::fin_wait_1);
    CHECK(bench.machine.connections()[0].remote == far_name);
    bench.acknowledge(bench.own_seq + 1);
    bench.own_seq += 1;
    bench.say("", fin_ack);
    CHECK(bench.only().flags == flag::ack);
    CHECK(bench.machine.connections()[0].state == backend::TcpState::time_wait);
    bench.at(61s);
    CHECK(bench.machine.connections().empty());
}

TEST_CASE("who closes with unread data resets", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    bench.say("unread");
    (void)bench.sent();
    CHECK(bench.calls().close(fd).value() == 0);
    CHECK(bench.only().flags == rst_ack);
    CHECK(bench.machine.connections().empty());
}

TEST_CASE("who closes with unread data on FreeBSD sends a FIN, and resets what comes later", "[apps][pkt]") {
    MachineConfig config;
    config.profile = Profile::freebsd;
    Bench bench(config);
    const int fd = bench.established();
    CHECK(bench.calls().write(fd, bytes_of("written")).value() == 7);
    (void)bench.sent();
    bench.say("unread");
    CHECK(bench.calls().close(fd).value() == 0);
    const Segment fin = bench.only();
    CHECK(fin.flags == fin_ack);
    CHECK(fin.seq == bench.own_seq + 7);
    CHECK(fin.ack == bench.far_seq);
    CHECK(bench.machine.connections()[0].state == backend::TcpState::fin_wait_1);
    bench.say("more");
    CHECK((bench.only().flags & flag::rst) != 0);
    CHECK(bench.machine.connections().empty());
}

TEST_CASE("who closes with a linger of nothing resets, and no other time is taken", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    CHECK(Bench::was_unsupported(bench.calls().setsockopt(fd, SOL_SOCKET, SO_LINGER, Linger{true, 3})));
    CHECK(bench.calls().setsockopt(fd, SOL_SOCKET, SO_LINGER, Linger{true, 0}).value() == 0);
    CHECK(std::get<Linger>(bench.calls().getsockopt(fd, SOL_SOCKET, SO_LINGER).output().option) == Linger{true, 0});
    CHECK(bench.calls().close(fd).value() == 0);
    CHECK(bench.only().flags == rst_ack);
}

TEST_CASE("a reset ends a read that waits, and is told once", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    const Call call = bench.calls().read(fd, 10);
    bench.at(4ms);
    bench.come(rst_ack, bench.far_seq, bench.own_seq);
    CHECK(Bench::failed(call, ECONNRESET));
    CHECK(bench.ended(call) == 4ms);
    CHECK(bench.calls().read(fd, 10).value() == 0);
    CHECK(Bench::failed(bench.calls().write(fd, bytes_of("x")), EPIPE));
    CHECK(Bench::failed(bench.calls().getpeername(fd), ENOTCONN));
    CHECK(bench.machine.state_of(fd) == "CLOSED");
}

TEST_CASE("what came before a reset is read first; a write is told of it instead", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    bench.say("last");
    bench.come(rst_ack, bench.far_seq, bench.own_seq);
    CHECK(bench.calls().read(fd, 10).value() == 4);
    CHECK(Bench::failed(bench.calls().write(fd, bytes_of("x")), ECONNRESET));
    CHECK(so_error(bench, fd) == 0);
    CHECK(bench.calls().read(fd, 10).value() == 0);
}

TEST_CASE("a reset behind the peer's FIN breaks the pipe on Linux and resets on FreeBSD", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    bench.say("", fin_ack);
    bench.come(rst_ack, bench.far_seq, bench.own_seq);
    CHECK(bench.calls().read(fd, 10).value() == 0);  // the FIN comes first
    CHECK(so_error(bench, fd) == EPIPE);

    Bench other(freebsd());
    const int theirs = other.established();
    other.say("", fin_ack);
    other.come(rst_ack, other.far_seq, other.own_seq);
    CHECK(Bench::failed(other.calls().write(theirs, bytes_of("x")), EPIPE));
    CHECK(Bench::failed(other.calls().read(theirs, 10), ECONNRESET));
    CHECK(other.calls().read(theirs, 10).value() == 0);
}

TEST_CASE("a write that waits and is cut short tells what was taken, and the next call the error", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    REQUIRE(bench.calls().setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 8'000).value() == 0);
    const Call call = bench.calls().write(fd, std::vector<std::byte>(9'000));
    CHECK_FALSE(call.is_done());
    bench.come(rst_ack, bench.far_seq, bench.own_seq);
    CHECK(call.value() == 8'000);
    CHECK(so_error(bench, fd) == ECONNRESET);
}

TEST_CASE("a connection that is dropped from outside is reset and gone", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    CHECK(bench.machine.drop(own_name, far_name));
    CHECK(bench.only().flags == rst_ack);
    CHECK(Bench::failed(bench.calls().read(fd, 1), ECONNABORTED));
    CHECK_FALSE(bench.machine.drop(own_name, far_name));
}

TEST_CASE("a peer that is silent for too long is probed and given up", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    for (const auto& [name, value] :
         {std::pair{TCP_KEEPIDLE, 10}, std::pair{TCP_KEEPINTVL, 2}, std::pair{TCP_KEEPCNT, 2}})
        REQUIRE(bench.calls().setsockopt(fd, IPPROTO_TCP, name, value).value() == 0);
    REQUIRE(bench.calls().setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, 1).value() == 0);
    const Call call = bench.calls().read(fd, 1);
    bench.at(1min);
    const std::vector<Segment> sent = bench.sent();
    REQUIRE(sent.size() == 3);
    CHECK(sent[0].at == 10s);
    CHECK(sent[0].seq == bench.own_seq - 1);
    CHECK(sent[1].at == 12s);
    CHECK(sent[2].at == 14s);
    CHECK(sent[2].flags == rst_ack);
    CHECK(Bench::failed(call, ETIMEDOUT));
    CHECK(bench.ended(call) == 14s);
}

TEST_CASE("what is not acknowledged is given up by the user's time-out", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    REQUIRE(bench.calls().setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 2'500).value() == 0);
    CHECK(bench.calls().write(fd, bytes_of("x")).value() == 1);
    const Call call = bench.calls().read(fd, 1);
    bench.at(1min);
    CHECK(Bench::failed(call, ETIMEDOUT));
    CHECK(bench.ended(call) == 2500ms);
}

TEST_CASE("what was never connected has no peer and takes no data", "[apps][pkt]") {
    Bench bench;
    const int fd = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    CHECK(Bench::failed(bench.calls().read(fd, 1), ENOTCONN));
    CHECK(Bench::failed(bench.calls().write(fd, bytes_of("x")), EPIPE));
    CHECK(Bench::failed(bench.calls().shutdown(fd, SHUT_WR), ENOTCONN));
    CHECK(Bench::failed(bench.calls().shutdown(fd, 7), EINVAL));
    CHECK(Bench::failed(bench.calls().getpeername(fd), ENOTCONN));
    CHECK(Bench::failed(bench.calls().accept(fd), EINVAL));
    CHECK(bench.calls().getsockname(fd).output().address == net::SocketAddr());

    Bench other(freebsd());
    const int theirs = static_cast<int>(other.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    CHECK(Bench::failed(other.calls().write(theirs, bytes_of("x")), ENOTCONN));
}

TEST_CASE("the read side that is shut still gives what came, then the end", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    bench.say("there");
    const Call waiting = bench.calls().receive(fd, 10, MSG_WAITALL);
    CHECK_FALSE(waiting.is_done());
    CHECK(bench.calls().shutdown(fd, SHUT_RD).value() == 0);
    CHECK(text_of(waiting.output().data) == "there");
    CHECK(bench.calls().read(fd, 10).value() == 0);
    CHECK(bench.calls().write(fd, bytes_of("on")).value() == 2);
}

}  // namespace
}  // namespace skerry
