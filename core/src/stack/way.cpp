#include <skerry/stack/way.hpp>

namespace skerry::stack {

namespace {

std::uint32_t folded(std::uint64_t sum) noexcept { return static_cast<std::uint16_t>(~wire::fold(sum)); }

}  // namespace

void Way::prepare(const wire::EthernetImage& ethernet) noexcept {
    wire::Ipv4Header header;
    header.total_bytes = wire::ipv4_bytes;
    header.dont_fragment = true;
    header.source = source;
    header.destination = {static_cast<std::uint32_t>(destination)};
    std::byte* const ip = image.data() + wire::ethernet_bytes;
    std::memcpy(image.data(), ethernet.bytes.data(), wire::ethernet_bytes);
    wire::write(header, ip);
    wire::store_be16(ip + 2, 0);
    wire::store_checksum(ip + 10, 0);
    header_sum = folded(wire::sum_of_20(ip));
    address_sum = folded(wire::pseudo_header(header.source, header.destination, 0, 0));
}

}  // namespace skerry::stack
