#include "fixture.hpp"

namespace skerry::conformance {
namespace {

TEST_CASE("a read returns 0 at the end of the stream, again and again", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.client.shutdown());
        std::array<std::byte, 16> buffer;
        for (int i = 0; i < 3; ++i) {
            auto count = co_await pair.server.read(buffer);
            REQUIRE(count);
            CHECK(*count == 0);
        }
        auto segment = co_await pair.server.read_buf();
        REQUIRE(segment);
        CHECK(segment->empty());
    });
}

TEST_CASE("a side that ended its direction still receives what the peer sends", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.client.shutdown());
        auto at_server = co_await read_all(pair.server);
        CHECK(at_server.empty());
        co_await write_and_end(pair.server, bytes_of("still here"));
        auto at_client = co_await read_all(pair.client);
        CHECK(at_client == "still here");
    });
}

TEST_CASE("shutting down twice is no error", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        CHECK(pair.client.shutdown());
        CHECK(pair.client.shutdown());
        CHECK(pair.client.shutdown(net::ShutdownHow::both));
        CHECK(pair.client.shutdown(net::ShutdownHow::both));
        auto text = co_await read_all(pair.server);
        CHECK(text.empty());
    });
}

TEST_CASE("shutting down after the peer's reset is no error (behaviour 42)", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.server.set_linger(std::chrono::seconds{0}));
        {
            const auto dropped = std::move(pair.server);
        }
        auto text = co_await read_all(pair.client);
        CHECK(text == "!connection_reset");
        CHECK(pair.client.shutdown());
        CHECK(pair.client.shutdown(net::ShutdownHow::both));
    });
}

TEST_CASE("a write after the own end of the direction is a broken pipe", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.client.shutdown());
        auto written = co_await pair.client.write(bytes_of("late"));
        REQUIRE_FALSE(written);
        CHECK(written.error() == Errc::broken_pipe);
    });
}

TEST_CASE("a read after shutting down the reading is the end of the stream", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.client.shutdown(net::ShutdownHow::read));
        auto text = co_await read_all(pair.client);
        CHECK(text.empty());
        auto written = co_await pair.client.write_all(bytes_of("out"));
        CHECK(written);
        auto at_server = co_await read_some(pair.server);
        CHECK(at_server == "out");
    });
}

TEST_CASE("dropping a stream with data that nobody read resets the peer", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto written = co_await pair.client.write_all(bytes_of("unread"));
        REQUIRE(written);
        std::array<std::byte, 6> seen;
        auto peeked = co_await pair.server.peek(seen);
        REQUIRE(peeked);
        {
            const auto dropped = std::move(pair.server);
        }
        auto text = co_await read_all(pair.client);
        CHECK(text == "!connection_reset");
    });
}

TEST_CASE("dropping a stream resets the peer also when a part of the data was read", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto sent = pattern(64);
        auto written = co_await pair.client.write_all(sent);
        REQUIRE(written);
        std::array<std::byte, 16> part;
        auto count = co_await pair.server.read(part);
        REQUIRE(count);
        CHECK(*count == part.size());
        {
            const auto dropped = std::move(pair.server);
        }
        auto text = co_await read_all(pair.client);
        CHECK(text == "!connection_reset");
    });
}

TEST_CASE("what was written before the drop still arrives whole", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(100'000);
        auto written = co_await pair.client.write_all(sent);
        REQUIRE(written);
        {
            const auto dropped = std::move(pair.client);
        }
        auto text = co_await read_all(pair.server);
        CHECK((text == text_of(sent)));
    });
}

TEST_CASE("a linger of 0 makes the drop a reset", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.client.set_linger(std::chrono::seconds{0}));
        {
            const auto dropped = std::move(pair.client);
        }
        auto text = co_await read_all(pair.server);
        CHECK(text == "!connection_reset");
    });
}

TEST_CASE("the dropped write half gives the peer the end of the stream (behaviour 42)", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto halves = std::move(pair.client).into_split();
        {
            const auto writer = std::move(halves.second);
        }
        auto at_server = co_await read_all(pair.server);
        CHECK(at_server.empty());
        co_await write_and_end(pair.server, bytes_of("to the read half"));
        auto at_client = co_await read_all(halves.first);
        CHECK(at_client == "to the read half");
    });
}

TEST_CASE("the connection stays while the write half lives", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto halves = std::move(pair.client).into_split();
        {
            const auto reader = std::move(halves.first);
        }
        auto written = co_await halves.second.write_all(bytes_of("alive"));
        CHECK(written);
        auto text = co_await read_some(pair.server);
        CHECK(text == "alive");
    });
}

}  // namespace
}  // namespace skerry::conformance
