#include <skerry/stack/icmp.hpp>

#include <skerry/stack/wire/checksum.hpp>

#include <algorithm>
#include <cstring>

namespace skerry::stack {

std::optional<IcmpError> Icmp::input(Packet& packet) noexcept {
    wire::IcmpHeader header;
    if (const Drop why = wire::parse(packet.payload(), header); why != Drop::none) {
        link_.drop(packet.frame, why);
        return {};
    }
    if (header.type == wire::IcmpType::echo) {
        answer_echo(packet);
        return {};
    }
    if (header.type == wire::IcmpType::redirect) {
        link_.drop(packet.frame, take_redirect(packet, header));
        return {};
    }
    std::optional<IcmpError> error;
    if (!header.is_echo()) error = error_in(header);
    if (!error) link_.drop(packet.frame, Drop::icmp_stale);  // nobody here has asked
    return error;
}

// --- echo

// In the frame that came. Only the type changes, so the checksum is carried on.
void Icmp::answer_echo(Packet& packet) noexcept {
    Frame& frame = packet.frame;
    const bool to_us = config_.is_own(packet.ip.destination);
    if (!to_us || frame.is_shared()) return link_.drop(frame, Drop::icmp_not_answered);
    if (const Drop why = output_.check(packet.ip.source, 0); why != Drop::none) return link_.drop(frame, why);
    std::byte* const checksum = frame.data + 2;
    const std::uint16_t before = wire::load_be16(frame.data);
    frame.data[0] = std::byte{static_cast<std::uint8_t>(wire::IcmpType::echo_reply)};
    wire::store_be16(checksum, wire::update16(wire::load_be16(checksum), before, wire::load_be16(frame.data)));
    if (output_.check(packet.ip.source, frame.length) != Drop::none)
        return output_.send_in_pieces(frame, packet.ip.destination, packet.ip.source, wire::ip_protocol::icmp, {},
                                      packet.now);
    output_.send(frame, packet.ip.destination, packet.ip.source, wire::ip_protocol::icmp, packet.now);
}

// --- errors that others send us

std::optional<IcmpError> Icmp::error_in(const wire::IcmpHeader& header) noexcept {
    const wire::IcmpQuote& quote = header.quote;
    const auto meaning = meaning_of(header.type, header.code);
    if (meaning && config_.is_own(quote.source))
        return IcmpError{*meaning,
                         quote.protocol,
                         quote.destination,
                         quote.source_port,
                         quote.destination_port,
                         quote.seq,
                         quote.source,
                         {header.next_hop_mtu, quote.total_bytes}};
    return {};
}

// --- redirects

// About a network as about a host, as RFC 1122 section 3.2.2.2 has it.
Drop Icmp::take_redirect(const Packet& packet, const wire::IcmpHeader& header) noexcept {
    if (!config_.accept_redirects) return Drop::icmp_type;
    if (!config_.is_own(header.quote.source)) return Drop::redirect_refused;
    return output_.redirect(header.quote.destination, packet.ip.source, header.gateway, packet.now);
}

// --- errors that we send

void Icmp::send_port_unreachable(const Packet& packet) noexcept {
    if (packet.v6 != nullptr) return v6_.send_port_unreachable(packet);
    send_unreachable(packet, wire::icmp_code::port_unreachable);
}

void Icmp::send_protocol_unreachable(const Packet& packet) noexcept {
    send_unreachable(packet, wire::icmp_code::protocol_unreachable);
}

void Icmp::send_unreachable(const Packet& packet, std::uint8_t code) noexcept {
    send_error(wire::IcmpType::unreachable, code, packet.whole(), packet.ip, packet.now);
}

namespace {

// Never about an error: RFC 1122 section 3.2.2.
bool is_about_an_error(std::span<const std::byte> piece, const wire::Ipv4Header& ip) noexcept {
    if (ip.protocol != wire::ip_protocol::icmp || piece.size() <= ip.header_bytes) return false;
    wire::IcmpHeader header;
    header.type = static_cast<wire::IcmpType>(wire::load_8(piece.data() + ip.header_bytes));
    return !header.is_echo();
}

}  // namespace

void Icmp::send_reassembly_timeout(std::span<const std::byte> first_piece, time::Instant now) noexcept {
    if (wire::load_8(first_piece.data()) >> 4U == 6) return v6_.send_reassembly_timeout(first_piece, now);
    wire::Ipv4Header ip;
    if (wire::parse(first_piece, ip, wire::FrameChecksum::good) == Drop::none && !is_about_an_error(first_piece, ip))
        send_error(wire::IcmpType::time_exceeded, wire::icmp_code::reassembly_timeout, first_piece, ip, now);
}

// RFC 1122 section 3.2.2: never about what was sent to many.
void Icmp::send_error(wire::IcmpType type, std::uint8_t code, std::span<const std::byte> about,
                      const wire::Ipv4Header& ip, time::Instant now) noexcept {
    if (!config_.is_own(ip.destination)) return;
    const std::span<const std::byte> quote = about.first(std::min(about.size(), wire::icmp_quote_bytes_max));
    if (output_.check(ip.source, quote.size() + wire::icmp_bytes) != Drop::none) return;
    if (!errors_.take(now, random_)) return drops_.count(Drop::icmp_rate);
    Frame* const frame = link_.allocate();
    if (frame == nullptr) return;
    std::memcpy(frame->data, quote.data(), quote.size());
    frame->length = static_cast<std::uint16_t>(quote.size());
    wire::IcmpHeader header;
    header.type = type;
    header.code = code;
    wire::write(header, frame->prepend(wire::icmp_bytes));
    wire::seal_icmp(frame->bytes());
    output_.send(*frame, ip.destination, ip.source, wire::ip_protocol::icmp, now);
}

}  // namespace skerry::stack
