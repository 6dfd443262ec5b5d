#include <skerry/stack/ndp_frame.hpp>

namespace skerry::stack {

Frame* make_ndp_packet(Link& link, const wire::NdpMessage& message, const wire::Ipv6Addr& source,
                       const wire::Ipv6Addr& destination) noexcept {
    Frame* const frame = link.allocate();
    if (frame == nullptr) return nullptr;
    frame->length = static_cast<std::uint16_t>(wire::write(message, frame->data));
    wire::seal_icmpv6(frame->bytes(), source, destination);
    wire::Ipv6Header header;
    header.payload_bytes = frame->length;
    header.next_header = wire::ip_protocol::icmpv6;
    header.hop_limit = wire::ndp_hop_limit;
    header.source = source;
    header.destination = destination;
    wire::write(header, frame->prepend(wire::ipv6_bytes));
    return frame;
}

}  // namespace skerry::stack
