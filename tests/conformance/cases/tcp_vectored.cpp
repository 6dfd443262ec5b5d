#include "fixture.hpp"

#include <skerry/task/spawn.hpp>

#include <numeric>

namespace skerry::conformance {
namespace {

using Slices = std::vector<std::span<const std::byte>>;

/// `bytes` cut into slices of the sizes in `sizes`, which are used again and again.
[[nodiscard]] Slices cut(std::span<const std::byte> bytes, std::span<const std::size_t> sizes) {
    Slices slices;
    for (std::size_t i = 0; !bytes.empty(); ++i) {
        const std::size_t size = std::min(sizes[i % sizes.size()], bytes.size());
        slices.push_back(bytes.first(size));
        bytes = bytes.subspan(size);
    }
    return slices;
}

TEST_CASE("write_vectored writes its slices in their order, empty ones too", "[net][tcp][vectored]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const Slices slices{{}, bytes_of("head "), {}, bytes_of("body "), bytes_of("tail"), {}};
        auto count = co_await pair.client.write_vectored(slices);
        REQUIRE(count);
        REQUIRE(*count == 14);
        std::array<std::byte, 14> buffer;
        auto filled = co_await pair.server.read_exact(buffer);
        REQUIRE(filled);
        CHECK(text_of(buffer) == "head body tail");
    });
}

TEST_CASE("a vectored write of nothing gives 0 at once", "[net][tcp][vectored]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const Slices empty(3);
        for (const net::IoSlices slices : {net::IoSlices(), net::IoSlices(empty)}) {
            auto count = co_await pair.client.write_vectored(slices);
            REQUIRE(count);
            CHECK(*count == 0);
            auto all = co_await pair.client.write_all_vectored(slices);
            CHECK(all);
        }
    });
}

TEST_CASE("write_all_vectored of more than the buffers hold arrives whole", "[net][tcp][vectored]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(8U << 20U);
        // Small and large, at and beside the sizes of segments, and more of them than one call takes.
        constexpr std::array<std::size_t, 9> sizes{1, 60'000, 7, 1448, 1449, 2048, 2049, 300'000, 4096};
        const Slices slices = cut(sent, sizes);
        auto writer = spawn([](net::TcpStream& stream, net::IoSlices all) -> Task<> {
            auto written = co_await stream.write_all_vectored(all);
            REQUIRE(written);
            REQUIRE(stream.shutdown());
        }(pair.client, slices));
        const auto received = co_await read_slowly(pair.server, 1);
        CHECK((received == sent));
        auto outcome = co_await writer;
        CHECK(outcome);
    });
}

TEST_CASE("write_all_vectored takes more slices than one call does", "[net][tcp][vectored]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(1000);
        constexpr std::array<std::size_t, 1> sizes{1};
        auto written = co_await pair.client.write_all_vectored(cut(sent, sizes));
        REQUIRE(written);
        std::vector<std::byte> received(sent.size());
        auto filled = co_await pair.server.read_exact(received);
        REQUIRE(filled);
        CHECK((received == sent));
    });
}

TEST_CASE("a vectored write waits for room, and writes nothing when it is given up", "[net][tcp][vectored][cancel]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto chunk = pattern(64U << 10U);
        std::size_t written = 0;
        for (;;) {  // until nothing more is taken
            auto count = co_await select_biased(pair.client.write(chunk), polls(20));
            if (count.index() != 0) break;
            REQUIRE(std::get<0>(count));
            written += *std::get<0>(count);
        }
        const Slices slices{bytes_of("never "), bytes_of("sent")};
        auto given_up = co_await select_biased(pair.client.write_vectored(slices), polls(5));
        REQUIRE(given_up.index() == 1);
        auto waiting = spawn([](net::TcpStream& stream) -> Task<std::size_t> {
            const Slices last{bytes_of("the "), bytes_of("end")};
            auto count = co_await stream.write_vectored(last);
            REQUIRE(count);
            REQUIRE(stream.shutdown());
            co_return *count;
        }(pair.client));
        const std::string all = co_await read_all(pair.server);
        auto outcome = co_await waiting;
        REQUIRE(outcome);
        REQUIRE(*outcome > 0);
        CHECK(all.size() == written + *outcome);
        CHECK(all.substr(written) == std::string("the end").substr(0, *outcome));
    });
}

TEST_CASE("a vectored write behind a shutdown is a broken pipe", "[net][tcp][vectored]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        REQUIRE(pair.client.shutdown());
        const Slices slices{bytes_of("too "), bytes_of("late")};
        auto count = co_await pair.client.write_vectored(slices);
        REQUIRE_FALSE(count);
        CHECK(count.error() == Errc::broken_pipe);
        auto all = co_await pair.client.write_all_vectored(slices);
        REQUIRE_FALSE(all);
        CHECK(all.error() == Errc::broken_pipe);
    });
}

// --- reading

/// Three places, of which the middle one takes 5 bytes, and two of no bytes.
struct Places {
    std::array<std::byte, 3> head;
    std::array<std::byte, 5> body;
    std::array<std::byte, 20> tail;
    std::array<std::span<std::byte>, 5> slices{std::span<std::byte>(), head, body, std::span<std::byte>(), tail};

    [[nodiscard]] std::string text(std::size_t bytes) const {
        return (text_of(head) + text_of(body) + text_of(tail)).substr(0, bytes);
    }
};

/// One read into them; "!" and the name of an error.
Task<std::string> read_into_places(net::TcpStream& stream) {
    Places places;
    auto count = co_await stream.read_vectored(places.slices);
    if (!count) co_return "!" + std::string(to_string(count.error().code()));
    co_return places.text(*count);
}

Task<std::string> read_what_is_there(Pair& pair, std::string_view text) {
    co_await write_whole(pair.client, bytes_of(text));
    co_await settled();
    auto told = co_await read_into_places(pair.server);
    co_return told;
}

Task<std::string> read_behind_a_wait(Pair& pair, std::string_view text) {
    auto waiting = spawn(read_into_places(pair.server));
    co_await polls(3);
    co_await write_whole(pair.client, bytes_of(text));
    auto told = co_await waiting;
    REQUIRE(told);
    co_return *told;
}

/// One read gives what was written, wherever in the slices that ends.
void check_order(Task<std::string> (*read)(Pair&, std::string_view)) {
    run([read]() -> Task<> {
        auto pair = co_await connect_pair();
        for (const std::string_view text : {"o", "one", "one two", "one two three"}) {
            const std::string told = co_await read(pair, text);
            CHECK(told == text);
        }
    });
}

TEST_CASE("read_vectored fills its slices in their order", "[net][tcp][vectored]") { check_order(&read_what_is_there); }

TEST_CASE("a vectored read that waits fills more than its first slice", "[net][tcp][vectored]") {
    check_order(&read_behind_a_wait);
}

TEST_CASE("a vectored read takes what came in several pieces", "[net][tcp][vectored]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        for (const std::string_view piece : {"o", "n", "e tw", "o three"}) {
            co_await write_whole(pair.client, bytes_of(piece));
            co_await settled();
        }
        const std::string told = co_await read_into_places(pair.server);
        CHECK(told == "one two three");
    });
}

TEST_CASE("a vectored read gives what came before the end, and then the end", "[net][tcp][vectored]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        auto waiting = spawn(read_into_places(pair.server));
        co_await polls(3);
        co_await write_and_end(pair.client, bytes_of("last"));
        auto last = co_await waiting;
        REQUIRE(last);
        CHECK(*last == "last");
        for (int i = 0; i < 2; ++i) {
            const std::string behind = co_await read_into_places(pair.server);
            CHECK(behind.empty());
        }
    });
}

TEST_CASE("a vectored read into nothing gives 0 at once", "[net][tcp][vectored]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const std::array<std::span<std::byte>, 2> empty{};
        for (const net::IoSlicesMut slices : {net::IoSlicesMut(), net::IoSlicesMut(empty)}) {
            auto count = co_await pair.server.read_vectored(slices);
            CHECK(count == 0u);
        }
    });
}

TEST_CASE("a vectored read that is given up leaves its bytes to the next", "[net][tcp][vectored][cancel]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        std::string received;
        for (unsigned round = 0; round < 30; ++round) {
            auto text = "round " + std::to_string(round) + ";";
            auto either = co_await select_biased(read_into_places(pair.server), polls(round % 3));
            if (either.index() == 0) received += std::get<0>(either);
            co_await write_whole(pair.client, bytes_of(text));
        }
        REQUIRE(pair.client.shutdown());
        for (;;) {
            auto text = co_await read_into_places(pair.server);
            if (text.empty()) break;
            received += text;
        }
        std::string sent;
        for (unsigned round = 0; round < 30; ++round) sent += "round " + std::to_string(round) + ";";
        CHECK(received == sent);
    });
}

TEST_CASE("vectored reads of much give each byte once", "[net][tcp][vectored]") {
    run([]() -> Task<> {
        auto pair = co_await connect_pair();
        const auto sent = pattern(4U << 20U);
        auto writer = spawn(write_and_end(pair.client, sent));
        std::vector<std::byte> received(sent.size() + 1);
        std::size_t count = 0;
        for (;;) {
            // More slices than one call takes, of sizes beside those of segments and buffers.
            std::array<std::span<std::byte>, 70> slices;
            std::size_t begin = count;
            for (std::size_t i = 0; i < slices.size(); ++i) {
                const std::size_t bytes =
                    std::min(std::array<std::size_t, 3>{1447, 1, 70'000}[i % 3], received.size() - begin);
                slices[i] = std::span(received).subspan(begin, bytes);
                begin += bytes;
            }
            auto read = co_await pair.server.read_vectored(slices);
            REQUIRE(read);
            if (*read == 0) break;
            count += *read;
        }
        auto outcome = co_await writer;
        CHECK(outcome);
        received.resize(count);
        CHECK((received == sent));
    });
}

}  // namespace
}  // namespace skerry::conformance
