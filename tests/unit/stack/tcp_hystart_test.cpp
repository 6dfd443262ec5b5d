// HyStart++: RFC 9406.

#include "support/catch.hpp"

#include <skerry/stack/tcp/hystart.hpp>

#include <chrono>
#include <cstdint>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using stack::tcp::HyStart;

constexpr std::uint32_t segment = 1000;

/// A sender in its first slow start, a round after the other, of as many acknowledgements each.
struct Rounds {
    HyStart hystart{10 * segment};
    std::uint32_t ack = 0;
    std::uint32_t end = 10 * segment;
    bool is_over = false;

    /// One acknowledgement inside of the round.
    void acknowledge(std::chrono::nanoseconds round_trip) {
        ack += 10;
        is_over = is_over || hystart.on_ack(ack, end + 10 * segment, round_trip);
    }
    /// A round of `count` acknowledgements, the last of which ends it.
    void round(std::chrono::nanoseconds round_trip, int count = 8) {
        for (int i = 1; i < count; ++i) acknowledge(round_trip);
        ack = end;
        end += 10 * segment;
        is_over = is_over || hystart.on_ack(ack, end, round_trip);
    }
};

TEST_CASE("slow start goes on while the round trips stay as they are", "[stack][tcp][hystart]") {
    Rounds rounds;
    for (int i = 0; i < 20; ++i) rounds.round(100ms);
    CHECK_FALSE(rounds.hystart.is_conservative());
    CHECK_FALSE(rounds.is_over);
    CHECK(rounds.hystart.growth(4000) == 4000);
}

// The threshold is an eighth of the round before, from 4 ms to 16 ms: sections 4.2 and 4.3.
TEST_CASE("a round that takes an eighth longer ends it, 4 ms at least and 16 ms at most", "[stack][tcp][hystart]") {
    struct Case {
        std::chrono::nanoseconds before;
        std::chrono::nanoseconds enough;
    };
    const auto [before, enough] = GENERATE(Case{1ms, 5ms}, Case{80ms, 90ms}, Case{400ms, 416ms});
    for (const bool is_enough : {false, true}) {
        Rounds rounds;
        rounds.round(before);
        rounds.round(is_enough ? enough : enough - 1us);
        CHECK(rounds.hystart.is_conservative() == is_enough);
        CHECK_FALSE(rounds.is_over);
    }
}

TEST_CASE("seven round trips say nothing, the eighth does", "[stack][tcp][hystart]") {
    Rounds rounds;
    rounds.round(100ms);
    for (int i = 0; i < 7; ++i) rounds.acknowledge(200ms);
    rounds.acknowledge(0ms);  // not measured
    CHECK_FALSE(rounds.hystart.is_conservative());
    rounds.acknowledge(200ms);
    CHECK(rounds.hystart.is_conservative());
}

TEST_CASE("the least of a round counts", "[stack][tcp][hystart]") {
    Rounds rounds;
    rounds.round(100ms);
    rounds.acknowledge(110ms);
    rounds.round(300ms);
    CHECK_FALSE(rounds.hystart.is_conservative());
}

TEST_CASE("a round without round trips is none to compare with", "[stack][tcp][hystart]") {
    Rounds rounds;
    rounds.round(100ms);
    rounds.round(0ms);
    rounds.round(200ms);
    CHECK_FALSE(rounds.hystart.is_conservative());
}

TEST_CASE("conservative slow start grows by a quarter, and is over after five rounds", "[stack][tcp][hystart]") {
    Rounds rounds;
    rounds.round(100ms);
    for (int i = 0; i < 8; ++i) rounds.acknowledge(120ms);
    REQUIRE(rounds.hystart.is_conservative());
    CHECK(rounds.hystart.growth(4000) == 1000);
    rounds.round(120ms);  // the one in which it began counts
    for (int i = 0; i < 3; ++i) rounds.round(120ms);
    CHECK_FALSE(rounds.is_over);
    rounds.round(120ms);
    CHECK(rounds.is_over);
}

TEST_CASE("round trips below where it began bring slow start back", "[stack][tcp][hystart]") {
    Rounds rounds;
    rounds.round(100ms);
    rounds.round(120ms);
    REQUIRE(rounds.hystart.is_conservative());
    rounds.round(120ms);  // not below
    CHECK(rounds.hystart.is_conservative());
    rounds.round(119ms);
    CHECK_FALSE(rounds.hystart.is_conservative());
    CHECK(rounds.hystart.growth(4000) == 4000);
    for (int i = 0; i < 10; ++i) rounds.round(119ms);
    CHECK_FALSE(rounds.is_over);
    rounds.round(150ms);
    CHECK(rounds.hystart.is_conservative());
}

TEST_CASE("rounds with nothing under way between them are rounds", "[stack][tcp][hystart]") {
    HyStart hystart(1000);
    std::uint32_t ack = 0;
    for (const auto round_trip : {100ms, 100ms, 120ms}) {
        CHECK_FALSE(hystart.is_conservative());
        const std::uint32_t end = ack + 1000;
        for (; ack != end; ack += 100) CHECK_FALSE(hystart.on_ack(ack + 100, end, round_trip));
    }
    CHECK(hystart.is_conservative());
}

}  // namespace
}  // namespace skerry
