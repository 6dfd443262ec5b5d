#include <skerry/stack/sequence.hpp>

#include "support/catch.hpp"

namespace skerry::stack {
namespace {

static_assert(seq_before(1, 2) && !seq_before(2, 1), "they are constant expressions");

TEST_CASE("sequence numbers are compared across the wrap", "[stack][sequence]") {
    const std::uint32_t last = 0xffff'ffffU;
    CHECK(seq_before(last, 0));
    CHECK(seq_before(last, 5));
    CHECK_FALSE(seq_before(0, last));
    CHECK(seq_after(0, last));
    CHECK_FALSE(seq_after(last, 0));
    CHECK(seq_distance(last, 0) == 1);
    CHECK(seq_distance(0, last) == -1);
    CHECK(seq_max(last, 3) == 3);
    CHECK(seq_min(last, 3) == last);
    CHECK(seq_max(3, last) == 3);
    CHECK(seq_min(3, last) == last);
}

TEST_CASE("a sequence number is at itself, neither before nor after", "[stack][sequence]") {
    for (const std::uint32_t at : {0U, 1U, 0x7fff'ffffU, 0x8000'0000U, 0xffff'ffffU}) {
        CHECK_FALSE(seq_before(at, at));
        CHECK_FALSE(seq_after(at, at));
        CHECK(seq_at_or_before(at, at));
        CHECK(seq_at_or_after(at, at));
    }
}

TEST_CASE("comparisons hold up to a distance of 2^31 - 1 from every side of the wrap", "[stack][sequence]") {
    for (const std::uint32_t from : {0U, 1U, 0x7fff'ffffU, 0x8000'0000U, 0x8000'0001U, 0xffff'ffffU}) {
        for (const std::uint32_t distance : {1U, 2U, 0x3fff'ffffU, 0x7fff'ffffU}) {
            CAPTURE(from, distance);
            CHECK(seq_before(from, from + distance));
            CHECK(seq_at_or_before(from, from + distance));
            CHECK(seq_after(from + distance, from));
            CHECK(seq_at_or_after(from + distance, from));
            CHECK_FALSE(seq_before(from + distance, from));
            CHECK_FALSE(seq_at_or_before(from + distance, from));
            CHECK_FALSE(seq_after(from, from + distance));
            CHECK_FALSE(seq_at_or_after(from, from + distance));
        }
    }
}

TEST_CASE("a range holds its first number and not the one behind its end, across the wrap", "[stack][sequence]") {
    const std::uint32_t first = 0xffff'fff0U;
    CHECK(seq_within(first, first, 32));
    CHECK(seq_within(0, first, 32));
    CHECK(seq_within(15, first, 32));
    CHECK_FALSE(seq_within(16, first, 32));
    CHECK_FALSE(seq_within(first - 1, first, 32));
    CHECK_FALSE(seq_within(first, first, 0));
    CHECK(seq_within(first + 0xc000'0000U, first, 0xc000'0001U));
}

}  // namespace
}  // namespace skerry::stack
