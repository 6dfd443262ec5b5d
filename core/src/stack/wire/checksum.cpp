#include "sum_blocks.hpp"

#include <skerry/stack/wire/checksum.hpp>

#include <skerry/base/compiler.hpp>

namespace skerry::stack::wire {

namespace {

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
    const Wide all = sum_blocks(bytes, start, copy);
    const std::size_t tail = bytes.size() % block_bytes;
    return tail == 0 ? all.value() : add_tail(all, bytes.data() + (bytes.size() - tail), tail, copy);
}

}  // namespace

std::uint64_t sum(std::span<const std::byte> bytes, std::uint64_t start) noexcept {
    return sum_of(bytes, start, NoCopy{});
}

std::uint64_t copy_and_sum(std::byte* to, std::span<const std::byte> from, std::uint64_t start) noexcept {
    return sum_of(from, start, CopyTo{to});
}

}  // namespace skerry::stack::wire
