#pragma once

// What one core finds out and the others copy.

#include "../../base/spin_lock.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>

namespace skerry::stack {

/// Plain data, and how often it was told.
///
/// Threads: any.
template <class Value>
class Published {
public:
    /// Returns its version.
    std::uint32_t set(const Value& value) noexcept {
        const std::lock_guard guard(lock_);
        value_ = value;
        const std::uint32_t version = version_.load(std::memory_order_relaxed) + 1;
        version_.store(version, std::memory_order_release);  // who sees it finds this value, or a newer one
        return version;
    }
    /// 0: it was never told.
    [[nodiscard]] std::uint32_t version() const noexcept { return version_.load(std::memory_order_acquire); }
    /// As it stands, and which version that is.
    std::uint32_t read(Value& value) const noexcept {
        const std::lock_guard guard(lock_);
        value = value_;
        return version_.load(std::memory_order_relaxed);
    }

private:
    mutable SpinLock lock_;  // of the value
    Value value_;
    std::atomic<std::uint32_t> version_{0};
};

/// One core's sight of it, which knows what this core has read.
///
/// Threads: one.
template <class Value>
class PublishedView {
public:
    explicit PublishedView(Published<Value>& shared) noexcept : shared_(shared) {}

    void set(const Value& value) noexcept { seen_ = shared_.set(value); }
    /// Whether another core has told it since.
    [[nodiscard]] bool has_news() const noexcept { return shared_.version() != seen_; }
    /// Reads it. False when there are no news.
    [[nodiscard]] bool take(Value& value) noexcept {
        if (!has_news()) return false;
        seen_ = shared_.read(value);
        return true;
    }

private:
    Published<Value>& shared_;
    std::uint32_t seen_ = 0;
};

}  // namespace skerry::stack
