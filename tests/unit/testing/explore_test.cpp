// The search for a seed that breaks something.

#include "support/catch.hpp"

#include <skerry/testing/explore.hpp>
#include <skerry/testing/failure.hpp>
#include <skerry/testing/simulation.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace skerry {
namespace {

using Catch::Matchers::Contains;
using testing::Fault;
using testing::Trial;

const testing::FaultOptions options{.hosts = {"a", "b"}, .count_max = 8};

bool has_crash(const Trial& trial) {
    return std::any_of(trial.faults.begin(), trial.faults.end(),
                       [](const Fault& fault) { return fault.kind == Fault::Kind::crash; });
}

TEST_CASE("where every run is right nothing is found, and each seed has had its run", "[testing][explore]") {
    std::vector<std::uint64_t> seeds;
    const auto found = testing::explore(20, options, [&seeds](const Trial& trial) {
        seeds.push_back(trial.seed);
        return std::string();
    });
    CHECK_FALSE(found);
    CHECK(seeds.size() == 20);
    CHECK(seeds.back() == 20);
}

TEST_CASE("what is found has only the faults that it takes, and how to run it again", "[testing][explore]") {
    const auto found =
        testing::explore(100, options, [](const Trial& trial) { return has_crash(trial) ? "broken" : ""; });
    REQUIRE(found);
    REQUIRE(found->faults.size() == 1);
    CHECK(found->faults.front().kind == Fault::Kind::crash);
    CHECK(found->wrong == "broken");
    CHECK_THAT(found->text, Contains("crashed, then restarted") && Contains("broken") &&
                                Contains("again: SKERRY_SEED=" + std::to_string(found->seed)));
}

TEST_CASE("a run that throws is wrong", "[testing][explore]") {
    const auto found =
        testing::explore(1, options, [](const Trial&) -> std::string { throw std::runtime_error("thrown"); });
    REQUIRE(found);
    CHECK(found->wrong == "thrown");
    CHECK(found->faults.empty());  // it takes none
}

TEST_CASE("a run that is wrong once and not again is a failure of the test itself", "[testing][explore]") {
    int runs = 0;
    CHECK_THROWS_WITH(
        testing::explore(1, options, [&runs](const Trial&) { return std::string(++runs == 1 ? "x" : ""); }),
        Contains("not again"));
}

}  // namespace
}  // namespace skerry
