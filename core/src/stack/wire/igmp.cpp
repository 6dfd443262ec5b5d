#include <skerry/stack/wire/igmp.hpp>
#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/base/assert.hpp>

namespace skerry::stack::wire {

namespace {

constexpr std::uint16_t v1_response_tenths = 100;  // RFC 2236 section 4

// RFC 3376 sections 4.1.1 and 4.1.7: from 128 on the code is a floating-point number.
[[nodiscard]] std::uint16_t floating(std::uint8_t code) noexcept {
    if (code < 128) return code;
    return static_cast<std::uint16_t>(((code & 0xfU) | 0x10U) << ((code >> 4U & 0x7U) + 3U));
}

[[nodiscard]] Drop parse_query(std::span<const std::byte> in, IgmpMessage& out) noexcept {
    const std::uint8_t code = load_8(in.data() + 1);
    if (in.size() >= igmp_v3_query_bytes) {
        const std::size_t sources = load_be16(in.data() + 10);
        if (igmp_v3_query_bytes + 4 * sources > in.size()) return Drop::igmp_length;
        out.query_version = 3;
        out.max_response_tenths = floating(code);
        out.robustness = load_8(in.data() + 8) & 7U;
        out.query_interval_s = floating(load_8(in.data() + 9));
        out.sources = {in.subspan(igmp_v3_query_bytes, 4 * sources)};
    } else if (in.size() != igmp_bytes) {
        return Drop::igmp_length;  // RFC 3376 section 7.1: must be ignored
    } else {
        out.query_version = code == 0 ? 1 : 2;
        out.max_response_tenths = code == 0 ? v1_response_tenths : code;
    }
    return out.group.is_unspecified() || out.group.is_multicast() ? Drop::none : Drop::igmp_group;
}

}  // namespace

Drop parse(std::span<const std::byte> in, IgmpMessage& out, FrameChecksum known) noexcept {
    if (in.size() < igmp_bytes) return Drop::igmp_short;
    if (known == FrameChecksum::bad || (known != FrameChecksum::good && fold(sum(in)) != 0)) return Drop::igmp_checksum;
    out = IgmpMessage{};
    out.type = static_cast<IgmpType>(load_8(in.data()));
    out.group = load_ipv4(in.data() + 4);
    switch (out.type) {
        case IgmpType::query: return parse_query(in, out);
        case IgmpType::report_v1:
        case IgmpType::report_v2:
        case IgmpType::leave: return out.group.is_multicast() ? Drop::none : Drop::igmp_group;
        case IgmpType::report_v3: break;  // each host of version 3 speaks for itself
    }
    return Drop::igmp_type;
}

void write(const IgmpMessage& message, std::byte* out) noexcept {
    SKERRY_DEBUG_ASSERT(message.query_version < 3, "a version 3 query is never written");
    SKERRY_DEBUG_ASSERT(message.max_response_tenths <= 255, "the field has 8 bits");
    const bool timed = message.type == IgmpType::query && message.query_version != 1;
    store_8(out, static_cast<std::uint8_t>(message.type));
    store_8(out + 1, timed ? static_cast<std::uint8_t>(message.max_response_tenths) : std::uint8_t{0});
    store_checksum(out + 2, 0);
    store_ipv4(out + 4, message.group);
    store_checksum(out + 2, fold(sum({out, igmp_bytes})));
}

IgmpReportWriter::IgmpReportWriter(std::span<std::byte> out) noexcept : out_(out) {
    SKERRY_DEBUG_ASSERT(out.size() >= igmp_v3_report_bytes, "no room for a report without records");
    store_be32(out.data(), std::uint32_t{static_cast<std::uint8_t>(IgmpType::report_v3)} << 24U);
    store_be32(out.data() + 4, 0);
}

bool IgmpReportWriter::add(std::uint8_t type, Ipv4Addr group, std::span<const Ipv4Addr> sources) noexcept {
    const std::size_t bytes = igmp_record_bytes + 4 * sources.size();
    if (out_.size() - bytes_ < bytes || sources.size() > 0xffffU || records_ == 0xffffU) return false;
    std::byte* at = out_.data() + bytes_;
    store_8(at, type);
    store_8(at + 1, 0);
    store_be16(at + 2, static_cast<std::uint16_t>(sources.size()));
    store_ipv4(at + 4, group);
    at += igmp_record_bytes;
    for (const Ipv4Addr source : sources) {
        store_ipv4(at, source);
        at += 4;
    }
    bytes_ += bytes;
    store_be16(out_.data() + 6, ++records_);
    return true;
}

std::size_t IgmpReportWriter::seal() noexcept {
    store_checksum(out_.data() + 2, 0);
    store_checksum(out_.data() + 2, fold(sum(out_.first(bytes_))));
    return bytes_;
}

}  // namespace skerry::stack::wire
