// Two operations complete in the same turn and one of them wins a select: the other already holds its outcome when it
// is cancelled, and must give it back to its socket.

#include "net/given_back.hpp"
#include "support/catch.hpp"
#include "support/limits.hpp"

#include <skerry/testing/runtime.hpp>

#include <skerry/base/compiler.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/task.hpp>
#include <skerry/time/timeout.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

namespace skerry {
namespace {

using namespace std::chrono_literals;

const net::IpAddr server_ip = net::IpAddr::v4(198, 18, 0, 9);
const std::array<std::byte, 1> one_byte{std::byte{'x'}};

net::TcpListener listen(std::uint16_t port) {
    auto listener = net::TcpListener::bind({server_ip, port}, {});
    REQUIRE(listener);
    return std::move(*listener);
}

struct Pair {
    net::TcpStream client;
    net::TcpStream server;
};

Pair connect(testing::Runtime& rt, net::TcpListener& listener) {
    auto [client, server] = rt.run(join(net::TcpStream::connect(listener.local_addr()), listener.accept()));
    REQUIRE(client);
    REQUIRE(server);
    return {std::move(*client), std::move(*server)};
}

// What is under way at the same time arrives in the same turn.
void delay_everything(testing::Runtime& rt) {
    testing::Link link;
    link.delay = 1ms;
    rt.network().set_link(link);
}

// Two connections, and whatever is done to both clients reaches their servers in the same turn.
struct TwoPairs {
    testing::Runtime rt;
    net::TcpListener listener = listen(80);
    Pair first = connect(rt, listener);
    Pair second = connect(rt, listener);
    std::array<std::byte, 16> into_first{};
    std::array<std::byte, 16> into_second{};

    TwoPairs() { delay_everything(rt); }

    // A select of a read on each server.
    [[nodiscard]] auto start_reading() {
        return rt.start(select(first.server.read(into_first), second.server.read(into_second)));
    }
};

TEST_CASE("a read that has its bytes and loses a select gives them back", "[net][give_back][cancel]") {
    TwoPairs pairs;
    auto& rt = pairs.rt;
    auto reading = pairs.start_reading();
    auto writing = rt.start(join(pairs.first.client.write_all(one_byte), pairs.second.client.write_all(one_byte)));
    const auto winner = rt.finish(std::move(reading));
    (void)rt.finish(std::move(writing));
    net::TcpStream& loser = winner.index() == 0 ? pairs.second.server : pairs.first.server;
    CHECK(rt.run(loser.read({})).value_or(1) == 0U);  // asks for nothing, and takes nothing
    CHECK(rt.run(time::timeout(1h, loser.read(pairs.into_first))).value_or(0) == 1U);
}

TEST_CASE("take_error takes the error of a read that lost a select", "[net][give_back][cancel]") {
    TwoPairs pairs;
    auto reading = pairs.start_reading();
    for (net::TcpStream* const client : {&pairs.first.client, &pairs.second.client}) {
        REQUIRE(client->set_linger(std::chrono::seconds{0}));
        const auto dropped = std::move(*client);
    }
    const auto winner = pairs.rt.finish(std::move(reading));
    net::TcpStream& loser = winner.index() == 0 ? pairs.second.server : pairs.first.server;
    const auto taken = loser.take_error();
    REQUIRE_FALSE(taken);
    CHECK(taken.error() == Errc::connection_reset);
    CHECK(pairs.rt.run(loser.read(pairs.into_first)).value_or(1) == 0U);
}

TEST_CASE("take_error leaves a lack of buffers to the next read", "[net][give_back]") {
    TwoPairs pairs;
    net::detail::socket_of(pairs.first.server).given_back_error = Errc::no_buffers;
    CHECK(pairs.first.server.take_error());
    const auto read = pairs.rt.run(pairs.first.server.read(pairs.into_first));
    REQUIRE_FALSE(read);
    CHECK(read.error() == Errc::no_buffers);
}

TEST_CASE("an accept that has its connection and loses a select gives it back", "[net][give_back][cancel]") {
    testing::Runtime rt;
    auto first = listen(80);
    auto second = listen(81);
    delay_everything(rt);
    auto accepting = rt.start(select(first.accept(), second.accept()));
    auto connecting =
        rt.start(join(net::TcpStream::connect(first.local_addr()), net::TcpStream::connect(second.local_addr())));
    const auto winner = rt.finish(std::move(accepting));
    const auto clients = rt.finish(std::move(connecting));
    net::TcpListener& loser = winner.index() == 0 ? second : first;
    CHECK(rt.run(time::timeout(1h, loser.accept())));
}

TEST_CASE("a receive that has its datagram and loses a select gives it back", "[net][give_back][cancel]") {
    testing::Runtime rt;
    auto first = net::UdpSocket::bind({server_ip, 80});
    auto second = net::UdpSocket::bind({server_ip, 81});
    auto sender = net::UdpSocket::bind({server_ip, 82});
    REQUIRE((first && second && sender));
    delay_everything(rt);
    std::array<std::byte, 16> into_first;
    std::array<std::byte, 16> into_second;
    auto receiving = rt.start(select(first->recv_from(into_first), second->recv_from(into_second)));
    REQUIRE(rt.run(sender->send_to(one_byte, first->local_addr())));
    REQUIRE(rt.run(sender->send_to(one_byte, second->local_addr())));
    const auto winner = rt.finish(std::move(receiving));
    net::UdpSocket& loser = winner.index() == 0 ? *second : *first;
    CHECK(rt.run(time::timeout(1h, loser.recv_from(into_first))));
}

// --- the outcome is given back when another operation already waits for it

// Begins to wait when it has seen `signal`.
template <class Operation>
Task<bool> follows(net::UdpSocket& signal, Operation operation) {
    std::array<net::Datagram, 1> word;
    if (!co_await signal.recv_batch(word)) co_return false;
    const auto outcome = co_await time::timeout(1h, operation());
    co_return outcome.has_value();
}

// A select has the outcomes of `first` and `second`, but has not run, when two others begin to wait for the same. How
// many of those are served: the one whose outcome the select did not take.
template <class First, class Second, class Arrivals>
int handed_over(testing::Runtime& rt, First first, Second second, Arrivals arrivals) {
    auto before_first = net::UdpSocket::bind({server_ip, 90});
    auto before_second = net::UdpSocket::bind({server_ip, 91});
    auto last = net::UdpSocket::bind({server_ip, 92});
    auto sender = net::UdpSocket::bind({server_ip, 93});
    REQUIRE((before_first && before_second && last && sender));
    delay_everything(rt);
    std::array<net::Datagram, 1> word;
    auto bystander = rt.start(last->recv_batch(word));  // what is woken last runs first, the rest in its order
    auto holder = rt.start(select(first(), second()));
    auto follower = rt.start(follows(*before_first, first));
    auto other_follower = rt.start(follows(*before_second, second));
    REQUIRE(rt.run(sender->send_to(one_byte, before_first->local_addr())));
    REQUIRE(rt.run(sender->send_to(one_byte, before_second->local_addr())));
    auto arriving = rt.start(arrivals());
    REQUIRE(rt.run(sender->send_to(one_byte, last->local_addr())));
    [[maybe_unused]] const auto arrived = rt.finish(std::move(arriving));
    (void)rt.finish(std::move(holder));
    return int{rt.finish(std::move(follower))} + int{rt.finish(std::move(other_follower))};
}

TEST_CASE("bytes that a read gives back go to the read that waits", "[net][give_back][cancel]") {
    testing::Runtime rt;
    auto listener = listen(80);
    auto one = connect(rt, listener);
    auto two = connect(rt, listener);
    std::array<std::byte, 16> into_one;
    std::array<std::byte, 16> into_two;
    CHECK(handed_over(
              rt, [&] { return one.server.read(into_one); }, [&] { return two.server.read(into_two); },
              [&] { return join(one.client.write_all(one_byte), two.client.write_all(one_byte)); }) == 1);
}

TEST_CASE("a connection that an accept gives back goes to the accept that waits", "[net][give_back][cancel]") {
    testing::Runtime rt;
    auto one = listen(80);
    auto two = listen(81);
    CHECK(handed_over(
              rt, [&] { return one.accept(); }, [&] { return two.accept(); },
              [&] {
                  return join(net::TcpStream::connect(one.local_addr()), net::TcpStream::connect(two.local_addr()));
              }) == 1);
}

TEST_CASE("a datagram that a receive gives back goes to the receive that waits", "[net][give_back][cancel]") {
    testing::Runtime rt;
    auto one = net::UdpSocket::bind({server_ip, 80});
    auto two = net::UdpSocket::bind({server_ip, 81});
    auto sender = net::UdpSocket::bind({server_ip, 82});
    REQUIRE((one && two && sender));
    std::array<std::byte, 16> into_one;
    std::array<std::byte, 16> into_two;
    CHECK(handed_over(
              rt, [&] { return one->recv_from(into_one); }, [&] { return two->recv_from(into_two); },
              [&] {
                  return join(sender->send_to(one_byte, one->local_addr()),
                              sender->send_to(one_byte, two->local_addr()));
              }) == 1);
}

#if !SKERRY_ASAN && !SKERRY_TSAN  // they need address space of their own

TEST_CASE("what cannot be put in front for want of memory stays with its giver", "[net][give_back]") {
    std::deque<std::unique_ptr<int>>* queue = nullptr;
    auto value = std::make_unique<int>(1);
    bool is_kept = true;
    {
        const tests::NoMemory here(16);
        is_kept = net::detail::put_in_front(queue, value);
    }
    CHECK_FALSE(is_kept);
    CHECK(queue == nullptr);
    CHECK(value != nullptr);
}

TEST_CASE("bytes that cannot be given back for want of memory end the stream", "[net][give_back]") {
    backend::StreamSocket socket;
    backend::ReadRequest request;
    request.kind = backend::ReadKind::buffer;
    request.buffer = IoBuf::copy_of(one_byte);
    request.bytes = request.buffer.size();
    {
        const tests::NoMemory here(16);
        net::detail::give_back(socket, request);
    }
    CHECK(socket.given_back == nullptr);
    CHECK(socket.given_back_error == Errc::no_buffers);
}

#endif

}  // namespace
}  // namespace skerry
