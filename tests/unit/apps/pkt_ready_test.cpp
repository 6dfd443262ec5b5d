// poll() and epoll on a machine under test.

#include "pkt_bench.hpp"

#include <poll.h>
#include <sys/epoll.h>

namespace skerry {
namespace {

using namespace pkt_bench;

/// What poll() of one descriptor says at once.
std::uint32_t polled(Bench& bench, int fd, std::uint32_t events = POLLIN | POLLOUT | POLLRDHUP) {
    const Call call = bench.calls().poll({{fd, events, 0}}, 0);
    REQUIRE(call.is_done());
    return call.value() == 0 ? 0 : call.output().polled.at(0).revents;
}

TEST_CASE("poll() tells of data, room, ends and errors as Linux does", "[apps][pkt]") {
    Bench bench;
    const int door = bench.listening();
    CHECK(polled(bench, door) == 0);
    const int fresh = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    CHECK(polled(bench, fresh) == (POLLOUT | POLLHUP));
    bench.shake();
    CHECK(polled(bench, door) == POLLIN);
    const int fd = static_cast<int>(bench.calls().accept(door).value());
    CHECK(polled(bench, fd) == POLLOUT);
    bench.say("x");
    CHECK(polled(bench, fd) == (POLLIN | POLLOUT));
    CHECK(polled(bench, fd, POLLIN) == POLLIN);
    bench.say("", fin_ack);
    CHECK(bench.calls().read(fd, 1).value() == 1);
    CHECK(polled(bench, fd) == (POLLIN | POLLOUT | POLLRDHUP));
    bench.come(rst_ack, bench.far_seq, bench.own_seq);
    CHECK(polled(bench, fd) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR));
    CHECK(polled(bench, fd, 0) == (POLLHUP | POLLERR));
    CHECK(polled(bench, 99) == POLLNVAL);
    CHECK(polled(bench, -1) == 0);
}

TEST_CASE("poll() that waits ends when something happens, or at its time-out", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    const Call late = bench.calls().poll({{fd, POLLIN, 0}}, 30);
    const Call call = bench.calls().poll({{fd, POLLIN, 0}}, 50);
    bench.at(40ms);
    CHECK(late.value() == 0);
    CHECK(bench.ended(late) == 30ms);
    CHECK_FALSE(call.is_done());
    bench.say("x");
    CHECK(call.value() == 1);
    CHECK(call.output().polled.at(0).revents == POLLIN);
    CHECK(bench.ended(call) == 40ms);
}

TEST_CASE("a connection that is being made is writable when it is made", "[apps][pkt]") {
    Bench bench;
    const int fd = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0).value());
    CHECK(Bench::failed(bench.calls().connect(fd, far_name), EINPROGRESS));
    const Segment syn = bench.only();
    bench.port = bench.calls().getsockname(fd).output().address->port();
    const Call call = bench.calls().poll({{fd, POLLOUT, 0}}, -1);
    CHECK_FALSE(call.is_done());
    bench.at(25ms);
    bench.come(syn_ack, 500, syn.seq + 1, {}, 65'535, 1000);
    CHECK(call.output().polled.at(0).revents == POLLOUT);
    CHECK(bench.ended(call) == 25ms);
}

TEST_CASE("one whose buffer is full is writable again when there is room that is worth it", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    REQUIRE(bench.calls().setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 9'000).value() == 0);
    bench.set_nonblocking(fd);
    CHECK(bench.calls().write(fd, std::vector<std::byte>(20'000)).value() == 9'000);
    CHECK(polled(bench, fd) == 0);
    bench.acknowledge(bench.own_seq + 1'000);
    CHECK(polled(bench, fd) == 0);
    bench.acknowledge(bench.own_seq + 3'000);
    CHECK(polled(bench, fd) == POLLOUT);
}

TEST_CASE("epoll tells what is there as long as it is there", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    const int set = static_cast<int>(bench.calls().epoll_create1(0).value());
    CHECK(set == 5);
    CHECK(bench.calls().epoll_ctl(set, EPOLL_CTL_ADD, fd, {EPOLLIN, 77}).value() == 0);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 0);
    const Call call = bench.calls().epoll_wait(set, 4, -1);
    bench.at(2ms);
    bench.say("xy");
    REQUIRE(call.value() == 1);
    CHECK(bench.ended(call) == 2ms);
    CHECK(call.output().events.at(0).events == EPOLLIN);
    CHECK(call.output().events.at(0).data == 77);
    CHECK(bench.calls().read(fd, 1).value() == 1);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 1);
    CHECK(bench.calls().read(fd, 1).value() == 1);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 0);
    const Call none = bench.calls().epoll_wait(set, 4, 10);
    bench.at(1s);
    CHECK(none.value() == 0);
    CHECK(bench.ended(none) == 12ms);
}

TEST_CASE("an edge is told once, and again for what comes anew", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    const int set = static_cast<int>(bench.calls().epoll_create(1).value());
    CHECK(bench.calls().epoll_ctl(set, EPOLL_CTL_ADD, fd, {EPOLLIN | EPOLLET, 1}).value() == 0);
    bench.say("a");
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 1);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 0);
    bench.say("b");
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 1);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 0);
    CHECK(bench.calls().epoll_ctl(set, EPOLL_CTL_MOD, fd, {EPOLLIN | EPOLLET, 1}).value() == 0);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 1);
}

TEST_CASE("an edge of room comes when a full buffer has been drained", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    REQUIRE(bench.calls().setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 9'000).value() == 0);
    bench.set_nonblocking(fd);
    const int set = static_cast<int>(bench.calls().epoll_create1(0).value());
    CHECK(bench.calls().epoll_ctl(set, EPOLL_CTL_ADD, fd, {EPOLLOUT | EPOLLET, 1}).value() == 0);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 1);
    CHECK(bench.calls().write(fd, std::vector<std::byte>(20'000)).value() == 9'000);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 0);
    const Call call = bench.calls().epoll_wait(set, 4, -1);
    bench.acknowledge(bench.own_seq + 1'000);
    CHECK_FALSE(call.is_done());
    bench.acknowledge(bench.own_seq + 8'000);
    CHECK(call.value() == 1);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 0);
    bench.say("data is not what it waits for");
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 0);
}

TEST_CASE("one shot is told once until it is asked for again", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    const int set = static_cast<int>(bench.calls().epoll_create1(0).value());
    CHECK(bench.calls().epoll_ctl(set, EPOLL_CTL_ADD, fd, {EPOLLOUT | EPOLLONESHOT, 1}).value() == 0);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 1);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 0);
    CHECK(bench.calls().epoll_ctl(set, EPOLL_CTL_MOD, fd, {EPOLLOUT, 1}).value() == 0);
    CHECK(bench.calls().epoll_wait(set, 4, 0).value() == 1);
}

TEST_CASE("epoll refuses what is wrong, and forgets what is closed", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    const int set = static_cast<int>(bench.calls().epoll_create1(0).value());
    Calls& calls = bench.calls();
    CHECK(Bench::failed(calls.epoll_create(0), EINVAL));
    CHECK(Bench::failed(calls.epoll_ctl(set, EPOLL_CTL_MOD, fd, {EPOLLIN, 0}), ENOENT));
    CHECK(Bench::failed(calls.epoll_ctl(set, EPOLL_CTL_DEL, fd, {}), ENOENT));
    CHECK(calls.epoll_ctl(set, EPOLL_CTL_ADD, fd, {EPOLLOUT, 0}).value() == 0);
    CHECK(Bench::failed(calls.epoll_ctl(set, EPOLL_CTL_ADD, fd, {EPOLLIN, 0}), EEXIST));
    CHECK(Bench::failed(calls.epoll_ctl(set, EPOLL_CTL_ADD, set, {EPOLLIN, 0}), EINVAL));
    CHECK(Bench::failed(calls.epoll_ctl(set, EPOLL_CTL_ADD, 99, {EPOLLIN, 0}), EBADF));
    CHECK(Bench::failed(calls.epoll_ctl(fd, EPOLL_CTL_ADD, set, {EPOLLIN, 0}), EINVAL));
    CHECK(Bench::failed(calls.epoll_wait(set, 0, 0), EINVAL));
    CHECK(Bench::failed(calls.epoll_wait(fd, 1, 0), EINVAL));
    CHECK(Bench::failed(calls.bind(set, any_name), ENOTSOCK));
    CHECK(calls.close(fd).value() == 0);
    CHECK(calls.epoll_wait(set, 4, 0).value() == 0);
}

TEST_CASE("a FreeBSD machine has no epoll, and no poll() that is known here", "[apps][pkt]") {
    MachineConfig config;
    config.profile = Profile::freebsd;
    Bench bench(config);
    CHECK(Bench::was_unsupported(bench.calls().epoll_create(1)));
    CHECK(Bench::was_unsupported(bench.calls().epoll_create1(0)));
    CHECK(Bench::was_unsupported(bench.calls().poll({}, 0)));
}

}  // namespace
}  // namespace skerry
