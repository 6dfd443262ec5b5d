#pragma once

// Looks for a seed that breaks a program:
//
//     const auto found = testing::explore(1000, {.hosts = {"a", "b", "c"}}, [](const testing::Trial& trial) {
//         testing::Simulation sim({.seed = trial.seed, .shuffle = true});
//         ...                               // hosts and their programs
//         sim.schedule(trial.faults);
//         ...                               // run it
//         return what_is_wrong;             // in words; empty: nothing
//     });
//     CHECK_FALSE(found);                   // else found->text has the faults that it takes and the command
//
// Each trial gets its faults from its seed. The first one that goes wrong ends the search: it is run again without one
// fault after the other, until only those are left without which it would not fail.

#include "fault.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace skerry::testing {

/// What one run is given.
struct Trial {
    std::uint64_t seed = 0;
    std::vector<Fault> faults;
};

/// A seed that breaks the program.
struct Finding {
    std::uint64_t seed = 0;
    std::string wrong;          ///< what the run said, with the faults below alone
    std::vector<Fault> faults;  ///< without any one of which it does not fail
    std::string text;           ///< all of it in lines, and the command that runs it again: replay_command()
};

/// Runs `run` for each of testing::seeds(count) until one goes wrong: it returns words, or throws a std::exception.
/// Nothing when all are right. SKERRY_SEED=7 runs that seed alone.
///
/// Errors: throws Failure when a seed goes wrong once and not again: something depends on more than the seed.
[[nodiscard]] std::optional<Finding> explore(std::uint64_t count, const FaultOptions& options,
                                             const std::function<std::string(const Trial&)>& run);

}  // namespace skerry::testing
