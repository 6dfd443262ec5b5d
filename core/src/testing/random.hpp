#pragma once

#include <cstdint>

namespace skerry::testing {

/// Numbers by chance; the same seed gives the same ones on every machine.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    [[nodiscard]] std::uint64_t next() noexcept {  // splitmix64
        std::uint64_t mixed = state_ += 0x9e37'79b9'7f4a'7c15U;
        mixed = (mixed ^ mixed >> 30U) * 0xbf58'476d'1ce4'e5b9U;
        mixed = (mixed ^ mixed >> 27U) * 0x94d0'49bb'1331'11ebU;
        return mixed ^ mixed >> 31U;
    }
    /// One of [0, bound); 0 when there is none.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
    [[nodiscard]] bool happens(double probability) noexcept {
        return probability > 0 && static_cast<double>(next() >> 11U) * 0x1p-53 < probability;
    }

private:
    std::uint64_t state_;
};

}  // namespace skerry::testing
