// Datagrams in a row: they leave by one call and may come by one, and are the same datagrams as ever.

#include "fixture.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/task/spawn.hpp>

namespace skerry::conformance {
namespace {

using Bytes = std::vector<std::byte>;

net::Datagram datagram_of(std::span<const std::byte> bytes, const net::SocketAddr& to, std::size_t segment_bytes = 0) {
    net::Datagram datagram;
    datagram.payload = IoBuf::copy_of(bytes);
    datagram.peer = to;
    datagram.segment_bytes = static_cast<std::uint16_t>(segment_bytes);
    return datagram;
}

std::vector<Bytes> cut(std::span<const std::byte> bytes, std::size_t segment_bytes) {
    std::vector<Bytes> parts;
    for (; bytes.size() > segment_bytes; bytes = bytes.subspan(segment_bytes))
        parts.emplace_back(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(segment_bytes));
    parts.emplace_back(bytes.begin(), bytes.end());
    return parts;
}

/// So many datagrams from `socket`, whatever came together.
Task<std::vector<Bytes>> receive(net::UdpSocket& socket, std::size_t count) {
    std::vector<Bytes> received;
    std::vector<net::Datagram> batch(8);
    while (received.size() < count) {
        auto got = co_await socket.recv_batch(batch);
        REQUIRE(got);
        for (const net::Datagram& datagram : std::span(batch).first(*got)) {
            REQUIRE_FALSE(datagram.truncated);
            const net::SegmentsOf segments = net::segments_of(datagram);
            const std::size_t before = received.size();
            for (const std::span<const std::byte> each : segments) received.emplace_back(each.begin(), each.end());
            REQUIRE(received.size() - before == segments.size());
        }
    }
    co_return received;
}

/// Whether the backend brings datagrams together, and `socket` now does.
bool receives_segments(net::UdpSocket& socket) {
    const bool can = backend::current_sockets->capabilities().segments;
    const auto set = socket.set_option(net::SocketOption::receive_segments, 1);
    REQUIRE(set.has_value() == can);
    if (!can) {
        CHECK(set.error() == Errc::unsupported);
        WARN("skipped: nothing brings this backend's datagrams together");
    }
    return can;
}

TEST_CASE("segments of one span come as datagrams, the last of them shorter", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const Bytes data = pattern(1050);
        auto sent = co_await one.send_segmented(data, 100, other.local_addr());
        REQUIRE(sent);
        CHECK(*sent == data.size());
        auto received = co_await receive(other, 11);
        CHECK(received == cut(data, 100));
        REQUIRE(one.connect(other.local_addr()));
        auto to_peer = co_await one.send_segmented(std::span(data).first(300), 100);
        REQUIRE(to_peer);
        auto again = co_await receive(other, 3);
        CHECK(again == cut(std::span(data).first(300), 100));
    });
}

TEST_CASE("more than 64 segments leave too, and a span no longer than one is one datagram", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const Bytes data = pattern(150 * 40 + 7);
        auto sent = co_await one.send_segmented(data, 40, other.local_addr());
        REQUIRE(sent);
        CHECK(*sent == data.size());
        auto received = co_await receive(other, 151);
        CHECK(received == cut(data, 40));
        for (const std::size_t size : {std::size_t{40}, std::size_t{39}, std::size_t{0}}) {
            auto alone = co_await one.send_segmented(std::span(data).first(size), 40, other.local_addr());
            REQUIRE(alone);
            CHECK(*alone == size);
            auto got = co_await receive(other, 1);
            CHECK(got.front().size() == size);
        }
    });
}

TEST_CASE("segments of no bytes are an invalid argument, and too long ones too long", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const Bytes data = pattern(140'000);
        auto none = co_await one.send_segmented(data, 0, other.local_addr());
        REQUIRE_FALSE(none);
        CHECK(none.error() == Errc::invalid_argument);
        auto too_long = co_await one.send_segmented(data, 65'508, other.local_addr());
        REQUIRE_FALSE(too_long);
        CHECK(too_long.error() == Errc::message_too_long);
        auto without_peer = co_await one.send_segmented(data, 100);
        REQUIRE_FALSE(without_peer);
        CHECK(without_peer.error() == Errc::not_connected);
    });
}

TEST_CASE("a Datagram that holds several is sent as these and counts as one", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const Bytes data = pattern(777);
        std::vector<net::Datagram> batch;
        batch.push_back(datagram_of(std::span(data).first(50), other.local_addr()));
        batch.push_back(datagram_of(data, other.local_addr(), 100));
        batch.push_back(datagram_of(std::span(data).first(60), other.local_addr(), 60));
        batch.push_back(datagram_of(std::span(data).first(0), other.local_addr(), 60));
        auto sent = co_await one.send_batch(batch);
        REQUIRE(sent);
        CHECK(*sent == 4);
        auto received = co_await receive(other, 11);
        std::vector<Bytes> expected = cut(std::span(data).first(50), 100);
        for (Bytes& each : cut(data, 100)) expected.push_back(std::move(each));
        expected.emplace_back(data.begin(), data.begin() + 60);
        expected.emplace_back();
        CHECK(received == expected);
    });
}

TEST_CASE("what one Datagram cannot hold stops a batch, and the next call tells why", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const Bytes data = pattern(66'000);
        const auto check = [&](std::size_t bytes, std::size_t segment_bytes) -> Task<> {
            std::vector<net::Datagram> batch;
            batch.push_back(datagram_of(bytes_of("first"), other.local_addr()));
            batch.push_back(datagram_of(std::span(data).first(bytes), other.local_addr(), segment_bytes));
            auto sent = co_await one.send_batch(batch);
            REQUIRE(sent);
            CHECK(*sent == 1);
            auto rest = co_await one.send_batch(std::span(batch).subspan(1));
            REQUIRE_FALSE(rest);
            CHECK(rest.error() == Errc::message_too_long);
            auto received = co_await receive(other, 1);
            CHECK(received.front().size() == 5);
        };
        co_await check(65, 1);         // 65 segments
        co_await check(65'508, 1400);  // more than a datagram may have
    });
}

TEST_CASE("a batch of every size, to several peers, arrives whole and in order", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto sender = bind_udp();
        std::vector<net::UdpSocket> receivers;
        for (int i = 0; i < 3; ++i) receivers.push_back(bind_udp());
        std::mt19937 random(5);
        const std::array<std::size_t, 8> sizes{0, 1, 100, 100, 100, 100, 101, 1400};
        for (int round = 0; round < 40; ++round) {
            const std::size_t change = 1 + random() % 8;  // rows of one peer and one size are long, or short
            std::array<std::vector<Bytes>, 3> expected;
            std::vector<net::Datagram> batch;
            std::size_t peer = 0;
            std::size_t size = 0;
            for (std::size_t i = 0; i < 40; ++i) {
                if (random() % change == 0) peer = random() % receivers.size();
                if (random() % change == 0) size = sizes[random() % sizes.size()];
                Bytes bytes = pattern(size, random());
                batch.push_back(datagram_of(bytes, receivers[peer].local_addr()));
                expected[peer].push_back(std::move(bytes));
            }
            auto sent = co_await sender.send_batch(batch);
            REQUIRE(sent);
            REQUIRE(*sent == batch.size());
            for (std::size_t i = 0; i < receivers.size(); ++i) {
                auto received = co_await receive(receivers[i], expected[i].size());
                REQUIRE(received == expected[i]);
            }
        }
    });
}

TEST_CASE("datagrams that leave together come together where a socket asks for it", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        if (!receives_segments(other)) co_return;
        CHECK(other.option(net::SocketOption::receive_segments).value() == 1);
        const Bytes data = pattern(1050);
        std::vector<net::Datagram> batch(4);
        const auto send = [&]() -> Task<> {
            auto sent = co_await one.send_segmented(data, 100, other.local_addr());
            REQUIRE(sent);
        };
        for (int round = 0; round < 3; ++round) {  // the last has waited for it
            auto sending = spawn(send());
            auto count = co_await other.recv_batch(batch);
            REQUIRE(count);
            REQUIRE(*count == 1);
            CHECK(batch[0].segment_bytes == 100);
            CHECK(batch[0].peer == one.local_addr());
            CHECK(std::ranges::equal(batch[0].payload.bytes(), data));
            CHECK(net::segments_of(batch[0]).size() == 11);
            auto outcome = co_await sending;
            CHECK(outcome);
        }
        auto alone = co_await one.send_to(std::span(data).first(70), other.local_addr());
        REQUIRE(alone);
        auto count = co_await other.recv_batch(batch);
        REQUIRE(count);
        CHECK(batch[0].segment_bytes == 0);
        CHECK(batch[0].payload.size() == 70);

        // What came together goes back together.
        co_await send();
        count = co_await other.recv_batch(batch);
        REQUIRE(count);
        auto echoed = co_await other.send_batch(std::span(batch).first(*count));
        REQUIRE(echoed);
        auto back = co_await receive(one, 11);
        CHECK(back == cut(data, 100));

        REQUIRE(other.set_option(net::SocketOption::receive_segments, 0));
        co_await send();
        count = co_await other.recv_batch(batch);
        REQUIRE(count);
        CHECK(batch[0].segment_bytes == 0);
        CHECK(batch[0].payload.size() == 100);
    });
}

TEST_CASE("a batch's datagrams in a row leave together", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        if (!receives_segments(other)) co_return;
        const Bytes data = pattern(100);
        std::vector<net::Datagram> batch;
        for (int i = 0; i < 10; ++i) batch.push_back(datagram_of(data, other.local_addr()));
        batch.push_back(datagram_of(std::span(data).first(30), other.local_addr()));
        auto sent = co_await one.send_batch(batch);
        REQUIRE(sent);
        CHECK(*sent == 11);
        std::vector<net::Datagram> got(4);
        auto count = co_await other.recv_batch(got);
        REQUIRE(count);
        CHECK(*count == 1);
        CHECK(got[0].segment_bytes == 100);
        CHECK(got[0].payload.size() == 1030);
    });
}

TEST_CASE("a socket that begins to ask while it waits is told of the next ones", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const Bytes data = pattern(500);
        std::vector<net::Datagram> batch(2);
        bool can = true;
        auto asking = spawn([](net::UdpSocket& from, net::UdpSocket& to, bool& can_, const Bytes& bytes) -> Task<> {
            co_await polls(2);
            can_ = receives_segments(to);
            auto sent = co_await from.send_segmented(bytes, 100, to.local_addr());
            REQUIRE(sent);
        }(one, other, can, data));
        auto count = co_await other.recv_batch(batch);
        REQUIRE(count);
        if (can) {
            CHECK(batch[0].segment_bytes == 100);
            CHECK(batch[0].payload.size() == 500);
        } else {
            CHECK(batch[0].segment_bytes == 0);
            CHECK(batch[0].payload.size() == 100);
        }
        auto outcome = co_await asking;
        CHECK(outcome);
    });
}

TEST_CASE("recv_from says how long the segments are, and what a short buffer cut off", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        if (!receives_segments(other)) co_return;
        const Bytes data = pattern(1050);
        Bytes buffer(65'507);
        for (const bool waits : {false, true}) {
            auto sender = spawn([](net::UdpSocket& from, net::SocketAddr to, const Bytes& bytes) -> Task<> {
                auto sent = co_await from.send_segmented(bytes, 100, to);
                REQUIRE(sent);
            }(one, other.local_addr(), data));
            if (!waits) co_await polls(2);
            auto received = co_await other.recv_from(buffer);
            REQUIRE(received);
            CHECK(received->bytes == 1050);
            CHECK(received->segment_bytes == 100);
            CHECK_FALSE(received->truncated);
            CHECK(received->peer == one.local_addr());
            CHECK(net::segments_of(*received, buffer).size() == 11);
            auto outcome = co_await sender;
            CHECK(outcome);
        }
        auto sent = co_await one.send_segmented(data, 100, other.local_addr());
        REQUIRE(sent);
        auto part = co_await other.recv_from(std::span(buffer).first(250));
        REQUIRE(part);
        CHECK(part->bytes == 250);
        CHECK(part->segment_bytes == 100);
        CHECK(part->truncated);
        CHECK(std::ranges::equal(std::span(buffer).first(250), std::span(data).first(250)));
        auto exact = co_await one.send_segmented(data, 100, other.local_addr());
        REQUIRE(exact);
        auto whole = co_await other.recv_from(std::span(buffer).first(1050));
        REQUIRE(whole);
        CHECK_FALSE(whole->truncated);
    });
}

TEST_CASE("the most that can come together comes whole", "[net][udp][segments]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        if (!receives_segments(other)) co_return;
        const std::size_t segment = 1024;
        const Bytes data = pattern(63 * segment + 900);  // above 65'493 loopback cuts it before it comes
        std::vector<net::Datagram> batch(2);
        auto sent = co_await one.send_segmented(data, segment, other.local_addr());
        REQUIRE(sent);
        auto count = co_await other.recv_batch(batch);
        REQUIRE(count);
        CHECK_FALSE(batch[0].truncated);
        CHECK(batch[0].segment_bytes == segment);
        CHECK(std::ranges::equal(batch[0].payload.bytes(), data));
    });
}

TEST_CASE("a receive that loses a select loses no segment", "[net][udp][segments][cancel]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        auto bell = bind_udp();
        if (!receives_segments(other)) co_return;
        const Bytes data = pattern(350);
        const std::vector<Bytes> expected = cut(data, 100);
        Bytes buffer(4096);
        std::array<std::byte, 1> ring;
        std::array<net::Datagram, 2> batch;
        unsigned lost = 0;
        for (int round = 0; round < 60; ++round) {
            const bool rings_first = round / 2 % 2 == 0;  // whichever of two that have completed wins
            auto sender = spawn([](net::UdpSocket& from, net::SocketAddr to, net::SocketAddr at, const Bytes& bytes,
                                   bool rings_first_) -> Task<> {
                for (const bool rings : {rings_first_, !rings_first_}) {
                    if (rings) {
                        auto rung = co_await from.send_to(bytes_of("!"), at);
                        REQUIRE(rung);
                    } else {
                        auto sent = co_await from.send_segmented(bytes, 100, to);
                        REQUIRE(sent);
                    }
                }
            }(one, other.local_addr(), bell.local_addr(), data, rings_first));
            const bool is_single = round % 2 == 0;
            for (bool got = false, rung = false; !got || !rung;) {
                auto event = co_await select_biased(when(!rung, bell.recv_from(ring)),
                                                    when(!got && is_single, other.recv_from(buffer)),
                                                    when(!got && !is_single, other.recv_batch(batch)));
                if (event.index() == 0) {
                    rung = true;
                    if (!got) ++lost;
                } else if (event.index() == 1) {
                    auto& received = std::get<1>(event);
                    REQUIRE(received);
                    REQUIRE(received->segment_bytes == 100);
                    REQUIRE(std::ranges::equal(std::span(buffer).first(received->bytes), data));
                    got = true;
                } else {
                    auto& count = std::get<2>(event);
                    REQUIRE(count);
                    REQUIRE(*count == 1);
                    REQUIRE(batch[0].segment_bytes == 100);
                    REQUIRE(std::ranges::equal(batch[0].payload.bytes(), data));
                    got = true;
                }
            }
            auto outcome = co_await sender;
            CHECK(outcome);
            co_await polls(2);  // the next round's order is that of its datagrams
        }
        CHECK(lost > 0);
    });
}

}  // namespace
}  // namespace skerry::conformance
