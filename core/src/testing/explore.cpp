#include "quiet.hpp"

#include <skerry/testing/explore.hpp>

#include <skerry/testing/failure.hpp>
#include <skerry/testing/minimise.hpp>
#include <skerry/testing/seeds.hpp>

#include <exception>
#include <utility>

namespace skerry::testing {

namespace {

using Run = std::function<std::string(const Trial&)>;

class Searching {
public:
    Searching() noexcept : outer_(std::exchange(is_searching, true)) {}
    ~Searching() { is_searching = outer_; }
    Searching(const Searching&) = delete;
    Searching& operator=(const Searching&) = delete;

private:
    bool outer_;
};

std::string outcome_of(const Run& run, const Trial& trial) {
    const Searching here;
    try {
        return run(trial);
    } catch (const std::exception& exception) {
        return exception.what();
    }
}

Finding minimised(const Run& run, Trial trial) {
    const std::uint64_t seed = trial.seed;
    const auto fails = [&](const std::vector<Fault>& faults) { return !outcome_of(run, {seed, faults}).empty(); };
    if (!fails(trial.faults))
        throw Failure("seed " + std::to_string(seed) + " went wrong once and not again: not all comes from the seed");
    const std::size_t drawn = trial.faults.size();
    Finding found{seed, {}, minimise(std::move(trial.faults), fails), {}};
    found.wrong = outcome_of(run, {seed, found.faults});
    found.text = "seed " + std::to_string(seed) + ": " + found.wrong + "\n" + std::to_string(found.faults.size()) +
                 " of its " + std::to_string(drawn) + " faults are needed for it:\n" + to_string(found.faults) +
                 "again: " + replay_command(seed) + "\n";
    return found;
}

}  // namespace

std::optional<Finding> explore(std::uint64_t count, const FaultOptions& options, const Run& run) {
    for (const std::uint64_t seed : seeds(count)) {
        Trial trial{seed, draw_faults(seed, options)};
        if (!outcome_of(run, trial).empty()) return minimised(run, std::move(trial));
    }
    return std::nullopt;
}

}  // namespace skerry::testing
