#pragma once

// A socket call from its beginning to its end, as the script sees it: when it began, whether and when it ended, and
// what it gave. One that does not wait has ended when it is handed out.

#include "outcome.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/time/instant.hpp>

#include <cstdint>
#include <memory>
#include <utility>
#include <variant>

namespace skerry::pkt {

/// A handle; copies are of the same call.
class Call {
public:
    struct State {
        time::Instant began;
        time::Instant ended;
        Attempt outcome = WouldBlock{};
    };

    explicit Call(std::shared_ptr<State> state) : state_(std::move(state)) {}

    /// False while it waits.
    [[nodiscard]] bool is_done() const { return !would_block(state_->outcome); }
    [[nodiscard]] time::Instant began() const { return state_->began; }
    /// It must be done.
    [[nodiscard]] time::Instant ended() const {
        SKERRY_ASSERT(is_done(), "the call has not ended");
        return state_->ended;
    }

    /// Why nothing can be said of it; null when POSIX says something.
    [[nodiscard]] const Unsupported* unsupported() const { return std::get_if<Unsupported>(&state_->outcome); }
    /// What POSIX says. It must be done, and supported.
    [[nodiscard]] const Returned& returned() const {
        const auto* const result = std::get_if<Returned>(&state_->outcome);
        SKERRY_ASSERT(result != nullptr, "the call has not returned");
        return *result;
    }
    [[nodiscard]] std::int64_t value() const { return returned().value; }
    [[nodiscard]] int error() const { return returned().error; }
    [[nodiscard]] const CallOutput& output() const { return returned().output; }

private:
    std::shared_ptr<State> state_;
};

}  // namespace skerry::pkt
