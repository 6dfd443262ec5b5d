#include <skerry/stack/wire/checksum.hpp>

#include <skerry/base/compiler.hpp>

namespace skerry::stack::wire {

namespace {

[[nodiscard]] std::uint64_t load_64(const std::byte* at) noexcept {
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

constexpr std::size_t block_bytes = 32;

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

// The last 0 to 31 bytes, as if a zero followed an odd one. A memcpy of `count` bytes would be a call of several ns.
template <class Copy>
[[nodiscard]] SKERRY_ALWAYS_INLINE std::uint64_t add_tail(Wide all, const std::byte* at, std::size_t count,
                                                          Copy copy) noexcept {
    if ((count & 16U) != 0) {
        all.add(load_64(at));
        all.add(load_64(at + 8));
        copy.template take<16>(at);
        at += 16;
    }
    if ((count & 8U) != 0) {
        all.add(load_64(at));
        copy.template take<8>(at);
        at += 8;
    }
    std::uint64_t tail = all.value();
    if ((count & 4U) != 0) {
        std::uint32_t word;
        std::memcpy(&word, at, sizeof word);
        tail += word;
        copy.template take<4>(at);
        at += sizeof word;
    }
    if ((count & 2U) != 0) {
        tail += load_checksum(at);
        copy.template take<2>(at);
        at += 2;
    }
    if ((count & 1U) != 0) {
        const std::byte padded[2] = {*at, std::byte{0}};
        tail += load_checksum(padded);
        copy.template take<1>(at);
    }
    return tail;
}

template <class Copy>
[[nodiscard]] SKERRY_ALWAYS_INLINE std::uint64_t sum_of(std::span<const std::byte> bytes, std::uint64_t start,
                                                        Copy copy) noexcept {
    const std::byte* at = bytes.data();
    const std::size_t tail = bytes.size() % block_bytes;
    const std::byte* const end = at + (bytes.size() - tail);
    Wide all{start, 0};
    for (; at != end; at += block_bytes) {
        copy.template take<block_bytes>(at);
        add_block(all, at);
    }
    return tail == 0 ? all.value() : add_tail(all, at, tail, copy);
}

}  // namespace

std::uint64_t sum(std::span<const std::byte> bytes, std::uint64_t start) noexcept {
    return sum_of(bytes, start, NoCopy{});
}

std::uint64_t copy_and_sum(std::byte* to, std::span<const std::byte> from, std::uint64_t start) noexcept {
    return sum_of(from, start, CopyTo{to});
}

}  // namespace skerry::stack::wire
