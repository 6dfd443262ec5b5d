#include "hdr_encoding.hpp"

#include "base64.hpp"

#include <skerry/base/assert.hpp>

#include <zlib.h>

#include <bit>
#include <cstdint>
#include <limits>

namespace skerry::loadgen {

namespace {

using metrics::HdrHistogram;

// The low digit of the first byte group says how wide the counters are that the writer had; readers ignore it.
constexpr std::uint32_t cookie = 0x1c849303;
constexpr std::uint32_t compressed_cookie = 0x1c849304;
constexpr std::uint32_t word_size = 0x10;
constexpr std::uint32_t cookie_mask = ~std::uint32_t{0xF0};
constexpr std::size_t header_bytes = 40;
constexpr std::size_t compressed_header_bytes = 8;
constexpr std::size_t plain_bytes_max = std::size_t{64} << 20U;

template <class Number>
void append_big_endian(std::string& out, Number number) {
    for (unsigned shift = 8 * sizeof number; shift != 0; shift -= 8)
        out += static_cast<char>(number >> (shift - 8) & 0xFFU);
}

/// Reads from the front of `bytes`. Shape: there are enough of them.
template <class Number>
Number take_big_endian(std::string_view& bytes) {
    Number number = 0;
    for (std::size_t i = 0; i < sizeof number; ++i)
        number = static_cast<Number>(number << 8U | static_cast<unsigned char>(bytes[i]));
    bytes.remove_prefix(sizeof number);
    return number;
}

// The ninth byte holds eight bits of the number, so that 64 of them need no tenth.
constexpr unsigned last_shift = 56;

void append_zigzag(std::string& out, std::int64_t number) {
    std::uint64_t bits = static_cast<std::uint64_t>(number) << 1U ^ static_cast<std::uint64_t>(number >> 63);
    for (unsigned shift = 0; shift < last_shift && bits >= 0x80; shift += 7) {
        out += static_cast<char>((bits & 0x7FU) | 0x80U);
        bits >>= 7U;
    }
    out += static_cast<char>(bits);
}

std::optional<std::int64_t> take_zigzag(std::string_view& bytes) {
    std::uint64_t bits = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (bytes.empty()) return std::nullopt;
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        const bool is_last = shift == last_shift || byte < 0x80;
        bits |= std::uint64_t{is_last ? byte : byte & 0x7FU} << shift;
        if (is_last) break;
    }
    return static_cast<std::int64_t>(bits >> 1U) ^ -static_cast<std::int64_t>(bits & 1U);
}

std::string counters_of(const HdrHistogram& histogram) {
    std::string out;
    out.reserve(4'096);  // for most runs it does not grow
    std::size_t next = 0;
    histogram.for_each_counter([&](const HdrHistogram::Counter& counter) {
        const std::size_t zeros = counter.index - next;
        if (zeros != 0) append_zigzag(out, zeros == 1 ? 0 : -static_cast<std::int64_t>(zeros));
        append_zigzag(out, static_cast<std::int64_t>(counter.count));
        next = counter.index + 1;
    });
    return out;
}

/// Whether all of `bytes` were counters that `histogram` has a place for.
bool record_counters(std::string_view bytes, HdrHistogram& histogram) {
    std::size_t index = 0;
    while (!bytes.empty()) {
        const auto number = take_zigzag(bytes);
        const std::size_t places = histogram.counter_count() - index;
        if (!number || *number < -static_cast<std::int64_t>(places) || places == 0) return false;
        if (*number > 0) histogram.record_at(index, static_cast<std::uint64_t>(*number));
        index += *number < 0 ? static_cast<std::size_t>(-*number) : 1;
    }
    return true;
}

struct Header {
    std::uint32_t counter_bytes;
    std::uint32_t digits;
    std::uint64_t limit;
};

std::optional<Header> take_header(std::string_view& bytes) {
    if (bytes.size() < header_bytes) return std::nullopt;
    if ((take_big_endian<std::uint32_t>(bytes) & cookie_mask) != (cookie & cookie_mask)) return std::nullopt;
    Header header{};
    header.counter_bytes = take_big_endian<std::uint32_t>(bytes);
    const auto offset = take_big_endian<std::uint32_t>(bytes);
    header.digits = take_big_endian<std::uint32_t>(bytes);
    const auto lowest = take_big_endian<std::uint64_t>(bytes);
    header.limit = take_big_endian<std::uint64_t>(bytes);
    const auto ratio = std::bit_cast<double>(take_big_endian<std::uint64_t>(bytes));
    const bool is_ours = offset == 0 && lowest == 1 && ratio == 1.0 && header.digits >= 1 && header.digits <= 5 &&
                         header.limit >= 2 &&
                         header.limit <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return is_ours && header.counter_bytes == bytes.size() ? std::optional(header) : std::nullopt;
}

// zlib takes Bytef*, that is unsigned char.
const Bytef* as_zlib(std::string_view bytes) noexcept { return reinterpret_cast<const Bytef*>(bytes.data()); }

/// The stream's content, of unknown length. Errors: nothing, when it is damaged or above plain_bytes_max.
std::optional<std::string> inflated(std::string_view stream) {
    // A stream of zeros grows a thousandfold; counters never do.
    for (std::size_t room = stream.size() * 8 + 1'024; room <= plain_bytes_max; room *= 4) {
        std::string plain(room, '\0');
        uLongf length = plain.size();
        const int code = ::uncompress(reinterpret_cast<Bytef*>(plain.data()), &length, as_zlib(stream), stream.size());
        plain.resize(length);
        if (code == Z_OK) return plain;
        if (code != Z_BUF_ERROR) break;
    }
    return std::nullopt;
}

}  // namespace

std::string encode_v2(const HdrHistogram& histogram) {
    const std::string counters = counters_of(histogram);
    std::string out;
    out.reserve(header_bytes + counters.size());
    append_big_endian(out, cookie | word_size);
    append_big_endian(out, static_cast<std::uint32_t>(counters.size()));
    append_big_endian(out, std::uint32_t{0});  // no counters are shifted
    append_big_endian(out, static_cast<std::uint32_t>(histogram.significant_digits()));
    append_big_endian(out, std::uint64_t{1});  // the lowest value that is told from 0
    append_big_endian(out, histogram.limit());
    append_big_endian(out, std::bit_cast<std::uint64_t>(1.0));  // values are integers as they are
    return out + counters;
}

std::optional<HdrHistogram> decode_v2(std::string_view bytes) {
    const auto header = take_header(bytes);
    if (!header) return std::nullopt;
    HdrHistogram histogram(header->limit, static_cast<int>(header->digits));
    if (!record_counters(bytes, histogram)) return std::nullopt;
    return histogram;
}

std::string histogram_text(std::string_view v2) {
    std::string stream(::compressBound(v2.size()), '\0');
    uLongf length = stream.size();
    const int code = ::compress(reinterpret_cast<Bytef*>(stream.data()), &length, as_zlib(v2), v2.size());
    SKERRY_ASSERT(code == Z_OK, "zlib has the room that it asks for");
    stream.resize(length);
    std::string out;
    append_big_endian(out, compressed_cookie | word_size);
    append_big_endian(out, static_cast<std::uint32_t>(stream.size()));
    return base64_text(out + stream);
}

std::optional<std::string> histogram_bytes(std::string_view text) {
    const auto bytes = base64_bytes(text);
    if (!bytes || bytes->size() < compressed_header_bytes) return std::nullopt;
    std::string_view rest = *bytes;
    if ((take_big_endian<std::uint32_t>(rest) & cookie_mask) != (compressed_cookie & cookie_mask)) return std::nullopt;
    if (take_big_endian<std::uint32_t>(rest) != rest.size()) return std::nullopt;
    return inflated(rest);
}

}  // namespace skerry::loadgen
