#include "fixture.hpp"

#include <skerry/io/copy.hpp>
#include <skerry/net/send_buffer.hpp>
#include <skerry/sync/mutex.hpp>
#include <skerry/task/spawn.hpp>

namespace skerry::conformance {
namespace {

/// More than the socket buffers of any backend hold, so that the writer has to wait.
constexpr std::size_t more_than_buffers = 8U << 20U;

TEST_CASE("read_exact fills the buffer over several writes", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto writer = spawn([](net::TcpStream& stream) -> Task<> {
            for (const char* part : {"on", "e two", " three"}) {
                auto written = co_await stream.write_all(bytes_of(part));
                REQUIRE(written);
                co_await yields(3);
            }
        }(pair.client));
        std::array<std::byte, 13> buffer;
        auto filled = co_await pair.server.read_exact(buffer);
        REQUIRE(filled);
        CHECK(text_of(buffer) == "one two three");
        auto outcome = co_await writer;
        CHECK(outcome);
    });
}

TEST_CASE("read_exact says unexpected_eof when the stream ends before", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        co_await write_and_end(pair.client, bytes_of("short"));
        std::array<std::byte, 6> buffer;
        auto filled = co_await pair.server.read_exact(buffer);
        REQUIRE_FALSE(filled);
        CHECK(filled.error() == Errc::unexpected_eof);
    });
}

TEST_CASE("read and write of nothing give 0 at once", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto count = co_await pair.client.read({});
        REQUIRE(count);
        CHECK(*count == 0);
        auto written = co_await pair.client.write({});
        REQUIRE(written);
        CHECK(*written == 0);
        auto all = co_await pair.client.write_all({});
        CHECK(all);
        auto buffer = co_await pair.client.write_buf(IoBuf());
        CHECK(buffer);
    });
}

TEST_CASE("write_all of more than the buffers hold arrives whole at a slow reader", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(more_than_buffers);
        auto writer = spawn(write_and_end(pair.client, sent));
        const auto received = co_await read_slowly(pair.server, 3);
        CHECK((received == sent));
        auto outcome = co_await writer;
        CHECK(outcome);
    });
}

TEST_CASE("a write that is out of budget waits for room as any other does", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.client.set_option(net::SocketOption::send_buffer_bytes, 65'536));
        const auto chunk = pattern(16'384);
        sync::local::Mutex<int> mutex;
        std::vector<std::byte> buffer(65'536);
        std::size_t sent = 0;
        std::size_t received = 0;
        for (int spent = 0; spent < 128; ++spent) {  // with one of these the last operation finds a full buffer
            co_await yield_now();
            for (int i = 0; i < spent; ++i) auto guard = co_await mutex.lock();
            for (;;) {
                auto count = co_await select_biased(pair.client.write(chunk), polls(2));
                if (count.index() != 0) break;
                REQUIRE(std::get<0>(count));
                sent += *std::get<0>(count);
            }
            while (received < sent) {
                auto count = co_await pair.server.read(buffer);
                REQUIRE(count);
                REQUIRE(*count != 0);
                received += *count;
            }
            co_await settled();
        }
        CHECK(received == sent);
    });
}

TEST_CASE("a write takes a part when there is no room for all", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(more_than_buffers);
        auto count = co_await pair.client.write(sent);
        REQUIRE(count);
        CHECK(*count > 0);
        CHECK(*count < sent.size());
        {
            const auto dropped = std::move(pair.client);
        }
        auto text = co_await read_all(pair.server);
        CHECK((text == text_of(std::span(sent).first(*count))));
    });
}

TEST_CASE("a stream through read_buf and write_buf is the same stream", "[net][tcp]") {
    run([]() -> Task<> {
        auto inward = co_await connect_pair();
        auto outward = co_await connect_pair();
        const auto sent = pattern(1'000'003);
        auto source = spawn(write_and_end(inward.client, sent));
        auto relay = spawn([](net::TcpStream& from, net::TcpStream& to) -> Task<std::uint64_t> {
            auto moved = co_await io::copy(from, to);
            REQUIRE(moved);
            REQUIRE(to.shutdown());
            co_return *moved;
        }(inward.server, outward.client));
        auto text = co_await read_all(outward.server);
        CHECK((text == text_of(sent)));
        auto written = co_await source;
        CHECK(written);
        auto moved = co_await relay;
        REQUIRE(moved);
        CHECK(*moved == sent.size());
    });
}

TEST_CASE("a buffer that write_buf sends may be shared and is not changed", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(5000);
        const IoBuf kept = IoBuf::copy_of(sent);
        for (int i = 0; i < 2; ++i) {
            auto written = co_await pair.client.write_buf(kept.share());
            REQUIRE(written);
        }
        REQUIRE(pair.client.shutdown());
        auto text = co_await read_all(pair.server);
        CHECK((text == text_of(sent) + text_of(sent)));
        CHECK_FALSE(kept.is_shared());
        CHECK(std::ranges::equal(kept.bytes(), sent));
    });
}

TEST_CASE("peek shows the bytes that the next read takes", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto written = co_await pair.client.write_all(bytes_of("peeked"));
        REQUIRE(written);
        for (int i = 0; i < 3; ++i) {
            std::array<std::byte, 4> seen;
            auto peeked = co_await pair.server.peek(seen);
            REQUIRE(peeked);
            CHECK(text_of(std::span(seen).first(*peeked)) == "peek");
        }
        REQUIRE(pair.client.shutdown());
        auto text = co_await read_all(pair.server);
        CHECK(text == "peeked");
        std::array<std::byte, 4> seen;
        auto at_end = co_await pair.server.peek(seen);
        REQUIRE(at_end);
        CHECK(*at_end == 0);
    });
}

TEST_CASE("a peek waits until there is something", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        std::array<std::byte, 4> seen;
        auto both = co_await join(pair.server.peek(seen), pair.client.write_all(bytes_of("late")));
        REQUIRE(std::get<0>(both));
        REQUIRE(std::get<1>(both));
        CHECK(text_of(std::span(seen).first(*std::get<0>(both))) == "late");
        auto text = co_await read_some(pair.server);
        CHECK(text == "late");
    });
}

TEST_CASE("two tasks read and write one stream at once", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto there = pattern(2'000'003, 1);
        const auto back = pattern(1'500'007, 2);
        auto one = spawn(write_and_end(pair.client, there));
        auto other = spawn(write_and_end(pair.server, back));
        auto read = spawn(read_all(pair.client));
        auto at_server = co_await read_all(pair.server);
        CHECK((at_server == text_of(there)));
        auto at_client = co_await read;
        REQUIRE(at_client);
        CHECK((*at_client == text_of(back)));
        auto first = co_await one;
        CHECK(first);
        auto second = co_await other;
        CHECK(second);
    });
}

TEST_CASE("buffers that are made to be sent arrive as they were filled", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(300'000);
        auto reader = spawn(read_all(pair.server));
        std::size_t at = 0;
        for (std::size_t bytes = 1; at < sent.size(); bytes = bytes * 3 % 3001 + 1) {
            const auto piece = std::span(sent).subspan(at, std::min(bytes, sent.size() - at));
            IoBuf buffer = net::send_buffer(piece.size(), 16);
            REQUIRE(buffer.size() == piece.size());
            CHECK(buffer.headroom() >= 16);
            std::copy(piece.begin(), piece.end(), buffer.writable().begin());
            auto written = co_await pair.client.write_buf(std::move(buffer));
            REQUIRE(written);
            at += piece.size();
        }
        REQUIRE(pair.client.shutdown());
        auto text = co_await reader;
        REQUIRE(text);
        CHECK((*text == text_of(sent)));
        if (backend::current_sockets->capabilities().zero_copy_send)
            CHECK(backend::current_sockets->stats().buffers_given != 0);
    });
}

TEST_CASE("the two halves of a stream read and write at once", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto halves = std::move(pair.client).into_split();
        const auto sent = pattern(more_than_buffers);
        auto echo = spawn([](net::TcpStream& stream) -> Task<> {
            auto moved = co_await io::copy(stream, stream);
            REQUIRE(moved);
            REQUIRE(stream.shutdown());
        }(pair.server));
        auto writer = spawn([](net::OwnedWriteHalf half, std::span<const std::byte> bytes) -> Task<> {
            auto written = co_await half.write_all(bytes);
            REQUIRE(written);
        }(std::move(halves.second), sent));
        auto text = co_await read_all(halves.first);
        CHECK((text == text_of(sent)));
        auto written = co_await writer;
        CHECK(written);
        auto echoed = co_await echo;
        CHECK(echoed);
    });
}

}  // namespace
}  // namespace skerry::conformance
