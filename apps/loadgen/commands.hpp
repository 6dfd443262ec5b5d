#pragma once

// What skerry-loadgen does, a function for each first word of its command line. Each returns the exit code.

namespace skerry::loadgen {

/// One run: what there is no word for.
[[nodiscard]] int command_run(int argc, const char* const* argv);

/// `report FILE.json... --html=FILE`: a page of runs that were saved.
[[nodiscard]] int command_report(int argc, const char* const* argv);

/// `compare A.json B.json`: whether B is faster.
[[nodiscard]] int command_compare(int argc, const char* const* argv);

/// `sweep`: the largest rate that the server keeps up with, and the latency on the way there.
[[nodiscard]] int command_sweep(int argc, const char* const* argv);

/// `jitter`: how long the machine stops a core.
[[nodiscard]] int command_jitter(int argc, const char* const* argv);

}  // namespace skerry::loadgen
