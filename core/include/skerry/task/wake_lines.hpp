#pragma once

// Hot path. The cache lines that a task touches when another core has woken it, by what its primitive said when it
// began to wait. The other core has just written them, so each is a trip to its cache; those named here make it
// together with the task's header, and not one after the other.

#include "header.hpp"

#include "../base/compiler.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace skerry::task {

/// What a task touches beside the line of its primitive. Addresses that are fetched and not looked into; null: nothing.
struct TouchedLines {
    const void* written = nullptr;
    const void* read = nullptr;
};

/// Of a few tasks of one core; with more a later one takes an earlier one's place, and that one waits for its lines.
class WakeLines {
public:
    struct Place {
        const TaskHeader* task = nullptr;
        const void* primitive = nullptr;
        TouchedLines lines;
    };

    /// `task` begins to wait in the line `primitive`, which it writes again when it runs.
    void expect(const TaskHeader& task, const void* primitive, const TouchedLines& lines) noexcept {
        places_[place_of(task)] = {&task, primitive, lines};
    }
    /// What is known of `task`, if it is.
    [[nodiscard]] const Place* find(const TaskHeader& task) const noexcept {
        const Place& place = places_[place_of(task)];
        return place.task == &task ? &place : nullptr;
    }
    /// Brings them in, and the header's own, and forgets them: the next wait may be in another place. Reads nothing of
    /// the task.
    void fetch(const TaskHeader& task) noexcept {
        prefetch_write(&task);
        Place& place = places_[place_of(task)];
        if (place.task != &task) return;
        place.task = nullptr;
        prefetch_write(place.primitive);
        prefetch_write(place.lines.written);
        prefetch_read(place.lines.read);
    }

private:
    static constexpr std::size_t places = 8;

    static std::size_t place_of(const TaskHeader& task) noexcept {
        // Blocks of one size lie end to end: multiplied by the golden ratio, neighbours are kept apart.
        return static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(&task) * 0x9e37'79b9'7f4a'7c15ULL >>
                                        (64U - std::countr_zero(places)));
    }

    std::array<Place, places> places_{};
};

}  // namespace skerry::task
