#pragma once

// Hot path. The word that the fast paths of a primitive change in one step. With it a primitive is written
// once: for SharedScope the word is atomic, for LocalScope it is a plain integer and the same code compiles
// to a compare and a store. So it is for SharedScope while the process has one thread: 5 ns less a step.

#include "../base/atomic.hpp"
#include "../base/only_thread.hpp"
#include "../task/wait_queue.hpp"

#include <cstdint>

namespace skerry::sync {

template <class Scope>
class ScopeWord;

/// Threads: any that the C library knows of; no handler of signals.
template <>
class ScopeWord<task::SharedScope> {
public:
    explicit ScopeWord(std::uintptr_t value = 0) noexcept : word_(value) {}

    /// Acquire: pairs with the release of replace() and store().
    [[nodiscard]] std::uintptr_t load() const noexcept { return word_.load(std::memory_order_acquire); }

    /// Writes `desired` if the word is `expected`; otherwise reads it into `expected` and gives false.
    /// Acquires what earlier writers of the word released, and releases to later ones.
    [[nodiscard]] bool replace(std::uintptr_t& expected, std::uintptr_t desired) noexcept {
        if (is_only_thread()) return replace_alone(expected, desired);
        return word_.compare_exchange_strong(expected, desired, std::memory_order_acq_rel, std::memory_order_acquire);
    }

    /// Only where no other thread can change the word meanwhile: in states that the lock of the primitive guards.
    void store(std::uintptr_t value) noexcept { word_.store(value, std::memory_order_release); }

private:
    [[nodiscard]] bool replace_alone(std::uintptr_t& expected, std::uintptr_t desired) noexcept {
        if (const std::uintptr_t seen = word_.load(std::memory_order_relaxed); seen != expected) {
            expected = seen;
            return false;
        }
        word_.store(desired, std::memory_order_relaxed);
        return true;
    }

    skerry::atomic<std::uintptr_t> word_;
};

/// Threads: one core.
template <>
class ScopeWord<task::LocalScope> {
public:
    explicit ScopeWord(std::uintptr_t value = 0) noexcept : word_(value) {}
    [[nodiscard]] std::uintptr_t load() const noexcept { return word_; }
    [[nodiscard]] bool replace(std::uintptr_t& expected, std::uintptr_t desired) noexcept {
        if (word_ != expected) {
            expected = word_;
            return false;
        }
        word_ = desired;
        return true;
    }
    void store(std::uintptr_t value) noexcept { word_ = value; }

private:
    std::uintptr_t word_;
};

}  // namespace skerry::sync
