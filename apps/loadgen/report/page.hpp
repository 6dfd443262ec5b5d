#pragma once

// A report to look at and to hand on: one HTML page with its pictures, tables and style inside. It asks for nothing
// from anywhere (its own policy forbids it), needs no script, follows light and dark, narrow windows and paper.

#include "report.hpp"

#include <optional>
#include <span>
#include <string>

namespace skerry::loadgen {

struct Page {
    std::string title;
    std::span<const Report> reports;        ///< at least one
    std::optional<double> knee = {};        ///< of a sweep, requests a second
    std::string knee_reason = {};           ///< how it was found
};

/// One run: percentiles, the run over time, its figures. Several: percentiles side by side, latency against load where
/// they are open loops of different rates, a row of figures each. Intervals are what the pictures over time are made
/// of; without them they are left out.
[[nodiscard]] std::string page_text(const Page& page);

}  // namespace skerry::loadgen
