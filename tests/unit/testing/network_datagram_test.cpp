#include "support/catch.hpp"

#include <skerry/testing/runtime.hpp>

#include <skerry/net/udp_socket.hpp>
#include <skerry/time/timeout.hpp>

#include <array>
#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;

const net::IpAddr one = net::IpAddr::v4(198, 18, 0, 1);
const net::IpAddr two = net::IpAddr::v4(198, 18, 0, 2);
const net::IpAddr group = net::IpAddr::v4(239, 1, 2, 3);

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

net::UdpSocket bind(const net::SocketAddr& address) {
    auto socket = net::UdpSocket::bind(address);
    REQUIRE(socket);
    return std::move(*socket);
}

/// Everything that is there, as text.
std::vector<std::string> receive_all(testing::Runtime& rt, net::UdpSocket& socket) {
    std::vector<std::string> texts;
    for (;;) {
        std::array<std::byte, 2048> buffer;
        auto received = rt.run(time::timeout(1h, socket.recv_from(buffer)));
        if (!received) return texts;
        texts.emplace_back(reinterpret_cast<const char*>(buffer.data()), received->bytes);
    }
}

void send_numbers(testing::Runtime& rt, net::UdpSocket& socket, const net::SocketAddr& to, int count) {
    for (int i = 0; i < count; ++i) REQUIRE(rt.run(socket.send_to(bytes_of(std::to_string(i)), to)));
}

TEST_CASE("a datagram arrives with its sender's address and the time of its arrival", "[testing][network]") {
    testing::Runtime rt;
    testing::Link slow;
    slow.delay = 3ms;
    rt.network().set_link(slow);
    auto sender = bind({one, 1000});
    auto receiver = bind({two, 2000});
    const time::Instant before = rt.now();
    CHECK(rt.run(sender.send_to(bytes_of("hello"), receiver.local_addr())).value() == 5);
    std::array<net::Datagram, 4> batch;
    CHECK(rt.run(receiver.recv_batch(batch)).value() == 1);
    CHECK(batch[0].payload.size() == 5);
    CHECK(batch[0].peer == net::SocketAddr(one, 1000));
    CHECK(batch[0].received_at - before == 3ms);
}

TEST_CASE("a short buffer truncates and says so", "[testing][network]") {
    testing::Runtime rt;
    auto sender = bind({one, 0});
    auto receiver = bind({two, 2000});
    REQUIRE(rt.run(sender.send_to(bytes_of("123456"), receiver.local_addr())));
    std::array<std::byte, 4> buffer;
    const auto received = rt.run(receiver.recv_from(buffer));
    REQUIRE(received);
    CHECK(received->bytes == 4);
    CHECK(received->truncated);
}

TEST_CASE("a batch takes what is queued and no more than asked", "[testing][network]") {
    testing::Runtime rt;
    auto sender = bind({one, 0});
    auto receiver = bind({two, 2000});
    send_numbers(rt, sender, receiver.local_addr(), 5);
    rt.run_until_idle();
    std::array<net::Datagram, 3> batch;
    CHECK(rt.run(receiver.recv_batch(batch)).value() == 3);
    CHECK(rt.run(receiver.recv_batch(batch)).value() == 2);
}

TEST_CASE("a datagram that is too long is refused", "[testing][network]") {
    testing::Runtime rt;
    auto sender = bind({one, 0});
    const std::vector<std::byte> longest(65'507);
    const std::vector<std::byte> longer(65'508);
    CHECK(rt.run(sender.send_to(longest, {two, 9})));
    CHECK(rt.run(sender.send_to(longer, {two, 9})).error() == Errc::message_too_long);
}

TEST_CASE("a datagram address is taken until its socket is dropped", "[testing][network]") {
    testing::Runtime rt;
    {
        const auto first = bind({one, 1000});
        CHECK(net::UdpSocket::bind({one, 1000}).error() == Errc::address_in_use);
        CHECK(net::UdpSocket::bind({net::IpAddr::v4_any(), 1000}).error() == Errc::address_in_use);
        CHECK(net::UdpSocket::bind({two, 1000}));
    }
    CHECK(net::UdpSocket::bind({one, 1000}));
}

TEST_CASE("a connected socket learns that nobody has the port, an unconnected one does not", "[testing][network]") {
    testing::Runtime rt;
    auto sender = bind({one, 0});
    std::array<std::byte, 8> buffer;
    REQUIRE(rt.run(sender.send_to(bytes_of("x"), {two, 9})));
    CHECK(rt.run(time::timeout(1s, sender.recv_from(buffer))).error() == Errc::timed_out);
    CHECK(rt.run(sender.send(bytes_of("x"))).error() == Errc::not_connected);
    REQUIRE(sender.connect({two, 9}));
    REQUIRE(rt.run(sender.send(bytes_of("x"))));
    CHECK(rt.run(sender.recv_from(buffer)).error() == Errc::connection_refused);
    CHECK(rt.run(time::timeout(1s, sender.recv_from(buffer))).error() == Errc::timed_out);  // once
}

TEST_CASE("a connected socket hears only its peer", "[testing][network]") {
    testing::Runtime rt;
    auto friendly = bind({one, 1000});
    auto stranger = bind({one, 1001});
    auto receiver = bind({two, 2000});
    REQUIRE(receiver.connect({one, 1000}));
    REQUIRE(rt.run(stranger.send_to(bytes_of("strange"), receiver.local_addr())));
    REQUIRE(rt.run(friendly.send_to(bytes_of("known"), receiver.local_addr())));
    CHECK(receive_all(rt, receiver) == std::vector<std::string>{"known"});
    CHECK(rt.network().counters().datagrams_unclaimed == 1);
}

TEST_CASE("a full queue loses the newest datagrams", "[testing][network]") {
    testing::Runtime rt;
    testing::NetworkLimits limits;
    limits.datagram_queue = 2;
    rt.network().set_limits(limits);
    auto sender = bind({one, 0});
    auto receiver = bind({two, 2000});
    send_numbers(rt, sender, receiver.local_addr(), 5);
    rt.run_until_idle();
    CHECK(receive_all(rt, receiver) == std::vector<std::string>{"0", "1"});
    CHECK(rt.network().counters().datagrams_overflowed == 3);
}

TEST_CASE("every member of a group gets its datagrams, until it leaves", "[testing][network]") {
    testing::Runtime rt;
    auto sender = bind({one, 0});
    auto first = bind({net::IpAddr::v4_any(), 5000});
    auto second = bind({group, 5001});
    auto third = bind({group, 5001});
    CHECK(first.join_multicast(one).error() == Errc::invalid_argument);
    CHECK(first.leave_multicast(group).error() == Errc::address_not_available);
    REQUIRE(second.join_multicast(group));
    CHECK(second.join_multicast(group).error() == Errc::address_in_use);
    REQUIRE(third.join_multicast(group));
    REQUIRE(rt.run(sender.send_to(bytes_of("a"), {group, 5001})));
    CHECK(receive_all(rt, second) == std::vector<std::string>{"a"});
    CHECK(receive_all(rt, third) == std::vector<std::string>{"a"});
    REQUIRE(third.leave_multicast(group));
    REQUIRE(rt.run(sender.send_to(bytes_of("b"), {group, 5001})));
    CHECK(receive_all(rt, second) == std::vector<std::string>{"b"});
    CHECK(receive_all(rt, third).empty());
    CHECK(receive_all(rt, first).empty());
}

// --- faults

std::vector<std::string> arrivals(const testing::Link& link, int count, std::uint64_t seed = 1) {
    testing::Options options;
    options.seed = seed;
    testing::Runtime rt(options);
    testing::NetworkLimits limits;
    limits.datagram_queue = 100'000;
    rt.network().set_limits(limits);
    rt.network().set_link(link);
    auto sender = bind({one, 1000});
    auto receiver = bind({two, 2000});
    send_numbers(rt, sender, receiver.local_addr(), count);
    return receive_all(rt, receiver);
}

TEST_CASE("a link drops the given share of datagrams, the same ones for the same seed", "[testing][network]") {
    testing::Link lossy;
    lossy.drop = 0.25;
    const auto arrived = arrivals(lossy, 2000);
    CHECK(arrived.size() > 1400);
    CHECK(arrived.size() < 1600);
    CHECK(arrived == arrivals(lossy, 2000));
    CHECK(arrived != arrivals(lossy, 2000, 2));
}

TEST_CASE("a link doubles the given share of datagrams", "[testing][network]") {
    testing::Link doubling;
    doubling.duplicate = 1;
    const auto arrived = arrivals(doubling, 3);
    CHECK(arrived == std::vector<std::string>{"0", "0", "1", "1", "2", "2"});
}

TEST_CASE("a link that reorders loses nothing", "[testing][network]") {
    testing::Link shuffling;
    shuffling.reorder = 0.5;
    auto arrived = arrivals(shuffling, 100);
    REQUIRE(arrived.size() == 100);
    std::vector<std::string> sent;
    for (int i = 0; i < 100; ++i) sent.push_back(std::to_string(i));
    CHECK(arrived != sent);
    CHECK(std::set<std::string>(arrived.begin(), arrived.end()).size() == 100);
}

TEST_CASE("a link that is down loses every datagram", "[testing][network]") {
    testing::Link down;
    down.is_down = true;
    CHECK(arrivals(down, 10).empty());
}

TEST_CASE("a sender waits while sends are blocked, and a cancelled one sends nothing", "[testing][network][cancel]") {
    testing::Runtime rt;
    auto sender = bind({one, 1000});
    auto receiver = bind({two, 2000});
    rt.network().set_sends_blocked(true);
    auto given_up = rt.start(sender.send_to(bytes_of("never"), receiver.local_addr()));
    CHECK_FALSE(given_up.is_done());
    given_up.cancel();
    auto waiting = rt.start(sender.send_to(bytes_of("late"), receiver.local_addr()));
    CHECK_FALSE(waiting.is_done());
    rt.network().set_sends_blocked(false);
    CHECK(rt.finish(std::move(waiting)).value() == 4);
    CHECK(receive_all(rt, receiver) == std::vector<std::string>{"late"});
}

TEST_CASE("a batch needs buffers and loses nothing without them", "[testing][network]") {
    testing::Runtime rt;
    auto sender = bind({one, 1000});
    auto receiver = bind({two, 2000});
    send_numbers(rt, sender, receiver.local_addr(), 1);
    rt.network().set_no_buffers(true);
    std::array<net::Datagram, 2> batch;
    CHECK(rt.run(receiver.recv_batch(batch)).error() == Errc::no_buffers);
    rt.network().set_no_buffers(false);
    CHECK(rt.run(receiver.recv_batch(batch)).value() == 1);
}

TEST_CASE("a cancelled receive loses no datagram", "[testing][network][cancel]") {
    testing::Runtime rt;
    auto sender = bind({one, 1000});
    auto receiver = bind({two, 2000});
    std::size_t taken = 0;
    for (int i = 0; i < 200; ++i) {
        std::array<std::byte, 16> buffer;
        auto receiving = rt.start(receiver.recv_from(buffer));
        auto sending = rt.start(sender.send_to(bytes_of("x"), receiver.local_addr()));
        for (int turn = 0; turn < i % 3; ++turn) rt.step();
        if (receiving.is_done())
            taken += receiving.take().value().bytes;
        else
            receiving.cancel();
        REQUIRE(rt.finish(std::move(sending)));
    }
    CHECK(taken + receive_all(rt, receiver).size() == 200);
}

TEST_CASE("a datagram to an address that was made unreachable is refused, alone and in a batch", "[testing][network]") {
    testing::Runtime rt;
    auto sender = bind({one, 1000});
    rt.network().set_answer({two, 9}, testing::Answer::unreachable);
    CHECK(rt.run(sender.send_to(bytes_of("x"), {two, 9})).error() == Errc::unreachable);
    std::array<net::Datagram, 1> batch;
    batch[0].payload = IoBuf::copy_of(bytes_of("x"));
    batch[0].peer = {two, 9};
    CHECK(rt.run(sender.send_batch(batch)).error() == Errc::unreachable);
    CHECK(rt.run(sender.send_to(bytes_of("x"), {two, 10})));
}

TEST_CASE("a bind can be made to fail, and fails without descriptors", "[testing][network]") {
    testing::Runtime rt;
    rt.network().fail_next_bind(Errc::permission_denied);
    CHECK(net::UdpSocket::bind({one, 80}).error() == Errc::permission_denied);
    testing::NetworkLimits limits;
    limits.descriptors = 1;
    rt.network().set_limits(limits);
    const auto first = bind({one, 80});
    CHECK(net::UdpSocket::bind({one, 81}).error() == Errc::no_descriptors);
}

TEST_CASE("a socket joins so many groups and no more, on the one interface", "[testing][network]") {
    testing::Runtime rt;
    testing::NetworkLimits limits;
    limits.groups = 2;
    rt.network().set_limits(limits);
    auto socket = bind({net::IpAddr::v4_any(), 5000});
    REQUIRE(socket.join_multicast(net::IpAddr::v4(239, 0, 0, 1)));
    REQUIRE(socket.join_multicast(net::IpAddr::v4(239, 0, 0, 2), 1));
    CHECK(socket.join_multicast(net::IpAddr::v4(239, 0, 0, 3)).error() == Errc::no_buffers);
    CHECK(socket.join_multicast(net::IpAddr::v4(239, 0, 0, 3), 2).error() == Errc::not_found);
    REQUIRE(socket.leave_multicast(net::IpAddr::v4(239, 0, 0, 1)));
    CHECK(socket.join_multicast(net::IpAddr::v4(239, 0, 0, 3)));
}

TEST_CASE("a send whose room is gone again when it runs says no_buffers", "[testing][network]") {
    testing::Runtime rt;
    auto sender = bind({one, 1000});
    auto receiver = bind({two, 2000});
    rt.network().set_sends_blocked(true);
    auto alone = rt.start(sender.send_to(bytes_of("x"), receiver.local_addr()));
    rt.network().set_sends_blocked(false);  // wakes it
    rt.network().set_sends_blocked(true);   // before it has run
    CHECK(rt.finish(std::move(alone)).error() == Errc::no_buffers);
    std::array<net::Datagram, 2> batch;
    for (net::Datagram& datagram : batch) {
        datagram.payload = IoBuf::copy_of(bytes_of("x"));
        datagram.peer = receiver.local_addr();
    }
    auto together = rt.start(sender.send_batch(batch));
    rt.network().set_sends_blocked(false);
    rt.network().set_sends_blocked(true);
    CHECK(rt.finish(std::move(together)).error() == Errc::no_buffers);
    rt.network().set_sends_blocked(false);
    CHECK(receive_all(rt, receiver).empty());
}

TEST_CASE("a batch that waits and is cancelled has sent nothing that it had not sent before",
          "[testing][network][cancel]") {
    testing::Runtime rt;
    auto sender = bind({one, 1000});
    auto receiver = bind({two, 2000});
    rt.network().set_sends_blocked(true);
    std::array<net::Datagram, 3> batch;
    for (net::Datagram& datagram : batch) {
        datagram.payload = IoBuf::copy_of(bytes_of("x"));
        datagram.peer = receiver.local_addr();
    }
    auto waiting = rt.start(sender.send_batch(batch));
    CHECK_FALSE(waiting.is_done());
    waiting.cancel();
    rt.network().set_sends_blocked(false);
    CHECK(receive_all(rt, receiver).empty());
    CHECK(rt.run(sender.send_batch(batch)).value() == 3);
}

TEST_CASE("a buffer that is given waits for room, and a cancelled one is gone and not sent",
          "[testing][network][cancel]") {
    testing::Runtime rt;
    auto sender = bind({one, 1000});
    auto receiver = bind({two, 2000});
    rt.network().set_sends_blocked(true);
    IoBuf never = IoBuf::copy_of(bytes_of("never"));
    auto given_up = rt.start(sender.send_buf_to(std::move(never), receiver.local_addr()));
    CHECK_FALSE(given_up.is_done());
    given_up.cancel();
    CHECK_FALSE(never);
    IoBuf late = IoBuf::copy_of(bytes_of("late"));
    auto waiting = rt.start(sender.send_buf_to(std::move(late), receiver.local_addr()));
    CHECK_FALSE(waiting.is_done());
    rt.network().set_sends_blocked(false);
    CHECK(rt.finish(std::move(waiting)).value() == 4);
    CHECK(receive_all(rt, receiver) == std::vector<std::string>{"late"});
}

TEST_CASE("a batch that is given, waits and is cancelled keeps the payloads that were not sent",
          "[testing][network][cancel]") {
    testing::Runtime rt;
    auto sender = bind({one, 1000});
    auto receiver = bind({two, 2000});
    rt.network().set_sends_blocked(true);
    std::array<net::Datagram, 2> batch;
    for (net::Datagram& datagram : batch) {
        datagram.payload = IoBuf::copy_of(bytes_of("x"));
        datagram.peer = receiver.local_addr();
    }
    auto waiting = rt.start(sender.send_batch_buf(batch));
    CHECK_FALSE(waiting.is_done());
    waiting.cancel();
    rt.network().set_sends_blocked(false);
    CHECK(receive_all(rt, receiver).empty());
    for (const net::Datagram& datagram : batch) CHECK(datagram.payload.size() == 1);
    CHECK(rt.run(sender.send_batch_buf(batch)).value() == 2);
    for (const net::Datagram& datagram : batch) CHECK_FALSE(datagram.payload);
}

}  // namespace
}  // namespace skerry
