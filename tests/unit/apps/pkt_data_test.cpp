// Data on a machine under test: reads and writes that wait end at exact times, and acknowledgements and retransmissions
// leave at theirs.

#include "pkt_bench.hpp"

#include <sys/ioctl.h>
#include <linux/sockios.h>

namespace skerry {
namespace {

using namespace pkt_bench;

TEST_CASE("a read that waits ends with the data, and the acknowledgement is delayed by 40 ms", "[apps][pkt]") {
    Bench bench(config_of(Profile::freebsd));
    const int fd = bench.established();
    const Call call = bench.calls().read(fd, 100);
    CHECK_FALSE(call.is_done());
    bench.at(3ms);
    bench.say("hello");
    CHECK(call.value() == 5);
    CHECK(text_of(call.output().data) == "hello");
    CHECK(bench.ended(call) == 3ms);
    CHECK(bench.sent().empty());
    bench.at(1s);
    const Segment ack = bench.only();
    CHECK(ack.at == 43ms);
    CHECK(ack.ack == bench.far_seq);
    CHECK(ack.text.empty());
}

TEST_CASE("every second segment is acknowledged at the instant at which it came", "[apps][pkt]") {
    Bench bench(config_of(Profile::freebsd));
    (void)bench.established();
    bench.at(1ms);
    bench.say("one");
    CHECK(bench.sent().empty());
    bench.at(2ms);
    bench.say("two");
    const Segment ack = bench.only();
    CHECK(ack.at == 2ms);
    CHECK(ack.ack == bench.far_seq);
}

TEST_CASE("a read that may not wait has nothing to say", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    CHECK(Bench::failed(bench.calls().receive(fd, 10, MSG_DONTWAIT), EAGAIN));
    bench.set_nonblocking(fd);
    CHECK(Bench::failed(bench.calls().read(fd, 10), EAGAIN));
    CHECK((bench.calls().fcntl(fd, F_GETFL, 0).value() & O_NONBLOCK) != 0);
    bench.say("x");
    CHECK(bench.calls().read(fd, 10).value() == 1);
}

TEST_CASE("data can be looked at, counted, thrown away, and waited for as a whole", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    bench.say("abcdef");
    CHECK(bench.calls().ioctl(fd, FIONREAD).output().integer == 6);
    CHECK(text_of(bench.calls().receive(fd, 3, MSG_PEEK).output().data) == "abc");
    CHECK(text_of(bench.calls().read(fd, 2).output().data) == "ab");
    const Call thrown = bench.calls().receive(fd, 1, MSG_TRUNC);
    CHECK(thrown.value() == 1);
    CHECK(thrown.output().data.empty());
    const Call all = bench.calls().receive(fd, 5, MSG_WAITALL);
    CHECK_FALSE(all.is_done());
    bench.at(9ms);
    bench.say("ghi");
    CHECK(text_of(all.output().data) == "defgh");
    CHECK(bench.ended(all) == 9ms);
    CHECK(bench.calls().readv(fd, {10, 10}).value() == 1);
    CHECK(Bench::was_unsupported(bench.calls().receive(fd, 1, MSG_OOB)));
}

TEST_CASE("a write leaves at its own instant and again after exactly the time-out", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    bench.at(10ms);
    CHECK(bench.calls().write(fd, bytes_of("ping")).value() == 4);
    const Segment first = bench.only();
    CHECK(first.at == 10ms);
    CHECK(first.text == "ping");
    CHECK(first.flags == psh_ack);
    CHECK(first.seq == bench.own_seq);
    CHECK(bench.calls().ioctl(fd, SIOCOUTQ).output().integer == 4);
    bench.at(500ms);
    const std::vector<Segment> again = bench.sent();
    REQUIRE(again.size() == 1);
    CHECK(again[0].at == 210'001us);  // the least: the handshake took no time, which counts as a microsecond
    CHECK(again[0].seq == first.seq);
    bench.acknowledge(bench.own_seq + 4);
    CHECK(bench.calls().ioctl(fd, SIOCOUTQ).output().integer == 0);
}

TEST_CASE("a short write waits for the acknowledgement of one before, until TCP_NODELAY lets it go", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    CHECK(bench.calls().write(fd, bytes_of("one")).value() == 3);
    CHECK(bench.only().text == "one");
    CHECK(bench.calls().writev(fd, {bytes_of("tw"), bytes_of("o")}).value() == 3);
    CHECK(bench.sent().empty());
    bench.at(5ms);
    CHECK(bench.calls().setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1).value() == 0);
    const Segment second = bench.only();
    CHECK(second.at == 5ms);
    CHECK(second.text == "two");
}

TEST_CASE("a write that fills the buffer takes what there is room for, or waits until all is taken", "[apps][pkt]") {
    const std::vector<std::byte> much(12'000);
    Bench bench;
    const int fd = bench.established();
    REQUIRE(bench.calls().setsockopt(fd, SOL_SOCKET, SO_SNDBUF, 8'000).value() == 0);
    bench.set_nonblocking(fd);
    CHECK(bench.calls().write(fd, much).value() == 8'000);
    CHECK(Bench::failed(bench.calls().write(fd, much), EAGAIN));
    CHECK(bench.sent().size() == 8);
    REQUIRE(bench.calls().fcntl(fd, F_SETFL, O_RDWR).value() == 0);
    const Call rest = bench.calls().write(fd, std::vector<std::byte>(4'000));
    CHECK_FALSE(rest.is_done());
    bench.at(40ms);
    bench.acknowledge(bench.own_seq + 1'000);
    CHECK(bench.sent().empty());  // so little room wakes no writer
    bench.at(50ms);
    bench.acknowledge(bench.own_seq + 3'000);
    CHECK_FALSE(rest.is_done());
    bench.at(60ms);
    bench.acknowledge(bench.own_seq + 8'000);
    CHECK(rest.value() == 4'000);
    CHECK(bench.ended(rest) == 60ms);
    std::size_t bytes = 0;
    for (const Segment& segment : bench.sent()) bytes += segment.text.size();
    CHECK(bytes == 4'000);
}

TEST_CASE("a window that is closed lets nothing through until it opens", "[apps][pkt]") {
    Bench bench;
    const int fd = bench.established();
    bench.acknowledge(bench.own_seq, 0);
    CHECK(bench.calls().write(fd, bytes_of("wait")).value() == 4);
    CHECK(bench.sent().empty());
    bench.at(20ms);
    bench.acknowledge(bench.own_seq, 1'000);
    const Segment segment = bench.only();
    CHECK(segment.at == 20ms);
    CHECK(segment.text == "wait");
}

}  // namespace
}  // namespace skerry
