#include <skerry/stack/wire/tcp_options.hpp>
#include <skerry/base/assert.hpp>

#include <algorithm>

namespace skerry::stack::wire {

namespace {

enum Kind : std::uint8_t { end = 0, nop = 1, mss = 2, window_scale = 3, sack_permitted = 4, sack = 5, timestamps = 8 };

// The option of `kind` whose value is `value`; kind and length are read already.
Drop read_option(std::uint8_t kind, std::span<const std::byte> value, TcpOptions& out) noexcept {
    const std::byte* at = value.data();
    switch (kind) {
        case mss:
            if (value.size() != 2) return Drop::tcp_option_size;
            out.has_mss = true;
            out.mss = load_be16(at);
            return Drop::none;
        case window_scale:
            if (value.size() != 1) return Drop::tcp_option_size;
            out.has_window_scale = true;
            out.window_scale = std::min(load_8(at), window_scale_max);
            return Drop::none;
        case sack_permitted:
            if (!value.empty()) return Drop::tcp_option_size;
            out.sack_permitted = true;
            return Drop::none;
        case sack:
            if (value.empty() || value.size() % 8 != 0 || value.size() / 8 > sack_blocks_max)
                return Drop::tcp_option_size;
            out.sack_blocks = static_cast<std::uint8_t>(value.size() / 8);
            for (std::size_t i = 0; i < out.sack_blocks; ++i)
                out.sack[i] = {load_be32(at + 8 * i), load_be32(at + 8 * i + 4)};
            return Drop::none;
        case timestamps:
            if (value.size() != 8) return Drop::tcp_option_size;
            out.has_timestamps = true;
            out.timestamps = {load_be32(at), load_be32(at + 4)};
            return Drop::none;
        default: return Drop::none;
    }
}

}  // namespace

Drop parse(std::span<const std::byte> in, TcpOptions& out) noexcept {
    out = TcpOptions{};
    while (!in.empty()) {
        const std::uint8_t kind = load_8(in.data());
        if (kind == end) return Drop::none;
        if (kind == nop) {
            in = in.subspan(1);
            continue;
        }
        if (in.size() < 2) return Drop::tcp_option_length;
        const std::uint8_t bytes = load_8(in.data() + 1);
        if (bytes < 2 || bytes > in.size()) return Drop::tcp_option_length;
        if (const Drop drop = read_option(kind, in.subspan(2, bytes - 2U), out); drop != Drop::none) return drop;
        in = in.subspan(bytes);
    }
    return Drop::none;
}

namespace {

std::byte* store_mss(std::uint16_t bytes, std::byte* at) noexcept {
    store_be16(at, mss << 8U | 4U);
    store_be16(at + 2, bytes);
    return at + 4;
}

std::byte* store_sack_permitted(std::byte* at) noexcept {
    store_be16(at, sack_permitted << 8U | 2U);
    return at + 2;
}

// Three bytes; the NOP in front makes them four in every layout.
std::byte* store_window_scale(std::uint8_t scale, std::byte* at) noexcept {
    SKERRY_DEBUG_ASSERT(scale <= window_scale_max, "RFC 7323 allows no greater scale");
    store_be16(at, nop << 8U | window_scale);
    store_be16(at + 2, static_cast<std::uint16_t>(3U << 8U | scale));
    return at + 4;
}

std::byte* store_nops(std::byte* at) noexcept {
    store_be16(at, nop << 8U | nop);
    return at + 2;
}

std::byte* write_as_linux(const TcpOptions& options, std::byte* at) noexcept {
    if (options.has_mss) at = store_mss(options.mss, at);
    if (options.has_timestamps) {
        store_only_timestamps(options.timestamps, at);
        if (options.sack_permitted) store_sack_permitted(at);  // in the place of the two NOPs
        at += tcp_timestamps_bytes;
    } else if (options.sack_permitted) {
        at = store_sack_permitted(store_nops(at));
    }
    return options.has_window_scale ? store_window_scale(options.window_scale, at) : at;
}

// The MSS and the scale with its NOP are four bytes each, so the timestamps lie right behind two NOPs or
// SACK-permitted.
std::byte* write_as_freebsd(const TcpOptions& options, std::byte* at) noexcept {
    if (options.has_mss) at = store_mss(options.mss, at);
    if (options.has_window_scale) at = store_window_scale(options.window_scale, at);
    if (options.has_timestamps) {
        store_only_timestamps(options.timestamps, at);
        if (options.sack_permitted) store_sack_permitted(at);
        return at + tcp_timestamps_bytes;
    }
    if (!options.sack_permitted) return at;
    at = store_sack_permitted(at);
    store_be16(at, end << 8U | end);
    return at + 2;
}

}  // namespace

std::size_t write_syn_options(const TcpOptions& options, std::byte* out, SynLayout layout) noexcept {
    std::byte* const behind =
        layout == SynLayout::freebsd ? write_as_freebsd(options, out) : write_as_linux(options, out);
    return static_cast<std::size_t>(behind - out);
}

std::size_t write_data_options(const TcpOptions& options, std::byte* out) noexcept {
    SKERRY_ASSERT(options.sack_blocks <= sack_blocks_fit(options.has_timestamps), "so many SACK blocks do not fit");
    std::byte* at = out;
    if (options.has_timestamps) {
        store_only_timestamps(options.timestamps, at);
        at += tcp_timestamps_bytes;
    }
    if (options.sack_blocks != 0) {
        store_be16(at, nop << 8U | nop);
        store_8(at + 2, sack);
        store_8(at + 3, static_cast<std::uint8_t>(2 + 8 * options.sack_blocks));
        at += 4;
        for (std::size_t i = 0; i < options.sack_blocks; ++i, at += 8) {
            store_be32(at, options.sack[i].left);
            store_be32(at + 4, options.sack[i].right);
        }
    }
    return static_cast<std::size_t>(at - out);
}

}  // namespace skerry::stack::wire
