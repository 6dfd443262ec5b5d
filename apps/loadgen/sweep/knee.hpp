#pragma once

// The search for the knee: the largest rate at which a run is still valid and its response p99 still bounded. Beyond
// it a queue grows for as long as the run lasts, so that every figure tells how long that was.
//
// Rates double until one fails, then the gap between the best that passed and the least that failed is halved until it
// is narrow. A busy machine makes a good rate fail now and then, and never a bad one pass; so a rate has failed only
// when it did so twice in a row.
//
// Source: the binary search of RFC 2544 section 26.1, with a bound on latency beside that on loss, as MLRsearch
// (draft-ietf-bmwg-mlrsearch) allows any goal.

#include <cstdint>
#include <optional>

namespace skerry::loadgen {

struct KneeOptions {
    std::uint64_t from = 1'000;           ///< the first rate, requests a second
    std::uint64_t to = 10'000'000;        ///< none above is tried
    double gap = 0.05;  ///< the search ends when best and failed are so near, as a share of the best
};

/// Which rate is to be tried next, from which passed and which did not.
class KneeSearch {
public:
    /// Shape: 0 < from <= to, 0 < gap; asserted.
    explicit KneeSearch(const KneeOptions& options);

    /// The rate to try; nothing when the search is over.
    [[nodiscard]] std::optional<std::uint64_t> next() const noexcept;

    /// How the rate that next() said went. Shape: next() said one; asserted.
    void take(bool has_passed);

    /// The largest rate that passed; 0: not even the first did.
    [[nodiscard]] std::uint64_t knee() const noexcept { return best_; }

    /// Whether a higher rate failed. If not, the search ended at `to`, and the knee may lie above.
    [[nodiscard]] bool is_bounded() const noexcept { return failed_.has_value(); }

private:
    KneeOptions options_;
    std::uint64_t best_ = 0;
    std::optional<std::uint64_t> failed_;
    bool has_failed_once_ = false;  // the rate of now
};

}  // namespace skerry::loadgen
