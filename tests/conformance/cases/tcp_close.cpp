#include "fixture.hpp"

#include <skerry/io/copy.hpp>
#include <skerry/task/spawn.hpp>

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

// Both reads complete in one poll, and the one that loses the select gives its bytes back. They are unread too.
TEST_CASE("dropping a stream resets the peer also when a cancelled read had taken the data", "[net][tcp][cancel]") {
    run([]() -> Task<> {
        for (int i = 0; i < 20; ++i) {
            auto one = co_await connect_pair();
            auto other = co_await connect_pair();
            auto racing = spawn([](net::TcpStream& first, net::TcpStream& second) -> Task<std::size_t> {
                std::array<std::byte, 4> of_first;
                std::array<std::byte, 4> of_second;
                auto event = co_await select(first.read(of_first), second.read(of_second));
                co_return event.index();
            }(one.server, other.server));
            co_await yields(3);
            for (net::TcpStream* client : {&one.client, &other.client}) {
                auto written = co_await client->write_all(bytes_of("x"));
                REQUIRE(written);
            }
            auto winner = co_await racing;
            REQUIRE(winner);
            co_await settled();
            Pair& loser = *winner == 0 ? other : one;
            {
                const auto dropped = std::move(loser.server);
            }
            auto text = co_await read_all(loser.client);
            REQUIRE(text == "!connection_reset");
        }
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

// --- what a reset does to each operation

Task<> reset(net::TcpStream& stream) {
    REQUIRE(stream.set_linger(std::chrono::seconds{0}));
    {
        const auto dropped = std::move(stream);
    }
    co_await settled();
}

TEST_CASE("every way to read says connection_reset once, then the end of the stream", "[net][tcp]") {
    run([]() -> Task<> {
        std::array<std::byte, 4> buffer;
        for (int way = 0; way < 4; ++way) {
            INFO("way " << way);
            auto pair = co_await connect_pair();
            co_await reset(pair.server);
            Error error;
            if (way == 0) {
                auto read = co_await pair.client.read(buffer);
                error = read.error();
            } else if (way == 1) {
                auto peeked = co_await pair.client.peek(buffer);
                error = peeked.error();
            } else if (way == 2) {
                auto segment = co_await pair.client.read_buf();
                error = segment.error();
            } else {
                auto exact = co_await pair.client.read_exact(buffer);
                error = exact.error();
            }
            CHECK(error == Errc::connection_reset);
            auto text = co_await read_all(pair.client);
            CHECK(text.empty());
        }
    });
}

TEST_CASE("take_error takes what has befallen a connection, and no operation tells it again", "[net][tcp]") {
    run([]() -> Task<> {
        for (const bool has_read : {false, true}) {  // a backend may hear of it by a receive that is under way
            INFO("has read: " << has_read);
            auto pair = co_await connect_pair();
            CHECK(pair.client.take_error());
            if (has_read) {
                auto written = co_await pair.server.write_all(bytes_of("first"));
                REQUIRE(written);
                auto text = co_await read_some(pair.client);
                REQUIRE(text == "first");
            }
            co_await reset(pair.server);
            const auto taken = pair.client.take_error();
            REQUIRE(!taken);
            CHECK(taken.error() == Errc::connection_reset);
            CHECK(pair.client.take_error());
            auto text = co_await read_all(pair.client);
            CHECK(text.empty());
            auto gone = co_await pair.client.write_all(bytes_of("gone"));
            REQUIRE(!gone);
            CHECK(gone.error() == Errc::broken_pipe);
        }
    });
}

TEST_CASE("every way to write says connection_reset once, then broken_pipe", "[net][tcp]") {
    run([]() -> Task<> {
        for (int way = 0; way < 3; ++way) {
            INFO("way " << way);
            auto pair = co_await connect_pair();
            co_await reset(pair.server);
            for (const Errc expected : {Errc::connection_reset, Errc::broken_pipe}) {
                Error error;
                if (way == 0) {
                    auto some = co_await pair.client.write(bytes_of("x"));
                    error = some.error();
                } else if (way == 1) {
                    auto all = co_await pair.client.write_all(bytes_of("x"));
                    error = all.error();
                } else {
                    auto whole = co_await pair.client.write_buf(IoBuf::copy_of(bytes_of("x")));
                    error = whole.error();
                }
                CHECK(error == expected);
            }
        }
    });
}

TEST_CASE("a reset ends a read and a write that wait", "[net][tcp]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto much = pattern(8U << 20U);
        auto writing = spawn([](net::TcpStream& stream, std::span<const std::byte> bytes) -> Task<Result<>> {
            auto written = co_await stream.write_all(bytes);
            co_return written;
        }(pair.client, much));
        auto reading = spawn(read_all(pair.client));
        co_await settled();
        REQUIRE_FALSE(writing.is_finished());
        REQUIRE_FALSE(reading.is_finished());
        co_await reset(pair.server);
        auto read = co_await reading;
        auto written = co_await writing;
        REQUIRE(read);
        REQUIRE(written);
        REQUIRE_FALSE(*written);
        // The reset is told to one of them; the other finds the connection gone.
        const bool reader_was_told = *read == "!connection_reset";
        CHECK((reader_was_told || read->empty()));
        CHECK(written->error() == (reader_was_told ? Errc::broken_pipe : Errc::connection_reset));
    });
}

TEST_CASE("copy ends with the error of the side that has one", "[io][tcp]") {
    run([]() -> Task<> {
        {
            auto inward = co_await connect_pair();
            auto outward = co_await connect_pair();
            co_await reset(inward.client);
            auto moved = co_await io::copy(inward.server, outward.client);
            REQUIRE_FALSE(moved);
            CHECK(moved.error() == Errc::connection_reset);
        }
        {
            auto inward = co_await connect_pair();
            auto outward = co_await connect_pair();
            REQUIRE(outward.client.shutdown());
            auto written = co_await inward.client.write_all(bytes_of("lost"));
            REQUIRE(written);
            auto moved = co_await io::copy(inward.server, outward.client);
            REQUIRE_FALSE(moved);
            CHECK(moved.error() == Errc::broken_pipe);
        }
    });
}

}  // namespace
}  // namespace skerry::conformance
