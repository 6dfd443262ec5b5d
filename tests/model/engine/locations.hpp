#pragma once

// What the explorer knows about each atomic, by its address. It sits beside the atomics and not in them, so
// that a skerry::atomic has the size and alignment of a std::atomic and every layout assertion holds.

#include "engine/vector_clock.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace skerry::model {

struct Location {
    const void* address = nullptr;
    std::uint64_t schedule = 0;  // in an earlier schedule the slot is free
    std::uint64_t version = 0;   // how often the value has changed
    VectorClock released;        // what an acquire that reads the present value synchronizes with
    std::uint32_t constructed_at = 0;
    std::uint8_t constructed_by = 0;
    const char* name = nullptr;

    void forget_history() noexcept {
        ++version;
        released = {};
        constructed_at = 0;
        name = nullptr;
    }
};

/// An open-addressing table that is emptied in no time, by a new schedule number.
class Locations {
public:
    static constexpr std::size_t capacity = 4096;

    void begin_schedule() noexcept {
        ++schedule_;
        count_ = 0;
    }

    /// The entry for `address`, made when there is none. Null when the table is three quarters full.
    [[nodiscard]] Location* find_or_add(const void* address) noexcept {
        Location& slot = probe(address);
        if (slot.schedule == schedule_) return &slot;
        if (++count_ > capacity / 4 * 3) return nullptr;
        slot = Location{};
        slot.address = address;
        slot.schedule = schedule_;
        return &slot;
    }

    [[nodiscard]] Location* find(const void* address) noexcept {
        Location& slot = probe(address);
        return slot.schedule == schedule_ ? &slot : nullptr;
    }

private:
    [[nodiscard]] Location& probe(const void* address) noexcept {
        std::size_t i = (reinterpret_cast<std::uintptr_t>(address) * 0x9e3779b97f4a7c15U) >> 52;
        static_assert(capacity == std::size_t{1} << (64 - 52));
        while (slots_[i].schedule == schedule_ && slots_[i].address != address) i = (i + 1) % capacity;
        return slots_[i];
    }

    std::uint64_t schedule_ = 0;
    std::size_t count_ = 0;
    std::unique_ptr<Location[]> slots_ = std::make_unique<Location[]>(capacity);
};

}  // namespace skerry::model
