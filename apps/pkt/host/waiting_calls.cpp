#include "waiting_calls.hpp"

#include <algorithm>
#include <utility>

namespace skerry::pkt {

bool WaitingCalls::go_on(Waiting& waiting, time::Instant now) {
    Attempt outcome = waiting.attempt();
    if (would_block(outcome)) {
        if (now < waiting.deadline) return false;
        outcome = waiting.at_deadline();
    }
    waiting.call->outcome = std::move(outcome);
    waiting.call->ended = now;
    return true;
}

bool WaitingCalls::retry(time::Instant now) {
    const std::size_t before = waiting_.size();
    waiting_.remove_if([now](Waiting& waiting) { return go_on(waiting, now); });
    return waiting_.size() != before;
}

time::Instant WaitingCalls::next_deadline() const {
    time::Instant first = time::Instant::max();
    for (const Waiting& waiting : waiting_) first = std::min(first, waiting.deadline);
    return first;
}

bool WaitingCalls::has_one_on(const Description& target) const {
    const auto is_it = [&](const std::shared_ptr<Description>& each) { return each.get() == &target; };
    return std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& waiting) {
        return std::any_of(waiting.targets.begin(), waiting.targets.end(), is_it);
    });
}

}  // namespace skerry::pkt
