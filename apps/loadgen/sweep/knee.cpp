#include "knee.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>

namespace skerry::loadgen {

KneeSearch::KneeSearch(const KneeOptions& options) : options_(options) {
    SKERRY_ASSERT(options.from > 0 && options.from <= options.to && options.gap > 0, "a search has somewhere to go");
}

std::optional<std::uint64_t> KneeSearch::next() const noexcept {
    if (!failed_) {
        if (best_ == 0) return options_.from;
        return best_ < options_.to ? std::optional(std::min(best_ * 2, options_.to)) : std::nullopt;
    }
    const auto gap = static_cast<double>(*failed_ - best_);
    if (best_ == 0 || *failed_ - best_ <= 1 || gap <= options_.gap * static_cast<double>(best_)) return std::nullopt;
    return best_ + (*failed_ - best_) / 2;
}

void KneeSearch::take(bool has_passed) {
    const auto rate = next();
    SKERRY_ASSERT(rate.has_value(), "the search is over");
    if (has_passed) best_ = *rate;
    if (!has_passed && has_failed_once_) failed_ = *rate;
    has_failed_once_ = !has_passed && !has_failed_once_;
}

}  // namespace skerry::loadgen
