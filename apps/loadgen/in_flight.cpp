#include "in_flight.hpp"

#include <skerry/base/assert.hpp>

namespace skerry::loadgen {

std::uint64_t InFlight::push(Nanos intended, Nanos sent) {
    SKERRY_ASSERT(!full(), "more requests wait on one connection than a run may have");
    if (next_ - first_ == ring_.size()) grow();
    at(next_) = {{intended, sent}, false};
    ++waiting_;
    return next_++;
}

std::optional<InFlight::Times> InFlight::finish_oldest() noexcept {
    if (waiting_ == 0) return std::nullopt;
    return take(first_);
}

std::optional<InFlight::Times> InFlight::finish(std::uint64_t number) noexcept {
    if (number < first_ || number >= next_ || at(number).over) return std::nullopt;
    return take(number);
}

bool InFlight::drop_sent_before(Nanos limit) noexcept {
    if (waiting_ == 0 || at(first_).times.sent >= limit) return false;
    (void)take(first_);
    return true;
}

std::optional<Nanos> InFlight::oldest_sent() const noexcept {
    if (waiting_ == 0) return std::nullopt;
    return at(first_).times.sent;
}

InFlight::Times InFlight::take(std::uint64_t number) noexcept {
    Slot& slot = at(number);
    slot.over = true;
    --waiting_;
    while (first_ != next_ && at(first_).over) ++first_;
    return slot.times;
}

void InFlight::grow() {
    std::vector<Slot> larger(ring_.size() * 2);
    for (std::uint64_t number = first_; number != next_; ++number) larger[number & (larger.size() - 1)] = at(number);
    ring_.swap(larger);
}

}  // namespace skerry::loadgen
