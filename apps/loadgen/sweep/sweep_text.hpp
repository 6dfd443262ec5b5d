#pragma once

// What a sweep found, as JSON and in a sentence.

#include "loadgen/report/report.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace skerry::loadgen {

struct SweepResult {
    std::uint64_t knee = 0;       ///< requests a second; 0: none was found
    bool is_bounded = true;       ///< a higher rate failed
    std::uint64_t from = 0;       ///< where the search began
    double p99_max_us = 0;        ///< what p99 had to stay below; 0: no valid run gave a bound
};

/// What the knee is, or why there is none.
[[nodiscard]] std::string knee_text(const SweepResult& result);

/// An object with the knee and the runs of the curve; read_reports() takes it.
[[nodiscard]] std::string to_json(const SweepResult& result, std::span<const Report> reports);

}  // namespace skerry::loadgen
