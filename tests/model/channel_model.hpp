#pragma once

// What the channel models share: real tasks on real schedulers, one model thread polling each.

#include "model_suite.hpp"

#include "support/test_core.hpp"

#include <skerry/task/scheduler.hpp>
#include <skerry/task/spawn.hpp>

#include <utility>

namespace skerry::model {

/// A message whose copies are counted and whose content is checked for races.
class Message {
public:
    explicit Message(int value) : content_(new Content(value)) {}
    Message(Message&& other) noexcept : content_(std::exchange(other.content_, nullptr)) {}
    Message& operator=(Message&& other) noexcept {
        std::swap(content_, other.content_);
        return *this;
    }
    ~Message() { delete content_; }

    [[nodiscard]] bool has_value() const noexcept { return content_ != nullptr; }
    [[nodiscard]] int value() const { return content_->number; }

private:
    struct Content {
        explicit Content(int value) : number(value) {}
        var<int> number;
        Tracked tracked;
    };
    Content* content_;
};

/// Spawns what `make()` gives on `core`, its frame from that core's slab.
template <class F>
auto start(test_support::TestCore& core, F&& make) {
    return core.in([&] { return spawn(make()); });
}

/// Polls `core` until all its tasks are over. Never ends if a wake is lost, which the explorer reports.
inline void poll(test_support::TestCore& core) {
    while (core.scheduler().live_tasks() != 0) core.step(1);
}

/// First thing in a model: each thread has its own current core.
inline void cores_are_per_thread() { fiber_local(task::current_scheduler); }

}  // namespace skerry::model
