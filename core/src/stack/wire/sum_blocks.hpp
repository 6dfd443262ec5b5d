#pragma once

// Hot path. The blocks of 32 bytes of a checksum's sum, for those that compile them in.

#include <skerry/base/compiler.hpp>
#include <skerry/stack/wire/checksum.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace skerry::stack::wire {

[[nodiscard]] inline std::uint64_t load_64(const std::byte* at) noexcept {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// A sum of 64-bit words with the carries beside it.
struct Wide {
    std::uint64_t low = 0;
    std::uint64_t carries = 0;

    void add(std::uint64_t word) noexcept { carries += __builtin_add_overflow(low, word, &low) ? 1U : 0U; }
    [[nodiscard]] std::uint64_t value() const noexcept { return (low & 0xffff'ffffU) + (low >> 32U) + carries; }
};

inline constexpr std::size_t block_bytes = 32;

// The four words of a block are a chain of their own, so that the chains of several blocks run at the same time; the
// compiler would keep the carry in a register and add it apart.
inline void add_block(Wide& wide, const std::byte* at) noexcept {
#if defined(__x86_64__) && !SKERRY_ASAN  // which sees no asm
    std::uint64_t block;
    asm("movq (%[at]), %[block]\n\t"
        "addq 8(%[at]), %[block]\n\t"
        "adcq 16(%[at]), %[block]\n\t"
        "adcq 24(%[at]), %[block]\n\t"
        "adcq %[block], %[low]\n\t"
        "adcq $0, %[carries]"
        : [block] "=&r"(block), [low] "+r"(wide.low), [carries] "+r"(wide.carries)
        : [at] "r"(at), "m"(*reinterpret_cast<const std::byte(*)[block_bytes]>(at))
        : "cc");
#else
    for (std::size_t i = 0; i < block_bytes; i += 8) wide.add(load_64(at + i));
#endif
}

// What is done with the bytes besides.
struct NoCopy {
    template <std::size_t size>
    void take(const std::byte*) noexcept {}
};
struct CopyTo {
    std::byte* at;

    template <std::size_t size>
    void take(const std::byte* from) noexcept {
        std::memcpy(at, from, size);
        at += size;
    }
};

// Of as many blocks as there are; the rest is left, and `copy` stands at it.
template <class Copy>
[[nodiscard]] SKERRY_ALWAYS_INLINE Wide sum_blocks(std::span<const std::byte> bytes, std::uint64_t start,
                                                   Copy& copy) noexcept {
    const std::byte* at = bytes.data();
    const std::byte* const end = at + (bytes.size() - bytes.size() % block_bytes);
    Wide all{start, 0};
    for (; at != end; at += block_bytes) {
        copy.template take<block_bytes>(at);
        add_block(all, at);
    }
    return all;
}

/// copy_and_sum(), which is called for the last bytes only, where they are no block.
[[nodiscard]] SKERRY_ALWAYS_INLINE std::uint64_t copy_and_sum_inlined(std::byte* to, std::span<const std::byte> from,
                                                                      std::uint64_t start) noexcept {
    CopyTo copy{to};
    const std::uint64_t sum = sum_blocks(from, start, copy).value();
    const std::size_t tail = from.size() % block_bytes;
    return tail == 0 ? sum : copy_and_sum(copy.at, from.last(tail), sum);
}

}  // namespace skerry::stack::wire
