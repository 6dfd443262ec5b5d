// DHCP's messages: what is accepted has a type that a server sends, a mask without holes, and no more of anything than
// is kept; it reads the same twice. The first byte chooses whether the fixed fields are as given or a server's, so that
// the options are reached.

#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/dhcp.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <array>
#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;

namespace {

/// A server's fixed fields, with `sname` and `file` from the front of the input, and its options behind them.
std::vector<std::byte> framed(std::span<const std::byte> in) {
    std::vector<std::byte> message(dhcp_fixed_bytes);
    store_8(&message[0], 2);
    store_8(&message[1], 1);
    store_8(&message[2], 6);
    store_be32(&message[236], 0x6382'5363U);
    const std::size_t in_fields = std::min<std::size_t>(in.size() / 2, 192);
    std::copy_n(in.begin(), in_fields, message.begin() + 44);
    message.insert(message.end(), in.begin() + static_cast<std::ptrdiff_t>(in_fields), in.end());
    return message;
}

void check(const DhcpReply& reply) {
    fuzz::require(reply.type == DhcpType::offer || reply.type == DhcpType::ack || reply.type == DhcpType::nak,
                  "a server sends it");
    fuzz::require(!reply.prefix_bits || *reply.prefix_bits <= 32, "a mask has 32 bits");
    fuzz::require(reply.mtu == 0 || reply.mtu >= 68, "an MTU that can be");
    fuzz::require(reply.routes.size() <= stack::Ipv4Routes::routes_max, "so many routes");
    fuzz::require(reply.routes_left_out == 0 || reply.routes.size() == stack::Ipv4Routes::routes_max, "none before");
    fuzz::require(reply.has_routes || reply.routes.empty(), "routes of an option");
    for (std::size_t i = 0; i < reply.routes.size(); ++i) {
        const stack::Ipv4Route& route = reply.routes[i];
        fuzz::require(route.prefix_bits <= 32 && route.covers(route.network), "a route to a network");
        fuzz::require((route.network.bits & ~stack::mask_of(route.prefix_bits)) == 0, "no bits behind its prefix");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto in = fuzz::bytes_of(data + 1, size - 1);
    const std::vector<std::byte> message = data[0] % 2 == 0 ? framed(in) : std::vector(in.begin(), in.end());
    DhcpReply reply;
    const stack::Drop why = parse(message, reply);
    DhcpReply again;
    fuzz::require(parse(message, again) == why, "the same answer twice");
    if (why != stack::Drop::none) return 0;
    check(reply);
    fuzz::require(again.routes == reply.routes && again.yours == reply.yours && again.lease_s == reply.lease_s,
                  "the same message twice");
    return 0;
}
