#include "packets.hpp"

#include "live_quote.hpp"
#include "stop.hpp"
#include "tcp_options_of.hpp"

#include <algorithm>
#include <utility>

namespace skerry::pkt {
namespace {

using namespace syntax;

// --- what both directions share

std::uint16_t flags_of(const TcpFlags& flags) {
    std::uint16_t bits = 0;
    const auto set = [&bits](bool is_set, std::uint16_t bit) {
        if (is_set) bits |= bit;
    };
    set(flags.syn, tcp_bit::syn);
    set(flags.fin, tcp_bit::fin);
    set(flags.rst, tcp_bit::rst);
    set(flags.psh, tcp_bit::psh);
    set(flags.ack, tcp_bit::ack);
    set(flags.urg, tcp_bit::urg);
    const unsigned counter = flags.ace.value_or(0);
    set(flags.ece || (counter & 1U) != 0, tcp_bit::ece);
    set(flags.cwr || (counter & 2U) != 0, tcp_bit::cwr);
    set(flags.ae || (counter & 4U) != 0, tcp_bit::ae);
    return bits;
}

std::optional<std::uint8_t> ecn_bits(Ecn ecn) {
    switch (ecn) {
        case Ecn::not_ect: return std::uint8_t{0};
        case Ecn::ect1: return std::uint8_t{1};
        case Ecn::ect0: return std::uint8_t{2};
        case Ecn::ce: return std::uint8_t{3};
        case Ecn::ect_any: break;
    }
    return std::nullopt;
}

constexpr std::uint8_t unspecified_ttl = 255;

void apply(const IpFields& fields, LivePacket& live) {
    live.ttl = fields.ttl.value_or(unspecified_ttl);
    live.tos = fields.tos.value_or(0);
    if (fields.dscp) live.tos = static_cast<std::uint8_t>(*fields.dscp << 2U);
    if (fields.ecn) live.tos = static_cast<std::uint8_t>((live.tos & 0xfcU) | ecn_bits(*fields.ecn).value_or(2));
    live.flow_label = fields.flow_label.value_or(0);
    live.sum = fields.sum;
}

/// The addresses that the script writes around its packet, if it writes one header.
void apply(const std::vector<OuterHeader>& outer, LivePacket& live, Position at) {
    if (outer.empty()) return;
    const auto* const ip = std::get_if<IpHeader>(&outer.front());
    if (outer.size() > 1 || ip == nullptr) skip(at, "a packet within another one");
    live.source = ip->source;
    live.destination = ip->destination;
    apply(ip->fields, live);
}

std::vector<LiveExtension> extensions_of(const Packet& script, const net::IpAddr& of) {
    std::vector<LiveExtension> all;
    for (const ExtensionHeader& header : script.extensions) {
        if (!of.is_v6()) skip(header.at, "extension headers, which IPv4 does not have");
        all.push_back({header.type, header.octets, header.begin, header.end, false, header.id.value_or(0)});
    }
    return all;
}

const IpFields& fields_of(const Packet& script) {
    if (script.outer.size() == 1)
        if (const auto* const ip = std::get_if<IpHeader>(&script.outer.front())) return ip->fields;
    return script.fields;
}

// --- towards the machine

void build_tcp(const TcpSegment& segment, const Flow& flow, LivePacket& live) {
    if (segment.udp_encapsulation) skip(segment.at, "TCP within UDP");
    if (!segment.window) fail(segment.at, "a segment that is sent says no window");
    live.protocol = protocol::tcp;
    live.flags = flags_of(segment.flags);
    live.seq = segment.sequence.begin;
    const std::uint32_t ack = segment.acknowledgment.value_or(0);
    live.ack = segment.acknowledgment && !segment.sequence.is_absolute ? flow.to_live(ack) : ack;
    live.window = *segment.window;
    live.urgent = segment.urgent.value_or(0);
    if (segment.options) {
        if (segment.options->are_any) skip(segment.at, "'<...>' in a segment that is sent");
        live.options = live_options(*segment.options, flow, SentBy::script, segment.flags.ack);
    }
    live.payload.resize(segment.sequence.bytes);
}

void build_udp(const UdpDatagram& datagram, LivePacket& live) {
    if (datagram.is_lite) skip(datagram.at, "UDP-Lite");
    live.protocol = protocol::udp;
    live.payload.resize(datagram.payload_bytes);
}

/// Data that tell one octet from the next, as zeros do not.
std::vector<std::byte> counting(std::size_t bytes) {
    std::vector<std::byte> data(bytes);
    for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::byte>(i & 0xffU);
    return data;
}

void build_other(const OtherProtocol& other, LivePacket& live) {
    live.protocol = other.number;
    if (live.is_tcp() || live.is_udp() || live.is_icmp()) skip(other.at, "a protocol with a name by its number");
    live.payload = counting(other.payload_bytes);
}

/// The beginning of what the machine sent, as a router would hand it back.
std::vector<std::byte> quote_of(const IcmpMessage& message, const Flow& flow) {
    LivePacket quoted;
    quoted.source = flow.local.ip();
    quoted.destination = flow.remote.ip();
    quoted.source_port = flow.local.port();
    quoted.destination_port = flow.remote.port();
    quoted.ttl = 64;
    if (const auto* const tcp = std::get_if<QuotedTcp>(&message.quoted)) {
        if (tcp->udp_encapsulation) skip(tcp->at, "TCP within UDP");
        quoted.seq = tcp->sequence.is_absolute ? tcp->sequence.begin : flow.to_live(tcp->sequence.begin);
        quoted.flags = tcp_bit::ack;
        quoted.payload.resize(tcp->sequence.bytes);
    } else if (const auto* const udp = std::get_if<UdpDatagram>(&message.quoted)) {
        if (udp->is_lite) skip(udp->at, "UDP-Lite");
        quoted.protocol = protocol::udp;
        quoted.payload.resize(udp->payload_bytes);
    }
    return to_quote(quoted);
}

std::uint8_t number_of(std::optional<std::uint8_t> number, const IcmpMessage& message) {
    if (!number) fail(message.at, "ICMP of this family has no " + message.type + " " + message.code);
    return *number;
}

/// RFC 792: an octet; RFC 4443 section 3.4: the whole word.
std::uint32_t pointer_word(net::IpFamily family, std::uint32_t pointer) {
    return family == net::IpFamily::v4 ? pointer << 24U : pointer;
}

constexpr std::size_t icmp_header_bytes = 8;

void build_icmp(const IcmpMessage& message, const Flow& flow, LivePacket& live) {
    const net::IpFamily family = flow.remote.ip().family();
    live.protocol = family == net::IpFamily::v4 ? protocol::icmp : protocol::icmp_v6;
    live.icmp_type = number_of(icmp_type_number(family, message.type), message);
    live.icmp_code = number_of(icmp_code_number(family, message.type, message.code), message);
    live.icmp_rest = message.mtu.value_or(0);
    if (message.pointer) live.icmp_rest = pointer_word(family, *message.pointer);
    if (message.id || message.sequence)
        live.icmp_rest = std::uint32_t{message.id.value_or(0)} << 16U | message.sequence.value_or(0);
    if (const auto* const raw = std::get_if<RawLength>(&message.quoted))
        live.payload = counting(raw->bytes - icmp_header_bytes);
    else if (!std::holds_alternative<std::monostate>(message.quoted))
        live.payload = quote_of(message, flow);
}

void set_ports(const std::optional<Ports>& ports, LivePacket& live) {
    if (!ports) return;
    live.source_port = ports->source;
    live.destination_port = ports->destination;
}

// --- from the machine

/// `what: expected A, seen B`, unless they are the same.
std::optional<std::string> differs(std::string_view what, std::uint64_t expected, std::uint64_t seen) {
    if (expected == seen) return std::nullopt;
    return std::string(what) + ": expected " + std::to_string(expected) + ", seen " + std::to_string(seen);
}

std::optional<std::string> ip_mismatch(const IpFields& expected, const LivePacket& live, Position at) {
    if (expected.sum) skip(at, "a checksum that the machine should send");
    const std::uint8_t ecn = live.tos & 3U;
    if (expected.ecn == Ecn::ect_any) {
        if (ecn != 1 && ecn != 2) return "ECN: expected ect0 or ect1, seen " + std::to_string(ecn);
    } else if (expected.ecn) {
        if (auto why = differs("ECN", *ecn_bits(*expected.ecn), ecn)) return why;
    }
    if (expected.tos)
        if (auto why = differs("TOS", *expected.tos, live.tos)) return why;
    if (expected.dscp)
        if (auto why = differs("DSCP", *expected.dscp, live.tos >> 2U)) return why;
    if (expected.ttl)
        if (auto why = differs("TTL", *expected.ttl, live.ttl)) return why;
    if (expected.flow_label)
        if (auto why = differs("flow label", *expected.flow_label, live.flow_label)) return why;
    return std::nullopt;
}

std::optional<std::string> extensions_mismatch(const Packet& script, const LivePacket& live) {
    if (auto why = differs("extension headers", script.extensions.size(), live.extensions.size())) return why;
    for (std::size_t i = 0; i < live.extensions.size(); ++i) {
        const ExtensionHeader& expected = script.extensions[i];
        const LiveExtension& seen = live.extensions[i];
        if (auto why = differs("extension header", expected.type, seen.type)) return why;
        if (expected.octets != seen.octets) return "other octets in an extension header";
        if (auto why = differs("the fragment's begin", expected.begin, seen.begin)) return why;
        if (auto why = differs("the fragment's end", expected.end, seen.end)) return why;
        if (expected.id)
            if (auto why = differs("the fragments' id", *expected.id, seen.id)) return why;
    }
    return std::nullopt;
}

/// A fragment is a part of what the whole would be, as the script's side would write it.
std::optional<std::string> fragment_mismatch(const Packet& script, const LivePacket& live, const Flow& flow) {
    Flow reversed = flow;
    std::swap(reversed.local, reversed.remote);
    const LivePacket whole = build_packet(script, reversed);
    if (auto why = differs("protocol", whole.protocol, live.protocol)) return why;
    const std::vector<std::byte> bytes = transport_bytes(whole);
    const LiveExtension& part = live.extensions.back();
    if (part.end > bytes.size()) return "a fragment beyond the end";
    if (part.has_more != (part.end < bytes.size())) return "the mark that more fragments follow is wrong";
    if (!std::equal(live.payload.begin(), live.payload.end(), bytes.begin() + part.begin)) return "other octets";
    return std::nullopt;
}

std::optional<std::string> numbers_mismatch(const TcpSegment& expected, const LivePacket& live, const Flow& flow) {
    const bool is_absolute = expected.sequence.is_absolute;
    const std::uint32_t seq = is_absolute ? live.seq : flow.to_script(live.seq);
    if (auto why = differs("seq", expected.sequence.begin, seq)) return why;
    if (auto why = differs("length", expected.sequence.bytes, live.payload.size())) return why;
    if (auto why = differs("ack", expected.acknowledgment.value_or(0), live.ack)) return why;
    if (expected.window)
        if (auto why = differs("win", *expected.window, live.window)) return why;
    return differs("urg", expected.urgent.value_or(0), live.urgent);
}

/// The first SYN says where the machine's numbers begin, and so does the first one of another connection.
void learn(const TcpSegment& expected, const LivePacket& live, Flow& flow) {
    const bool is_syn = live.has(tcp_bit::syn) && expected.flags.syn && !expected.sequence.is_absolute;
    const bool is_first = !flow.seq_offset || (flow.begins_again && live.has(tcp_bit::ack));
    if (is_syn && is_first) {
        flow.seq_offset = live.seq - expected.sequence.begin;
        flow.begins_again = false;
    }
    if (!expected.options) return;
    const auto in_script = stamp_of(*expected.options);
    const auto in_live = stamp_of(live.options);
    if (in_script && in_live) flow.note_stamp(*in_script, *in_live);
}

std::optional<std::string> tcp_mismatch(const TcpSegment& expected, const LivePacket& live, Flow& flow,
                                        const Matching& matching) {
    if (!live.is_tcp()) return "expected a TCP segment";
    if (expected.udp_encapsulation) skip(expected.at, "TCP within UDP");
    learn(expected, live, flow);
    if (flags_of(expected.flags) != live.flags) return "other flags";
    if (auto why = numbers_mismatch(expected, live, flow)) return why;
    // Without angle brackets the segment has no options, as where the language comes from.
    const TcpOptions none;
    return options_mismatch(expected.options ? *expected.options : none, live.options, flow, matching.stamp_tick_us,
                            matching.tolerance_us);
}

std::optional<std::string> udp_mismatch(const UdpDatagram& expected, const LivePacket& live) {
    if (expected.is_lite) skip(expected.at, "UDP-Lite");
    if (!live.is_udp()) return "expected a UDP datagram";
    return differs("length", expected.payload_bytes, live.payload.size());
}

/// What an error of the machine quotes must be of the kind that the script says, and from who is told of it.
std::optional<std::string> quote_mismatch(const IcmpMessage& expected, const LivePacket& live) {
    const auto* const tcp = std::get_if<QuotedTcp>(&expected.quoted);
    const auto* const udp = std::get_if<UdpDatagram>(&expected.quoted);
    if (tcp == nullptr && udp == nullptr) return std::nullopt;
    const auto quote = read_quote(live.payload);
    if (!quote) return "the quotation: " + quote.error();
    if (quote->source != live.destination) return "a packet is quoted that somebody else sent";
    if (auto why = differs("quoted protocol", tcp != nullptr ? protocol::tcp : protocol::udp, quote->protocol))
        return why;
    if (live.source.is_v6())
        if (auto why = differs("quoted octets", quotable_v6(quote->packet_bytes), live.payload.size())) return why;
    if (tcp != nullptr) return differs("quoted seq", tcp->sequence.begin, quote->seq);
    return differs("quoted length", udp->payload_bytes, quote->udp_payload);
}

std::optional<std::string> icmp_mismatch(const IcmpMessage& expected, const LivePacket& live) {
    if (!live.is_icmp()) return "expected an ICMP message";
    const net::IpFamily family = live.source.family();
    if (auto why = differs("type", number_of(icmp_type_number(family, expected.type), expected), live.icmp_type))
        return why;
    if (auto why = differs("code", number_of(icmp_code_number(family, expected.type, expected.code), expected),
                           live.icmp_code))
        return why;
    if (expected.mtu)
        if (auto why = differs("mtu", *expected.mtu, live.icmp_rest)) return why;
    if (expected.pointer)
        if (auto why = differs("ptr", pointer_word(family, *expected.pointer), live.icmp_rest)) return why;
    if (expected.id)
        if (auto why = differs("id", *expected.id, live.icmp_rest >> 16U)) return why;
    if (expected.sequence)
        if (auto why = differs("seq", *expected.sequence, live.icmp_rest & 0xffffU)) return why;
    if (const auto* const raw = std::get_if<RawLength>(&expected.quoted)) {
        if (auto why = differs("length", raw->bytes, live.payload.size() + icmp_header_bytes)) return why;
        if (live.payload != counting(live.payload.size())) return "other data than were sent";
    }
    return quote_mismatch(expected, live);
}

/// What a script writes is zeros, and so is what it makes the machine write.
bool is_zeros(const std::vector<std::byte>& payload) {
    for (const std::byte byte : payload)
        if (byte != std::byte{0}) return false;
    return true;
}

std::optional<std::string> ports_mismatch(const std::optional<Ports>& expected, const LivePacket& live) {
    if (!expected) return std::nullopt;
    if (auto why = differs("source port", expected->source, live.source_port)) return why;
    return differs("destination port", expected->destination, live.destination_port);
}

}  // namespace

LivePacket build_packet(const Packet& script, const Flow& flow) {
    LivePacket live;
    live.source = flow.remote.ip();
    live.destination = flow.local.ip();
    live.source_port = flow.remote.port();
    live.destination_port = flow.local.port();
    apply(script.fields, live);
    apply(script.outer, live, script.at);
    live.extensions = extensions_of(script, live.source);
    if (const auto* const tcp = std::get_if<TcpSegment>(&script.payload)) {
        set_ports(tcp->ports, live);
        build_tcp(*tcp, flow, live);
    } else if (const auto* const udp = std::get_if<UdpDatagram>(&script.payload)) {
        set_ports(udp->ports, live);
        build_udp(*udp, live);
    } else if (const auto* const other = std::get_if<OtherProtocol>(&script.payload)) {
        build_other(*other, live);
    } else {
        build_icmp(std::get<IcmpMessage>(script.payload), flow, live);
    }
    return live;
}

std::optional<std::string> mismatch(const Packet& script, const LivePacket& live, Flow& flow,
                                    const Matching& matching) {
    LivePacket written;
    apply(script.outer, written, script.at);
    if (!script.outer.empty() && (written.source != live.source || written.destination != live.destination))
        return "other addresses";
    if (auto why = ip_mismatch(fields_of(script), live, script.at)) return why;
    if (auto why = extensions_mismatch(script, live)) return why;
    if (live.is_fragment) return fragment_mismatch(script, live, flow);
    std::optional<std::string> why;
    if (const auto* const tcp = std::get_if<TcpSegment>(&script.payload)) {
        why = tcp_mismatch(*tcp, live, flow, matching);
        if (!why) why = ports_mismatch(tcp->ports, live);
    } else if (const auto* const udp = std::get_if<UdpDatagram>(&script.payload)) {
        why = udp_mismatch(*udp, live);
        if (!why) why = ports_mismatch(udp->ports, live);
    } else if (const auto* const other = std::get_if<OtherProtocol>(&script.payload)) {
        skip(other->at, "a protocol by its number that the machine should send");
    } else {
        return icmp_mismatch(std::get<IcmpMessage>(script.payload), live);
    }
    if (!why && !is_zeros(live.payload)) return "the payload is not what was written";
    return why;
}

std::string describe_in_script(LivePacket live, const Flow& flow) {
    if (!live.is_tcp()) return describe(live);
    live.seq = flow.to_script(live.seq);
    if (const auto stamp = stamp_of(live.options); stamp && flow.first_stamp) {
        for (LiveOption& option : live.options) {
            if (option.kind != tcp_kind::timestamps) continue;
            const std::uint32_t in_script = *stamp - flow.first_stamp->live + flow.first_stamp->script;
            for (unsigned i = 0; i < 4; ++i) option.data[i] = static_cast<std::uint8_t>(in_script >> (8 * (3 - i)));
        }
    }
    return describe(live);
}

std::size_t payload_bytes(const Packet& script) {
    if (const auto* const tcp = std::get_if<TcpSegment>(&script.payload)) return tcp->sequence.bytes;
    if (const auto* const udp = std::get_if<UdpDatagram>(&script.payload)) return udp->payload_bytes;
    return 0;
}

}  // namespace skerry::pkt
