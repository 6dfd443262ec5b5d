#pragma once

// One direction of a link, without the frames: what becomes of one that is so long and comes at such a time.
//
// A frame waits until those before it have left, takes as long to leave as the rate says, and arrives `delay` later.
// What finds the queue full is dropped. Of what is longer than `spared_bytes` some is lost on the way or comes
// `reorder_delay` later than it should. Which ones depends on the seed and on how many such frames came before, and on
// nothing else, so with the same seed the same ones by number meet that in every run. The short ones are spared because
// a lost SYN costs a second and hides what is asked for, and a lost acknowledgement is no loss to most that send.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace skerry::link {

struct WayRules {
    std::chrono::nanoseconds delay{0};  ///< of the way alone; less than an hour
    std::uint64_t bits_per_second = 100'000'000;
    std::size_t queue_bytes = 64 * 1024;  ///< of frames that have not left yet, with the one that is leaving
    double loss = 0;  ///< 0 to 1
    double reorder = 0;  ///< 0 to 1, of those that are not lost
    std::chrono::nanoseconds reorder_delay{0};
    std::size_t spared_bytes = 100;  ///< frames up to this length are neither lost nor late
    std::uint64_t seed = 1;
};

enum class Fate : std::uint8_t { arrives, arrives_late, lost, queue_full };

struct WayCounts {
    std::uint64_t frames = 0;  ///< that came
    std::uint64_t bytes = 0;
    std::uint64_t lost = 0;
    std::uint64_t reordered = 0;
    std::uint64_t queue_full = 0;
};

/// Numbers by chance: splitmix64. The same seed gives the same ones on every machine.
class Chance {
public:
    explicit Chance(std::uint64_t seed) noexcept : state_(seed) {}

    [[nodiscard]] bool happens(double probability) noexcept {
        std::uint64_t mixed = state_ += 0x9e37'79b9'7f4a'7c15U;
        mixed = (mixed ^ mixed >> 30U) * 0xbf58'476d'1ce4'e5b9U;
        mixed = (mixed ^ mixed >> 27U) * 0x94d0'49bb'1331'11ebU;
        mixed ^= mixed >> 31U;
        return static_cast<double>(mixed >> 11U) * 0x1p-53 < probability;
    }

private:
    std::uint64_t state_;
};

class Way {
public:
    explicit Way(const WayRules& rules) noexcept : rules_(rules), losses_(rules.seed), delays_(~rules.seed) {}

    /// A frame comes. `due_ns` is when it arrives, on the same clock as `now_ns`, which never goes back.
    [[nodiscard]] Fate take(std::int64_t now_ns, std::size_t bytes, std::int64_t& due_ns) noexcept;

    [[nodiscard]] const WayCounts& counts() const noexcept { return counts_; }

private:
    [[nodiscard]] std::int64_t leaving_ns(std::size_t bytes) const noexcept;

    WayRules rules_;
    Chance losses_;
    Chance delays_;  // of its own: what is late does not change what is lost
    std::int64_t free_at_ns_ = 0;
    WayCounts counts_;
};

}  // namespace skerry::link
