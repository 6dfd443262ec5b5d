#pragma once

// What a schedule did, one entry an operation, always recorded: a failure is then explained without running
// it again, even when it has damaged the state of the program.

#include "engine/heap.hpp"
#include "engine/locations.hpp"
#include "model_atomic.hpp"

#include <string>
#include <vector>

namespace skerry::model {

struct TraceEntry {
    enum class What : std::uint8_t {
        atomic,
        construct,
        plain_read,
        plain_write,
        plain_construct,
        plain_destroy,
        thread_start,
        thread_end,
        wait,
        join,
        yield,
        choose,
        allocate,
        free,
    };

    What what;
    std::uint8_t thread;
    bool stored = false;
    detail::Operation operation{};  // for What::atomic
    const void* address = nullptr;
    std::uint64_t old_value = 0;
    std::uint64_t new_value = 0;  // or the number that goes with the entry
    std::source_location where{};
};

/// "head", "block 3 + 8" or "0x7f...": the name for a reader.
[[nodiscard]] std::string describe_address(const void* address, Locations& locations, Heap& heap);

/// "spin_lock.hpp:25".
[[nodiscard]] std::string describe_place(const std::source_location& where);

/// One operation a line; of long traces the last `lines_max` only.
[[nodiscard]] std::string format_trace(const std::vector<TraceEntry>& trace, Locations& locations, Heap& heap,
                                       std::size_t lines_max);

}  // namespace skerry::model
