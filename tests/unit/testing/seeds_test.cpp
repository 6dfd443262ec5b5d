#include "support/catch.hpp"

#include <skerry/testing/failure.hpp>
#include <skerry/testing/seeds.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstdint>
#include <string>
#include <vector>

namespace skerry {
namespace {

using Seeds = std::vector<std::uint64_t>;

TEST_CASE("the environment says how many seeds are run, or which one", "[testing][seeds]") {
    ::unsetenv("SKERRY_SEED");
    ::unsetenv("SKERRY_SEEDS");
    CHECK(testing::seeds(3) == Seeds{1, 2, 3});
    ::setenv("SKERRY_SEEDS", "2", 1);
    CHECK(testing::seeds(3) == Seeds{1, 2});
    ::setenv("SKERRY_SEED", "77", 1);
    CHECK(testing::seeds(3) == Seeds{77});
    ::unsetenv("SKERRY_SEED");
    for (const char* const wrong : {"abc", "1k", "", "-1", "0", "0x10", " 5", "18446744073709551616"}) {
        ::setenv("SKERRY_SEEDS", wrong, 1);
        CHECK_THROWS_AS(testing::seeds(3), testing::Failure);
    }
    ::setenv("SKERRY_SEED", "seven", 1);
    CHECK_THROWS_WITH(testing::seeds(3), Catch::Contains("SKERRY_SEED=seven is no number"));
    ::unsetenv("SKERRY_SEED");
    ::unsetenv("SKERRY_SEEDS");
}

TEST_CASE("a seed is replayed by this program's own command line", "[testing][seeds]") {
    const std::string command = testing::replay_command(5);
    CHECK(command.rfind("SKERRY_SEED=5 ", 0) == 0);
    CHECK(command.find(program_invocation_short_name) != std::string::npos);
}

}  // namespace
}  // namespace skerry
