#pragma once

// What goes wrong in a run, as a list of parts: drawn from a seed, printed, left out one by one until only those remain
// that a failure needs.

#include "link.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace skerry::testing {

/// One trouble: from when, for how long, of which kind and to whom. Hosts go by their names.
struct Fault {
    enum class Kind : std::uint8_t {
        partition,  ///< `hosts` are cut off from all others
        blackhole,  ///< what `hosts` send is lost, what is sent to them arrives
        flap,  ///< a partition that is mended and comes again every `period`
        crash,  ///< `hosts` are switched off, and on again at the end
        bad_link,  ///< every link is `link`
        skew,  ///< the clocks of `hosts` are `skew` ahead; when it ends they stand still until that is made up
    };

    Kind kind = Kind::partition;
    std::chrono::nanoseconds begin{0};  ///< since the simulation's beginning
    std::chrono::nanoseconds duration{0};
    std::vector<std::string> hosts = {};
    std::chrono::nanoseconds period{0};
    std::chrono::nanoseconds skew{0};
    Link link = {};
};

/// One line: `at 1.250 s for 0.500 s: a, b cut off from all others`.
[[nodiscard]] std::string to_string(const Fault& fault);
/// A line each.
[[nodiscard]] std::string to_string(const std::vector<Fault>& faults);

/// What draw_faults() draws from.
struct FaultOptions {
    std::vector<std::string> hosts;  ///< that may be hit; every fault hits some of them, and not all if they are many
    std::size_t count_max = 6;
    std::chrono::nanoseconds within = std::chrono::seconds{10};  ///< all begin before
    std::chrono::nanoseconds longest = std::chrono::seconds{5};
    std::vector<Fault::Kind> kinds = {Fault::Kind::partition, Fault::Kind::blackhole, Fault::Kind::flap,
                                      Fault::Kind::crash,     Fault::Kind::bad_link,  Fault::Kind::skew};
};

/// One to `count_max` faults by chance, in the order of their beginnings; the same for the same seed.
[[nodiscard]] std::vector<Fault> draw_faults(std::uint64_t seed, const FaultOptions& options);

}  // namespace skerry::testing
