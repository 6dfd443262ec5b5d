// Segments that are longer than the way takes.

#include <skerry/stack/ip_output.hpp>

#include <skerry/stack/wire/ipv6_extensions.hpp>

#include <algorithm>
#include <cstring>

namespace skerry::stack {

using wire::Ipv4Addr;

void IpOutput::send_in_pieces(Frame& whole, Ipv4Addr source, Ipv4Addr destination, std::uint8_t protocol, IpMarks marks,
                              time::Instant now) noexcept {
    const bool is_v6 = is_host_number(destination);
    const std::size_t headers = is_v6 ? wire::ipv6_bytes + wire::ipv6_fragment_bytes : wire::ipv4_bytes;
    const std::size_t each = (path_mtu(destination) - headers) / 8 * 8;
    const std::uint32_t id = piece_ids_.next(hosts_.lasting(destination));
    for (std::size_t at = 0; at < whole.length; at += each) {
        Frame* const piece = link_.allocate();
        if (piece == nullptr) break;  // without it the others are of no use
        const std::size_t bytes = std::min(each, whole.length - at);
        const bool more = at + bytes < whole.length;
        std::memcpy(piece->data, whole.data + at, bytes);
        piece->length = static_cast<std::uint16_t>(bytes);
        if (is_v6) {
            wire::Ipv6Fragment fragment;
            fragment.next_header = protocol;
            fragment.more = more;
            fragment.offset_bytes = static_cast<std::uint16_t>(at);
            fragment.id = id;
            wire::write(fragment, piece->prepend(wire::ipv6_fragment_bytes));
            v6_.send(*piece, source, destination, wire::ip_protocol::fragment, marks, now);
            continue;
        }
        wire::Ipv4Header header = header_for(source, destination, protocol, marks);
        header.total_bytes = static_cast<std::uint16_t>(bytes + wire::ipv4_bytes);
        header.id = static_cast<std::uint16_t>(id);
        header.more_fragments = more;
        header.fragment_offset_bytes = static_cast<std::uint16_t>(at);
        wire::write(header, piece->prepend(wire::ipv4_bytes));
        leave(*piece, source, destination, now);
    }
    whole.drop();
}

}  // namespace skerry::stack
