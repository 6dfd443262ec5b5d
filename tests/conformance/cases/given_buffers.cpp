// Buffers that a program gives away to be sent: what arrives is the same on every backend, and where the backend can
// they leave without a copy.

#include "fixture.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/net/send_buffer.hpp>
#include <skerry/task/spawn.hpp>

#include <cstring>

namespace skerry::conformance {
namespace {

IoBuf filled(std::span<const std::byte> bytes) {
    IoBuf buffer = net::send_buffer(bytes.size());
    REQUIRE(buffer);
    REQUIRE(buffer.size() == bytes.size());
    if (!bytes.empty()) std::memcpy(buffer.writable().data(), bytes.data(), bytes.size());
    return buffer;
}

/// How many left without a copy since it was made; `of` where the backend cannot do that.
class Given {
public:
    [[nodiscard]] std::uint64_t count(std::uint64_t of) const {
        const backend::SocketFactory& sockets = *backend::current_sockets;
        return sockets.capabilities().zero_copy_send ? sockets.stats().buffers_given - before_ : of;
    }

private:
    std::uint64_t before_ = backend::current_sockets->stats().buffers_given;
};

Task<std::string> receive(net::UdpSocket& socket, const net::SocketAddr& from) {
    std::vector<std::byte> bytes(70'000);
    auto got = co_await socket.recv_from(bytes);
    REQUIRE(got);
    CHECK(got->peer == from);
    co_return text_of(std::span(bytes).first(got->bytes));
}

TEST_CASE("a buffer that is given is a datagram like any other", "[net][udp][given]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const Given given;
        for (const std::size_t bytes : {1, 64, 1000}) {
            const auto data = pattern(bytes);
            IoBuf buffer = filled(data);
            auto sent = co_await one.send_buf_to(std::move(buffer), other.local_addr());
            REQUIRE(sent);
            CHECK(*sent == bytes);
            CHECK_FALSE(buffer);
            auto text = co_await receive(other, one.local_addr());
            CHECK(text == text_of(data));
        }
        CHECK(given.count(3) == 3);
        REQUIRE(one.connect(other.local_addr()));
        auto sent = co_await one.send_buf(filled(bytes_of("to the peer")));
        REQUIRE(sent);
        CHECK(*sent == 11);
        auto text = co_await receive(other, one.local_addr());
        CHECK(text == "to the peer");
        CHECK(given.count(4) == 4);
    });
}

TEST_CASE("a buffer of no bytes, and none at all, is a datagram of no bytes", "[net][udp][given]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        for (const bool is_there : {true, false}) {
            IoBuf buffer;
            if (is_there) buffer = filled({});
            auto sent = co_await one.send_buf_to(std::move(buffer), other.local_addr());
            REQUIRE(sent);
            CHECK(*sent == 0);
            auto text = co_await receive(other, one.local_addr());
            CHECK(text.empty());
        }
    });
}

TEST_CASE("buffers that cannot leave themselves are datagrams all the same, and shared ones stay as they are",
          "[net][udp][given]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        const auto data = pattern(100);
        const IoBuf kept = filled(data);
        auto shared = co_await one.send_buf_to(kept.share(), other.local_addr());
        REQUIRE(shared);
        auto heap = co_await one.send_buf_to(IoBuf::copy_of(data), other.local_addr());
        REQUIRE(heap);
        const auto longest = pattern(65'507);
        auto large = co_await one.send_buf_to(filled(longest), other.local_addr());
        REQUIRE(large);
        for (int i = 0; i < 2; ++i) {
            auto text = co_await receive(other, one.local_addr());
            CHECK(text == text_of(data));
        }
        auto text = co_await receive(other, one.local_addr());
        CHECK((text == text_of(longest)));
        CHECK_FALSE(kept.is_shared());
        CHECK(std::ranges::equal(kept.bytes(), data));
    });
}

TEST_CASE("a buffer that cannot be sent is gone", "[net][udp][given]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        IoBuf long_one = filled(pattern(65'508));
        auto refused = co_await one.send_buf_to(std::move(long_one), one.local_addr());
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == Errc::message_too_long);
        CHECK_FALSE(long_one);
        IoBuf buffer = filled(bytes_of("nowhere"));
        auto nowhere = co_await one.send_buf(std::move(buffer));
        REQUIRE_FALSE(nowhere);
        CHECK(nowhere.error() == Errc::not_connected);
        CHECK_FALSE(buffer);
    });
}

TEST_CASE("a batch is answered in the memory that it came in, and its payloads are gone", "[net][udp][given]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        std::vector<net::Datagram> batch(8);
        const Given given;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            batch[i].payload = filled(pattern(i * 10, i + 1));
            batch[i].peer = other.local_addr();
        }
        auto sent = co_await one.send_batch_buf(batch);
        REQUIRE(sent);
        CHECK(*sent == batch.size());
        CHECK(given.count(batch.size()) == batch.size());
        for (const net::Datagram& datagram : batch) CHECK_FALSE(datagram.payload);
        for (std::size_t heard = 0; heard < batch.size();) {
            auto got = co_await other.recv_batch(batch);
            REQUIRE(got);
            auto answered = co_await other.send_batch_buf(std::span(batch).first(*got));
            REQUIRE(answered);
            CHECK(*answered == *got);
            heard += *got;
        }
        CHECK(given.count(2 * batch.size()) == 2 * batch.size());
        for (std::size_t i = 0; i < batch.size(); ++i) {
            auto text = co_await receive(one, other.local_addr());
            CHECK(text == text_of(pattern(i * 10, i + 1)));
        }
        auto none = co_await one.send_batch_buf({});
        REQUIRE(none);
        CHECK(*none == 0);
    });
}

TEST_CASE("a batch that is given ends at the datagram that fails, whose payload stays", "[net][udp][given]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        std::array<net::Datagram, 3> batch;
        for (net::Datagram& datagram : batch) {
            datagram.payload = filled(bytes_of("sent"));
            datagram.peer = other.local_addr();
        }
        batch[1].payload = filled(pattern(65'508));
        auto sent = co_await one.send_batch_buf(batch);
        REQUIRE(sent);
        CHECK(*sent == 1);
        CHECK_FALSE(batch[0].payload);
        CHECK(batch[1].payload.size() == 65'508);
        CHECK(text_of(batch[2].payload.bytes()) == "sent");
        auto refused = co_await one.send_batch_buf(std::span(batch).subspan(1));
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == Errc::message_too_long);
        CHECK(batch[1].payload.size() == 65'508);
        auto text = co_await receive(other, one.local_addr());
        CHECK(text == "sent");
    });
}

// Their writer has to wait for room again and again.
TEST_CASE("buffers of a segment each that wait for room leave without a copy, too", "[net][tcp][given]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.client.set_option(net::SocketOption::send_buffer_bytes, 65'536));
        const auto info = pair.client.info();
        const std::size_t each = info ? info->send_mss : 1000;
        constexpr std::size_t count = 500;
        const auto data = pattern(count * each);
        const Given given;
        auto writer = spawn([](net::TcpStream& to, std::span<const std::byte> all, std::size_t bytes) -> Task<> {
            for (; !all.empty(); all = all.subspan(bytes)) {
                auto written = co_await to.write_buf(filled(all.first(bytes)));
                REQUIRE(written);
            }
            REQUIRE(to.shutdown());
        }(pair.client, data, each));
        auto text = co_await read_all(pair.server);
        CHECK((text == text_of(data)));
        auto done = co_await writer;
        CHECK(done);
        CHECK(given.count(count) == count);
    });
}

}  // namespace
}  // namespace skerry::conformance
