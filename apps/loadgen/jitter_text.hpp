#pragma once

// What was seen of several cores, as text: a table for people, JSON for programs.

#include "jitter.hpp"

#include <span>
#include <string>

namespace skerry::loadgen {

struct CoreJitter {
    unsigned cpu = 0;
    JitterResult seen;
};

/// Aligned columns, a row a core.
[[nodiscard]] std::string jitter_table(std::span<const CoreJitter> cores);

/// {"schema_version", "cores": [{"cpu", "jitter_us", "p999_us", "interruptions", "stolen_share", "watched_s"}]}
[[nodiscard]] std::string jitter_json(std::span<const CoreJitter> cores);

}  // namespace skerry::loadgen
