// The least that still fails.

#include "support/catch.hpp"

#include <skerry/testing/minimise.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace skerry {
namespace {

using Parts = std::vector<int>;

Parts up_to(int count) {
    Parts parts(static_cast<std::size_t>(count));
    std::iota(parts.begin(), parts.end(), 0);
    return parts;
}

bool has(const Parts& parts, int part) { return std::find(parts.begin(), parts.end(), part) != parts.end(); }

TEST_CASE("what a failure does not need is left out", "[testing][minimise]") {
    int runs = 0;
    const auto fails = [&runs](const Parts& parts) {
        ++runs;
        return has(parts, 3) && has(parts, 77);
    };
    CHECK(testing::minimise(up_to(100), fails) == Parts{3, 77});
    CHECK(runs < 100);
}

TEST_CASE("what cannot be left out alone stays, and one that always fails needs nothing", "[testing][minimise]") {
    CHECK(testing::minimise(up_to(5), [](const Parts& parts) { return parts.size() == 5; }) == up_to(5));
    CHECK(testing::minimise(up_to(5), [](const Parts&) { return true; }).empty());
    CHECK(testing::minimise(Parts{}, [](const Parts&) { return true; }).empty());
}

TEST_CASE("a part that only another one needed goes with it", "[testing][minimise]") {
    // 2 makes it right unless 1 is there, so that 1 seems to be needed until 2 is gone.
    const auto fails = [](const Parts& parts) {
        return has(parts, 7) && has(parts, 8) && (!has(parts, 2) || has(parts, 1));
    };
    CHECK(testing::minimise(Parts{1, 7, 8, 2}, fails) == Parts{7, 8});
}

TEST_CASE("the smallest number that fails is found", "[testing][minimise]") {
    const auto from_1000 = [](std::uint64_t number) { return number >= 1000; };
    CHECK(testing::minimise_number(1, 1'000'000, from_1000) == 1000);
    CHECK(testing::minimise_number(1000, 1'000'000, from_1000) == 1000);
    CHECK(testing::minimise_number(5, 5, from_1000) == 5);
}

}  // namespace
}  // namespace skerry
