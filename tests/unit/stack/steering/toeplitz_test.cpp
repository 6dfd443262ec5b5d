// The hash of NICs.

#include "support/catch.hpp"

#include <skerry/stack/random.hpp>
#include <skerry/stack/steering/steering.hpp>
#include <skerry/stack/steering/toeplitz.hpp>

#include <bitset>
#include <set>

namespace skerry {
namespace {

using stack::RssKey;
using stack::Toeplitz;
using stack::tcp::Tuple;
using stack::wire::Ipv4Addr;
using stack::wire::Ipv6Addr;

constexpr Toeplitz::Key published{0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                                  0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                                  0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

struct Example {
    Ipv4Addr destination;
    std::uint16_t destination_port;
    Ipv4Addr source;
    std::uint16_t source_port;
    std::uint32_t of_addresses;
    std::uint32_t of_all;
};

// The table of "Verifying the RSS Hash Calculation".
constexpr Example examples[] = {
    {Ipv4Addr::of(161, 142, 100, 80), 1766, Ipv4Addr::of(66, 9, 149, 187), 2794, 0x323e8fc2, 0x51ccc178},
    {Ipv4Addr::of(65, 69, 140, 83), 4739, Ipv4Addr::of(199, 92, 111, 2), 14230, 0xd718262a, 0xc626b0ea},
    {Ipv4Addr::of(12, 22, 207, 184), 38024, Ipv4Addr::of(24, 19, 198, 95), 12898, 0xd2d0a5de, 0x5c2b394a},
    {Ipv4Addr::of(209, 142, 163, 6), 2217, Ipv4Addr::of(38, 27, 205, 30), 48228, 0x82989176, 0xafc7327f},
    {Ipv4Addr::of(202, 188, 127, 2), 1303, Ipv4Addr::of(153, 39, 163, 191), 44251, 0x5d1809c5, 0x10e828a2},
};

TEST_CASE("the hash of a packet is the one that NICs compute", "[stack][steering]") {
    const Toeplitz toeplitz(published);
    for (const Example& each : examples) {
        const Tuple tuple{each.destination, each.source, each.destination_port, each.source_port};
        CHECK(toeplitz.hash(tuple) == each.of_all);
        CHECK(toeplitz.hash(each.source, each.destination) == each.of_addresses);
    }
}

struct Example6 {
    Ipv6Addr destination;
    std::uint16_t destination_port;
    Ipv6Addr source;
    std::uint16_t source_port;
    std::uint32_t of_addresses;
    std::uint32_t of_all;
};

// The second table of the same.
constexpr Example6 examples6[] = {
    {Ipv6Addr::of(0x3ffe, 0x2501, 0x200, 3, 0, 0, 0, 1), 1766, Ipv6Addr::of(0x3ffe, 0x2501, 0x200, 0x1fff, 0, 0, 0, 7),
     2794, 0x2cc18cd5, 0x40207d3d},
    {Ipv6Addr::of(0xff02, 0, 0, 0, 0, 0, 0, 1), 4739, Ipv6Addr::of(0x3ffe, 0x501, 8, 0, 0x260, 0x97ff, 0xfe40, 0xefab),
     14230, 0x0f0c461c, 0xdde51bbf},
    {Ipv6Addr::of(0xfe80, 0, 0, 0, 0x200, 0xf8ff, 0xfe21, 0x67cf), 38024,
     Ipv6Addr::of(0x3ffe, 0x1900, 0x4545, 3, 0x200, 0xf8ff, 0xfe21, 0x67cf), 44251, 0x4b61e985, 0x02d1feef},
};

TEST_CASE("the hash of an IPv6 packet is the one that NICs compute", "[stack][steering][ipv6]") {
    const Toeplitz toeplitz(published);
    for (const Example6& each : examples6) {
        CHECK(toeplitz.hash(each.source, each.destination, each.source_port, each.destination_port) == each.of_all);
        CHECK(toeplitz.hash(each.source, each.destination) == each.of_addresses);
    }
}

TEST_CASE("each seed gives a key of its own, and always the same one", "[stack][steering]") {
    CHECK(Toeplitz::key_of(1) == Toeplitz::key_of(1));
    std::set<Toeplitz::Key> keys;
    for (std::uint64_t seed = 0; seed < 100; ++seed) keys.insert(Toeplitz::key_of(seed));
    CHECK(keys.size() == 100);
    std::size_t ones = 0;
    for (const Toeplitz::Key& key : keys)
        for (const std::uint8_t byte : key) ones += std::bitset<8>(byte).count();
    CHECK(ones > 15'000);  // of 32,000
    CHECK(ones < 17'000);
}

Tuple turned(const Tuple& tuple) { return {tuple.remote, tuple.local, tuple.remote_port, tuple.local_port}; }

TEST_CASE("a symmetric key gives both directions of a flow one hash, and a random one does not",
          "[stack][steering][rss]") {
    stack::Random random(1, stack::SecretUse::rss_key);
    int same = 0;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const Toeplitz symmetric(Toeplitz::key_of(seed, RssKey::symmetric));
        const Toeplitz usual(Toeplitz::key_of(seed, RssKey::random));
        for (int i = 0; i < 20; ++i) {
            const std::uint64_t ports = random.next();
            const Tuple tuple{Ipv4Addr{static_cast<std::uint32_t>(random.next())},
                              Ipv4Addr{static_cast<std::uint32_t>(random.next())}, static_cast<std::uint16_t>(ports),
                              static_cast<std::uint16_t>(ports >> 16U)};
            REQUIRE(symmetric.hash(tuple) == symmetric.hash(turned(tuple)));
            REQUIRE(symmetric.hash(tuple.remote, tuple.local) == symmetric.hash(tuple.local, tuple.remote));
            same += usual.hash(tuple) == usual.hash(turned(tuple)) ? 1 : 0;
        }
    }
    CHECK(same == 0);
}

// 36 bytes: two addresses of 16, and two ports. What is swapped with what stands a multiple of 16 bits away.
TEST_CASE("a symmetric key repeats 16 bits, so it is symmetric for IPv6 too", "[stack][steering][rss]") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const Toeplitz::Key key = Toeplitz::key_of(seed, RssKey::symmetric);
        for (std::size_t i = 2; i < key.size(); ++i) REQUIRE(key[i] == key[i - 2]);
    }
}

TEST_CASE("with a symmetric key each value of the hash has as many flows as any other", "[stack][steering][rss]") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const Toeplitz toeplitz(Toeplitz::key_of(seed, RssKey::symmetric));
        std::bitset<65'536> seen;
        Tuple tuple{Ipv4Addr::of(198, 18, 0, 2), Ipv4Addr::of(198, 18, 0, 1), 7001, 0};
        do seen.set(toeplitz.hash(tuple) & 0xffffU);
        while (++tuple.remote_port != 0);
        REQUIRE(seen.all());
    }
}

TEST_CASE("each seed gives a symmetric key of its own, and always the same one", "[stack][steering][rss]") {
    CHECK(Toeplitz::key_of(1, RssKey::symmetric) == Toeplitz::key_of(1, RssKey::symmetric));
    std::set<Toeplitz::Key> keys;
    for (std::uint64_t seed = 0; seed < 100; ++seed) keys.insert(Toeplitz::key_of(seed, RssKey::symmetric));
    CHECK(keys.size() > 95);  // of 32,768
}

TEST_CASE("what cores expect of the port's hash is what the port was told", "[stack][steering][rss]") {
    stack::SteeringOptions options;
    options.seed = 7;
    CHECK(stack::Steering(options).toeplitz().key() == Toeplitz::key_of(7));
    options.rss_key = RssKey::symmetric;
    CHECK(stack::Steering(options).toeplitz().key() == Toeplitz::key_of(7, RssKey::symmetric));
}

}  // namespace
}  // namespace skerry
