#pragma once

// Runs of one test with many seeds:
//
//     for (const std::uint64_t seed : testing::seeds(100))
//         if (const std::string wrong = scenario(seed); !wrong.empty())
//             FAIL(wrong << "\nagain: " << testing::replay_command(seed));

#include <cstdint>
#include <string>
#include <vector>

namespace skerry::testing {

/// 1 to `count`; the environment's SKERRY_SEEDS says another count, and SKERRY_SEED one seed, which is all then.
///
/// Errors: throws Failure when one of them is no number, or the count is 0: a test would pass without a run.
[[nodiscard]] std::vector<std::uint64_t> seeds(std::uint64_t count);

/// The shell command that runs this program with this seed alone: its command line with SKERRY_SEED in front.
[[nodiscard]] std::string replay_command(std::uint64_t seed);

}  // namespace skerry::testing
