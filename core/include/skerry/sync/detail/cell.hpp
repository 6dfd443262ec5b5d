#pragma once

// The shared words of a primitive that is written once for both scopes: an atomic when any core may use it, a plain
// word with the same interface when one core does.

#include "../../base/atomic.hpp"

#include <atomic>
#include <type_traits>

namespace skerry::sync::detail {

/// A word of one core that looks like an atomic. The orders are ignored.
///
/// Threads: one core.
/// Cost:    plain loads and stores.
template <class T>
class PlainCell {
public:
    constexpr PlainCell() noexcept = default;
    constexpr PlainCell(T value) noexcept : value_(value) {}
    PlainCell(const PlainCell&) = delete;
    PlainCell& operator=(const PlainCell&) = delete;

    [[nodiscard]] T load(std::memory_order) const noexcept { return value_; }
    void store(T value, std::memory_order) noexcept { value_ = value; }
    T exchange(T value, std::memory_order) noexcept {
        const T old = value_;
        value_ = value;
        return old;
    }
    T fetch_add(T change, std::memory_order order) noexcept { return exchange(value_ + change, order); }
    T fetch_sub(T change, std::memory_order order) noexcept { return exchange(value_ - change, order); }
    T fetch_or(T bits, std::memory_order order) noexcept { return exchange(value_ | bits, order); }
    T fetch_and(T bits, std::memory_order order) noexcept { return exchange(value_ & bits, order); }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order, std::memory_order) noexcept {
        if (value_ != expected) {
            expected = value_;
            return false;
        }
        value_ = desired;
        return true;
    }

private:
    T value_{};
};

template <class Scope, class T>
using Cell = std::conditional_t<Scope::is_shared, skerry::atomic<T>, PlainCell<T>>;

}  // namespace skerry::sync::detail
