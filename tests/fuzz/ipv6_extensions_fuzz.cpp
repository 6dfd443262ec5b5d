// IPv6's extension headers: an input is a packet whose payload length is made right. What is accepted is walked a
// second time by lengths alone and has to end at the same place; what lies behind the packet changes nothing; a
// fragment header is written back as it was read; a sender is only told of what lies in its packet.

#include <skerry/stack/wire/icmpv6.hpp>
#include <skerry/stack/wire/ipv6_extensions.hpp>

#include "fuzz.hpp"

#include <algorithm>
#include <array>
#include <vector>

using namespace skerry;
using namespace skerry::stack::wire;

namespace {

void check_problem(const Ipv6Chain& chain, std::size_t bytes) {
    const Ipv6Problem& problem = chain.problem;
    if (!problem.told) return;
    fuzz::require(problem.code <= icmpv6_code::first_fragment_chain, "a code of RFC 8200");
    fuzz::require(problem.pointer < bytes, "the pointer lies in the packet");
    fuzz::require(!problem.of_groups || problem.code == icmpv6_code::option, "of groups only options are told");
}

// By the lengths of RFC 8200 section 4 alone.
void walk_again(std::span<const std::byte> in, const Ipv6Chain& chain) {
    std::size_t at = ipv6_bytes;
    std::size_t named_at = 6;
    while (at != chain.payload_at) {
        fuzz::require(at < chain.payload_at, "a header does not end where the walk did");
        const auto kind = std::to_integer<int>(in[named_at]);
        fuzz::require(kind == 0 || kind == 43 || kind == 44 || kind == 60, "walked over a header of another kind");
        named_at = at;
        at += kind == 44 ? 8 : 8 * (std::to_integer<std::size_t>(in[at + 1]) + 1);
    }
    fuzz::require(named_at == chain.next_at, "named where it says");
    fuzz::require(chain.protocol == std::to_integer<std::uint8_t>(in[named_at]), "named as it says");
}

void check_fragment(std::span<const std::byte> in, const Ipv6Header& ip, const Ipv6Chain& chain) {
    if (!chain.has_fragment) return;
    const Ipv6Fragment& fragment = chain.fragment;
    std::array<std::byte, ipv6_fragment_bytes> out{};
    write(fragment, out.data());
    auto original = std::array<std::byte, ipv6_fragment_bytes>{};
    std::copy_n(in.begin() + fragment.at, original.size(), original.begin());
    original[1] = std::byte{0};                // reserved; ignored, and sent as 0
    original[3] &= std::byte{0xf9};
    fuzz::require(out == original, "written as read");
    fuzz::require(std::to_integer<int>(in[fragment.next_at]) == 44, "the fragment header is named there");
    const std::size_t data_bytes = ip.total_bytes() - fragment.data_at();
    fuzz::require(!fragment.more || data_bytes % 8 == 0, "cut at a multiple of 8");
    fuzz::require(fragment.is_atomic() ||
                      (data_bytes != 0 &&
                       fragment.at - ipv6_bytes + fragment.offset_bytes + data_bytes <= ipv6_payload_bytes_max),
                  "no fragment ends past 65'535");
    fuzz::require(!chain.is_later_fragment() || chain.payload_at == fragment.data_at(), "of a later one only data");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::bytes_of(data, size);
    if (in.size() < ipv6_bytes) return 0;
    std::vector<std::byte> packet(in.begin(), in.end());
    store_be16(packet.data() + 4, static_cast<std::uint16_t>(in.size() - ipv6_bytes));
    Ipv6Header ip;
    if (parse(packet, ip) != stack::Drop::none) return 0;
    Ipv6Chain chain;
    const auto drop = parse(packet, chain, ip);
    check_problem(chain, packet.size());

    std::vector<std::byte> padded = packet;
    padded.resize(packet.size() + 64, std::byte{0x3c});
    Ipv6Chain again;
    fuzz::require(parse(padded, again, ip) == drop && again.problem.told == chain.problem.told &&
                      again.payload_at == chain.payload_at,
                  "padding changes nothing");
    if (drop != stack::Drop::none) return 0;
    fuzz::require(!chain.problem.told, "nobody is told of a good packet");
    fuzz::require(chain.payload_at <= ip.total_bytes(), "the payload is there");
    fuzz::require(chain.payload_at <= ipv6_bytes + ipv6_extension_bytes_max, "within the limit of bytes");
    walk_again(packet, chain);
    check_fragment(packet, ip, chain);
    return 0;
}
