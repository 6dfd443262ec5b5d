#include <skerry/stack/wire/ipv6_extensions.hpp>
#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <skerry/base/assert.hpp>

#include <algorithm>

namespace skerry::stack::wire {

namespace {

constexpr std::uint8_t pad_1 = 0;
constexpr std::uint8_t pad_n = 1;
constexpr std::uint8_t router_alert = 5;
constexpr std::size_t router_alert_value_bytes = 2;
constexpr std::uint8_t routing_type_0 = 0;
// RFC 7112 section 3 counts no more of ICMPv6 to its header.
constexpr std::size_t icmpv6_first_bytes = 4;

class Walk {
public:
    Walk(std::span<const std::byte> in, const Ipv6Header& ip, Ipv6Chain& out) noexcept
        : in_(in.first(std::min<std::size_t>(in.size(), ip.total_bytes()))), ip_(ip), out_(out) {}

    [[nodiscard]] Drop run() noexcept {
        for (std::size_t count = 0;; ++count) {
            const std::uint8_t kind = out_.protocol;
            if (out_.is_later_fragment() || !is_ipv6_extension(kind)) break;
            if (kind == ip_protocol::hop_by_hop && out_.next_at != ipv6_next_header_at)
                return tell(Drop::ipv6_extension_order, icmpv6_code::next_header, out_.next_at);
            if (count == ipv6_extensions_max) return Drop::ipv6_extension_count;
            const std::size_t bytes = ipv6_extension_bytes(in_, out_.payload_at, kind);
            if (bytes == 0) return cut();
            if (out_.payload_at + bytes - ipv6_bytes > ipv6_extension_bytes_max) return Drop::ipv6_extension_bytes;
            if (const Drop drop = header(kind, bytes); drop != Drop::none) return drop;
            out_.next_at = out_.payload_at;
            out_.protocol = load_8(in_.data() + out_.payload_at);
            out_.payload_at = static_cast<std::uint16_t>(out_.payload_at + bytes);
        }
        if (ip_.source.is_unspecified() && out_.protocol != ip_protocol::icmpv6) return Drop::ipv6_source;
        return is_first_fragment() && !has_upper_header() ? cut() : Drop::none;
    }

private:
    [[nodiscard]] Drop tell(Drop drop, std::uint8_t code, std::size_t pointer, bool of_groups = false) noexcept {
        out_.problem = {true, of_groups, code, static_cast<std::uint16_t>(pointer)};
        return drop;
    }

    [[nodiscard]] bool is_first_fragment() const noexcept { return out_.is_fragment() && !out_.is_later_fragment(); }

    // Headers end too early. When the fragment does too, RFC 8200 section 4.5 wants its sender told; when only our
    // piece of the packet does, nobody did wrong.
    [[nodiscard]] Drop cut() noexcept {
        if (!is_first_fragment() || in_.size() < ip_.total_bytes()) return Drop::ipv6_extension_short;
        return tell(Drop::ipv6_fragment_chain, icmpv6_code::first_fragment_chain, 0);
    }

    [[nodiscard]] Drop header(std::uint8_t kind, std::size_t bytes) noexcept {
        if (kind == ip_protocol::fragment) return fragment();
        if (kind == ip_protocol::routing) return routing();
        return options(kind, out_.payload_at + bytes);
    }

    [[nodiscard]] Drop routing() noexcept {
        const std::byte* at = in_.data() + out_.payload_at;
        if (load_8(at + 3) == 0) return Drop::none;  // no segments left: RFC 8200 section 4.4, RFC 5095 section 3
        const Drop drop = load_8(at + 2) == routing_type_0 ? Drop::ipv6_source_route : Drop::ipv6_routing;
        return tell(drop, icmpv6_code::header_field, out_.payload_at + std::size_t{2});
    }

    // RFC 8200 section 4.5. A packet in fragments of fragments is refused: reassembly would have to come back here.
    [[nodiscard]] Drop fragment() noexcept {
        if (out_.has_fragment) return Drop::ipv6_fragment_again;
        const std::byte* at = in_.data() + out_.payload_at;
        Ipv6Fragment& fragment = out_.fragment;
        const std::uint16_t field = load_be16(at + 2);
        out_.has_fragment = true;
        fragment.at = out_.payload_at;
        fragment.next_at = out_.next_at;
        fragment.next_header = load_8(at);
        fragment.more = (field & 1U) != 0;
        fragment.offset_bytes = field & 0xfff8U;
        fragment.id = load_be32(at + 4);
        if (fragment.is_atomic()) return Drop::none;
        const std::uint32_t data_bytes = ip_.total_bytes() - fragment.data_at();
        if (fragment.more && data_bytes % 8U != 0)
            return tell(Drop::ipv6_fragment_length, icmpv6_code::header_field, ipv6_payload_length_at);
        // One without data only fills a table.
        if (data_bytes == 0) return Drop::ipv6_fragment_length;
        // The packet that it belongs to has headers before its fragment header too, which may be as long as here.
        const std::uint32_t unfragmentable = fragment.at - static_cast<std::uint32_t>(ipv6_bytes);
        if (unfragmentable + fragment.offset_bytes + data_bytes > ipv6_payload_bytes_max)
            return tell(Drop::ipv6_fragment_end, icmpv6_code::header_field, fragment.at + std::size_t{2});
        return Drop::none;
    }

    [[nodiscard]] Drop options(std::uint8_t kind, std::size_t end) noexcept {
        std::size_t padding = 0;
        std::size_t count = 0;
        for (std::size_t at = out_.payload_at + std::size_t{2}; at < end;) {
            const std::uint8_t type = load_8(in_.data() + at);
            if (type != pad_1 && end - at < 2) return Drop::ipv6_option_length;
            const std::size_t bytes = type == pad_1 ? 1 : load_8(in_.data() + at + 1) + std::size_t{2};
            if (bytes > end - at) return Drop::ipv6_option_length;
            if (type == pad_1 || type == pad_n) {
                padding += bytes;
                if (padding > ipv6_padding_bytes_max) return Drop::ipv6_option_padding;
            } else {
                padding = 0;
                if (++count > ipv6_options_max) return Drop::ipv6_option_count;
                if (const Drop drop = option(kind, type, at, bytes - 2); drop != Drop::none) return drop;
            }
            at += bytes;
        }
        return Drop::none;
    }

    // RFC 8200 section 4.2: the two high bits of an unknown option's type say what becomes of the packet.
    [[nodiscard]] Drop option(std::uint8_t kind, std::uint8_t type, std::size_t at, std::size_t value_bytes) noexcept {
        if (type == router_alert && kind == ip_protocol::hop_by_hop) {
            if (value_bytes != router_alert_value_bytes) return Drop::ipv6_option_length;
            out_.router_alert = true;
            out_.router_alert_value = load_be16(in_.data() + at + 2);
            return Drop::none;
        }
        switch (type >> 6U) {
            case 0: return Drop::none;
            case 1: return Drop::ipv6_option;
            case 2: return tell(Drop::ipv6_option, icmpv6_code::option, at, true);
            default: return tell(Drop::ipv6_option, icmpv6_code::option, at);
        }
    }

    // RFC 7112 section 3. Nothing is known of other protocols; that they begin here is enough.
    [[nodiscard]] bool has_upper_header() const noexcept {
        const std::size_t bytes = in_.size() - out_.payload_at;
        switch (out_.protocol) {
            case ip_protocol::tcp:
                return bytes >= tcp_bytes &&
                       bytes >= (load_8(in_.data() + out_.payload_at + 12) >> 4U) * std::size_t{4};
            case ip_protocol::udp: return bytes >= udp_bytes;
            case ip_protocol::icmpv6: return bytes >= icmpv6_first_bytes;
            default: return true;
        }
    }

    std::span<const std::byte> in_;
    const Ipv6Header& ip_;
    Ipv6Chain& out_;
};

}  // namespace

Drop detail::parse_ipv6_chain(std::span<const std::byte> in, const Ipv6Header& ip, Ipv6Chain& out) noexcept {
    return Walk{in, ip, out}.run();
}

void write(const Ipv6Fragment& fragment, std::byte* out) noexcept {
    SKERRY_DEBUG_ASSERT(fragment.offset_bytes % 8U == 0, "fragments begin at multiples of 8");
    store_8(out, fragment.next_header);
    store_8(out + 1, 0);
    store_be16(out + 2, static_cast<std::uint16_t>(fragment.offset_bytes | (fragment.more ? 1U : 0U)));
    store_be32(out + 4, fragment.id);
}

void write_router_alert(std::uint8_t next_header, std::byte* out) noexcept {
    store_be32(out, std::uint32_t{next_header} << 24U | std::uint32_t{router_alert} << 8U | router_alert_value_bytes);
    store_be32(out + 4, 0x0000'0000U | std::uint32_t{pad_n} << 8U);
}

}  // namespace skerry::stack::wire
