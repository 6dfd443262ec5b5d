#include "way.hpp"

#include <algorithm>

namespace skerry::link {

std::int64_t Way::leaving_ns(std::size_t bytes) const noexcept {
    return static_cast<std::int64_t>(bytes * 8 * 1'000'000'000U / rules_.bits_per_second);
}

Fate Way::take(std::int64_t now_ns, std::size_t bytes, std::int64_t& due_ns) noexcept {
    ++counts_.frames;
    counts_.bytes += bytes;
    const bool is_spared = bytes <= rules_.spared_bytes;
    const bool is_lost = !is_spared && losses_.happens(rules_.loss);
    const bool is_late = !is_spared && delays_.happens(rules_.reorder);
    // The queue in time, so that it needs no memory: how long a frame of these bytes takes is how long they wait.
    const std::int64_t begins = std::max(now_ns, free_at_ns_);
    const std::int64_t ends = begins + leaving_ns(bytes);
    if (ends - now_ns > leaving_ns(rules_.queue_bytes)) {
        ++counts_.queue_full;
        return Fate::queue_full;
    }
    free_at_ns_ = ends;
    if (is_lost) {
        ++counts_.lost;
        return Fate::lost;
    }
    due_ns = ends + rules_.delay.count();
    if (!is_late) return Fate::arrives;
    ++counts_.reordered;
    due_ns += rules_.reorder_delay.count();
    return Fate::arrives_late;
}

}  // namespace skerry::link
