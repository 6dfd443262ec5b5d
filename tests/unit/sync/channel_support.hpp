#pragma once

// What the channel tests share.

#include "support/test_core.hpp"

#include <skerry/task/wait_queue.hpp>

#include <utility>

namespace skerry::test_support {

/// A move-only message that counts how many of its kind hold a value.
class Tracked {
public:
    explicit Tracked(int value) noexcept : value_(value), owns_(true) { ++alive_; }
    Tracked(Tracked&& other) noexcept : value_(other.value_), owns_(std::exchange(other.owns_, false)) {}
    Tracked& operator=(Tracked&& other) noexcept {
        std::swap(value_, other.value_);
        std::swap(owns_, other.owns_);
        return *this;
    }
    ~Tracked() {
        if (owns_) --alive_;
    }

    [[nodiscard]] int value() const noexcept { return value_; }
    [[nodiscard]] bool owns() const noexcept { return owns_; }
    [[nodiscard]] static int alive() noexcept { return alive_; }

private:
    static inline int alive_ = 0;
    int value_;
    bool owns_;
};

/// A core that is the thread's current one for the whole case.
struct OneCore : TestCore {
    Entered here{*this};
};

}  // namespace skerry::test_support
