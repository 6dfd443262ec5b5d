#pragma once

// Calls that wait. Each is tried again at every turn of the machine and ends when it gives something, or at its
// deadline.

#include "call.hpp"
#include "description.hpp"

#include <functional>
#include <list>
#include <memory>
#include <vector>

namespace skerry::pkt {

class WaitingCalls {
public:
    struct Waiting {
        std::shared_ptr<Call::State> call;
        std::function<Attempt()> attempt;
        std::vector<std::shared_ptr<Description>> targets;  ///< whose descriptors it was called with
        time::Instant deadline = time::Instant::max();
        std::function<Attempt()> at_deadline;
    };

    void add(Waiting waiting) { waiting_.push_back(std::move(waiting)); }
    /// Lets them go on, those that began first first. True when one has ended.
    bool retry(time::Instant now);
    [[nodiscard]] time::Instant next_deadline() const;
    [[nodiscard]] bool has_one_on(const Description& target) const;
    void clear() { waiting_.clear(); }

private:
    [[nodiscard]] static bool go_on(Waiting& waiting, time::Instant now);

    std::list<Waiting> waiting_;
};

}  // namespace skerry::pkt
