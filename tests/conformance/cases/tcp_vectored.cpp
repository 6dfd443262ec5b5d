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

}  // namespace
}  // namespace skerry::conformance
