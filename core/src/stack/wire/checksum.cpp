#include <skerry/stack/wire/checksum.hpp>

namespace skerry::stack::wire {

namespace {

[[nodiscard]] std::uint64_t load_64(const std::byte* at) noexcept {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// A sum of 64-bit words with the carries beside it: the compiler makes it an add and an adc.
struct Wide {
    std::uint64_t low = 0;
    std::uint64_t carries = 0;

    void add(std::uint64_t word) noexcept { carries += __builtin_add_overflow(low, word, &low) ? 1U : 0U; }
};

// The last 0 to 7 bytes, as if a zero followed an odd one. A memcpy of `count` bytes would be a call of several ns.
[[nodiscard]] std::uint64_t sum_tail(const std::byte* at, std::size_t count) noexcept {
    std::uint64_t tail = 0;
    if ((count & 4U) != 0) {
        std::uint32_t word;
        std::memcpy(&word, at, sizeof word);
        tail += word;
        at += sizeof word;
    }
    if ((count & 2U) != 0) {
        tail += load_checksum(at);
        at += 2;
    }
    if ((count & 1U) != 0) {
        const std::byte padded[2] = {*at, std::byte{0}};
        tail += load_checksum(padded);
    }
    return tail;
}

}  // namespace

std::uint64_t sum(std::span<const std::byte> bytes, std::uint64_t start) noexcept {
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    Wide even{start, 0};
    Wide odd;
    for (; left >= 64; at += 64, left -= 64) {
        even.add(load_64(at));
        odd.add(load_64(at + 8));
        even.add(load_64(at + 16));
        odd.add(load_64(at + 24));
        even.add(load_64(at + 32));
        odd.add(load_64(at + 40));
        even.add(load_64(at + 48));
        odd.add(load_64(at + 56));
    }
    // Not a loop: the compiler would unroll it once more.
    if ((left & 32U) != 0) {
        even.add(load_64(at));
        odd.add(load_64(at + 8));
        even.add(load_64(at + 16));
        odd.add(load_64(at + 24));
        at += 32;
    }
    if ((left & 16U) != 0) {
        even.add(load_64(at));
        odd.add(load_64(at + 8));
        at += 16;
    }
    if ((left & 8U) != 0) {
        even.add(load_64(at));
        at += 8;
    }
    even.add(odd.low);
    return (even.low & 0xffff'ffffU) + (even.low >> 32U) + even.carries + odd.carries + sum_tail(at, left);
}

}  // namespace skerry::stack::wire
