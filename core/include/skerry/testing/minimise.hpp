#pragma once

// The least that still fails: fewer parts of a plan, a smaller number. What is tried must be run anew each time and
// always turn out the same, as a simulation of one seed does.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace skerry::testing {

/// Leaves parts out of `parts`, which fail, as long as the rest fails too: large pieces first, then one by one. None of
/// the parts that are returned can be left out alone.
///
/// Shape:  `fails` takes a std::vector<Part> and is called about n log n times at best, n * n at worst.
/// Source: A. Zeller and R. Hildebrandt, Simplifying and isolating failure-inducing input, 2002, its second half.
template <class Part, class Fails>
[[nodiscard]] std::vector<Part> minimise(std::vector<Part> parts, const Fails& fails) {
    for (std::size_t piece = (parts.size() + 1) / 2; piece != 0;) {
        bool was_any_left_out = false;
        for (std::size_t at = 0; at < parts.size();) {
            std::vector<Part> rest(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(at));
            const std::size_t behind = std::min(at + piece, parts.size());
            rest.insert(rest.end(), parts.begin() + static_cast<std::ptrdiff_t>(behind), parts.end());
            if (fails(rest)) {
                parts = std::move(rest);
                was_any_left_out = true;
            } else {
                at += piece;
            }
        }
        // With pieces of one again until nothing more can go: what a part needed may be gone.
        if (piece > 1 || !was_any_left_out) piece /= 2;
    }
    return parts;
}

/// The smallest number from `least` up to `failing` that fails, if all above it do; else one whose neighbour below
/// does not fail. `failing` is known to.
template <class Fails>
[[nodiscard]] std::uint64_t minimise_number(std::uint64_t least, std::uint64_t failing, const Fails& fails) {
    while (least < failing) {
        const std::uint64_t middle = least + (failing - least) / 2;
        if (fails(middle))
            failing = middle;
        else
            least = middle + 1;
    }
    return failing;
}

}  // namespace skerry::testing
