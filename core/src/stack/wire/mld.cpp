#include <skerry/stack/wire/mld.hpp>

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <limits>

namespace skerry::stack::wire {

namespace {

// A number below half of the code's range stands for itself; above it the code is a floating-point number of three
// bits of exponent and `mantissa_bits` of mantissa. RFC 3810 sections 5.1.3 and 5.1.9.
template <unsigned mantissa_bits>
struct FloatingCode {
    static constexpr std::uint32_t hidden_bit = 1U << mantissa_bits;
    static constexpr std::uint32_t least = hidden_bit << 3U;

    [[nodiscard]] static std::uint32_t value(std::uint32_t code) noexcept {
        if (code < least) return code;
        return ((code & (hidden_bit - 1)) | hidden_bit) << ((code >> mantissa_bits & 7U) + 3U);
    }
    [[nodiscard]] static std::uint32_t code(std::uint32_t value) noexcept {
        if (value < least) return value;
        for (std::uint32_t exponent = 0; exponent < 8; ++exponent) {
            const std::uint32_t mantissa = value >> (exponent + 3U);
            if (mantissa < 2 * hidden_bit) return least | exponent << mantissa_bits | (mantissa & (hidden_bit - 1));
        }
        return 2 * least - 1;
    }
};
using ResponseCode = FloatingCode<12>;
using IntervalCode = FloatingCode<4>;

// How long the record at the front of `in` is; 0 when it is not all there.
[[nodiscard]] std::size_t record_bytes(std::span<const std::byte> in) noexcept {
    if (in.size() < mld_record_bytes) return 0;
    const std::size_t auxiliary = load_8(in.data() + 1) * std::size_t{4};
    const std::size_t bytes = mld_record_bytes + load_be16(in.data() + 2) * ipv6_addr_bytes + auxiliary;
    return bytes <= in.size() ? bytes : 0;
}

[[nodiscard]] Drop parse_query(std::span<const std::byte> in, MldMessage& out) noexcept {
    const std::uint16_t code = load_be16(in.data() + 4);
    out.group = load_ipv6(in.data() + 8);
    if (in.size() == mld_v1_bytes) {
        out.query_version = 1;
        out.max_response_ms = code;
    } else if (in.size() < mld_v2_query_bytes) {
        return Drop::mld_length;  // RFC 3810 section 8.1: must be ignored
    } else {
        const std::size_t bytes = load_be16(in.data() + 26) * ipv6_addr_bytes;
        if (bytes > in.size() - mld_v2_query_bytes) return Drop::mld_length;
        const std::uint8_t flags = load_8(in.data() + 24);
        out.query_version = 2;
        out.max_response_ms = ResponseCode::value(code);
        out.suppress = (flags & 8U) != 0;
        out.robustness = flags & 7U;
        out.query_interval_s = IntervalCode::value(load_8(in.data() + 25));
        out.sources = {in.subspan(mld_v2_query_bytes, bytes)};
    }
    return out.group.is_unspecified() || out.group.is_multicast() ? Drop::none : Drop::mld_group;
}

[[nodiscard]] Drop parse_report_v2(std::span<const std::byte> in, MldMessage& out) noexcept {
    const std::uint16_t records = load_be16(in.data() + 6);
    const auto all = in.subspan(mld_v2_report_bytes);
    auto rest = all;
    for (std::size_t i = 0; i < records; ++i) {
        const std::size_t bytes = record_bytes(rest);
        if (bytes == 0) return Drop::mld_length;
        if (!load_ipv6(rest.data() + 4).is_multicast()) return Drop::mld_group;
        rest = rest.subspan(bytes);
    }
    out.records = {all, records};
    return Drop::none;
}

[[nodiscard]] Drop check_travel(const Ipv6Header& ip, const Ipv6Chain& chain, Icmpv6Type type) noexcept {
    if (ip.hop_limit != mld_hop_limit) return Drop::mld_hop_limit;
    if (!chain.router_alert) return Drop::mld_router_alert;
    if (ip.source.is_link_local()) return Drop::none;
    // A host reports the groups of its address before it may use it.
    return ip.source.is_unspecified() && type != Icmpv6Type::listener_query ? Drop::none : Drop::mld_source;
}

}  // namespace

bool MldRecords::next(MldRecord& out) noexcept {
    if (left_ == 0) return false;
    --left_;
    const std::byte* at = rest_.data();
    out.type = static_cast<MldRecordType>(load_8(at));
    out.group = load_ipv6(at + 4);
    out.sources = {rest_.subspan(mld_record_bytes, load_be16(at + 2) * ipv6_addr_bytes)};
    rest_ = rest_.subspan(record_bytes(rest_));
    return true;
}

Drop parse(std::span<const std::byte> in, MldMessage& out, const Ipv6Header& ip, const Ipv6Chain& chain,
           FrameChecksum known) noexcept {
    if (in.size() < icmpv6_bytes) return Drop::mld_short;
    if (known == FrameChecksum::bad ||
        (known != FrameChecksum::good && !icmpv6_checksum_holds(in, ip.source, ip.destination)))
        return Drop::icmpv6_checksum;
    out = MldMessage{};
    out.type = static_cast<Icmpv6Type>(load_8(in.data()));
    const bool is_v2_report = out.type == Icmpv6Type::listener_report_v2;
    if (!is_v2_report && out.type != Icmpv6Type::listener_query && out.type != Icmpv6Type::listener_report_v1 &&
        out.type != Icmpv6Type::listener_done)
        return Drop::icmpv6_type;
    if (const Drop drop = check_travel(ip, chain, out.type); drop != Drop::none) return drop;
    if (is_v2_report) return parse_report_v2(in, out);
    if (in.size() < mld_v1_bytes) return Drop::mld_short;
    if (out.type == Icmpv6Type::listener_query) return parse_query(in, out);
    out.group = load_ipv6(in.data() + 8);
    return out.group.is_multicast() ? Drop::none : Drop::mld_group;
}

std::size_t write(const MldMessage& message, std::byte* out) noexcept {
    const bool is_query = message.type == Icmpv6Type::listener_query;
    const bool is_v2 = is_query && message.query_version == 2;
    SKERRY_DEBUG_ASSERT(message.type != Icmpv6Type::listener_report_v2, "MldReportWriter writes this one");
    SKERRY_DEBUG_ASSERT(is_v2 || message.max_response_ms <= 0xffffU, "the field has 16 bits");
    SKERRY_DEBUG_ASSERT(message.sources.size() <= 0xffffU, "the field has 16 bits");
    const std::uint32_t code = is_v2 ? ResponseCode::code(message.max_response_ms) : message.max_response_ms;
    store_8(out, static_cast<std::uint8_t>(message.type));
    store_8(out + 1, 0);
    store_checksum(out + 2, 0);
    store_be16(out + 4, is_query ? static_cast<std::uint16_t>(code) : std::uint16_t{0});
    store_be16(out + 6, 0);
    store_ipv6(out + 8, message.group);
    if (!is_v2) return mld_v1_bytes;
    store_8(out + 24, static_cast<std::uint8_t>((message.suppress ? 8U : 0U) | (message.robustness & 7U)));
    store_8(out + 25, static_cast<std::uint8_t>(IntervalCode::code(message.query_interval_s)));
    store_be16(out + 26, static_cast<std::uint16_t>(message.sources.size()));
    std::copy(message.sources.bytes.begin(), message.sources.bytes.end(), out + mld_v2_query_bytes);
    return mld_v2_query_bytes + message.sources.bytes.size();
}

MldReportWriter::MldReportWriter(std::span<std::byte> out) noexcept : out_(out) {
    SKERRY_DEBUG_ASSERT(out.size() >= mld_v2_report_bytes, "no room for a report without records");
    store_be32(out.data(), std::uint32_t{static_cast<std::uint8_t>(Icmpv6Type::listener_report_v2)} << 24U);
    store_be32(out.data() + 4, 0);
}

bool MldReportWriter::add(MldRecordType type, const Ipv6Addr& group, std::span<const Ipv6Addr> sources) noexcept {
    if (out_.size() - bytes_ < mld_record_bytes || sources.size() > sources_fit()) return false;
    if (records_ == std::numeric_limits<std::uint16_t>::max()) return false;
    std::byte* at = out_.data() + bytes_;
    store_8(at, static_cast<std::uint8_t>(type));
    store_8(at + 1, 0);
    store_be16(at + 2, static_cast<std::uint16_t>(sources.size()));
    store_ipv6(at + 4, group);
    at += mld_record_bytes;
    for (const Ipv6Addr& source : sources) {
        store_ipv6(at, source);
        at += ipv6_addr_bytes;
    }
    bytes_ += mld_record_bytes + sources.size() * ipv6_addr_bytes;
    store_be16(out_.data() + 6, ++records_);
    return true;
}

std::size_t MldReportWriter::sources_fit() const noexcept {
    const std::size_t room = out_.size() - bytes_;
    if (room < mld_record_bytes) return 0;
    return std::min<std::size_t>((room - mld_record_bytes) / ipv6_addr_bytes, 0xffffU);
}

}  // namespace skerry::stack::wire
