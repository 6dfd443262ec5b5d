#include <skerry/stack/interface_id.hpp>

#include "support/catch.hpp"

#include <set>

namespace skerry::stack {
namespace {

using wire::Ipv6Addr;
using wire::MacAddr;

constexpr SipKey secret = SipKey::of(7, 1);
constexpr MacAddr card{{2, 0, 0, 0, 0, 2}};
constexpr Ipv6Addr prefix = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);

TEST_CASE("RFC 7217 section 5: an address is the same as long as all that it is made of is", "[stack][interface_id]") {
    const Ipv6Addr one = stable_address(secret, prefix, card, 0);
    CHECK(one.high == prefix.high);
    CHECK(stable_address(secret, prefix, card, 0) == one);
    std::set<std::uint64_t> all{one.low};
    all.insert(stable_address(SipKey::of(8, 1), prefix, card, 0).low);
    all.insert(stable_address(secret, Ipv6Addr::of(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0), card, 0).low);
    all.insert(stable_address(secret, prefix, MacAddr{{2, 0, 0, 0, 0, 3}}, 0).low);
    all.insert(stable_address(secret, prefix, card, 1).low);
    CHECK(all.size() == 5);
    CHECK(all.count(Ipv6Addr::link_local(card).low) == 0);  // the card is not to be seen in it
}

TEST_CASE("RFC 5453: reserved identifiers are no host's", "[stack][interface_id]") {
    CHECK(is_reserved_interface_id(0));
    CHECK(is_reserved_interface_id(0x0200'5eff'fe00'0000U));
    CHECK(is_reserved_interface_id(0x0200'5eff'fe00'5213U));
    CHECK(is_reserved_interface_id(0xfdff'ffff'ffff'ff80U));
    CHECK(is_reserved_interface_id(0xfdff'ffff'ffff'ffffU));
    CHECK_FALSE(is_reserved_interface_id(1));
    CHECK_FALSE(is_reserved_interface_id(0xfdff'ffff'ffff'ff7fU));
    CHECK_FALSE(is_reserved_interface_id(0xfe00'0000'0000'0000U));
}

}  // namespace
}  // namespace skerry::stack
