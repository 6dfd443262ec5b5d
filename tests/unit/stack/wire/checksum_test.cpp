#include <skerry/stack/wire/checksum.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <limits>

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::Exact;
using tests::hex;
using tests::random_bytes;

// As RFC 1071 section 4.1 has it, word by word in the order of the wire; the result is in host order.
std::uint16_t naive(std::span<const std::byte> bytes) {
    std::uint32_t total = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto byte = std::to_integer<std::uint32_t>(bytes[i]);
        total += i % 2 == 0 ? byte << 8U : byte;
        total = (total & 0xffffU) + (total >> 16U);
    }
    return static_cast<std::uint16_t>(~total);
}

std::uint16_t host_order(std::uint16_t checksum) { return swap_be16(checksum); }

TEST_CASE("the checksum of RFC 1071's example is the RFC's, and is stored as it travels", "[stack][wire][checksum]") {
    const auto bytes = hex("00 01 f2 03 f4 f5 f6 f7");
    const std::uint16_t checksum = fold(sum(bytes));
    CHECK(host_order(checksum) == 0x220d);  // ~ddf2, section 3
    Bytes field(2);
    store_checksum(field.data(), checksum);
    CHECK(field == hex("22 0d"));
    CHECK(load_checksum(field.data()) == checksum);
}

TEST_CASE("bytes with their checksum in place fold to 0", "[stack][wire][checksum]") {
    // A header whose checksum is b861; a well-known example.
    CHECK(fold(sum(hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7"))) == 0);
    CHECK(host_order(fold(sum(hex("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7")))) == 0xb861);
    CHECK(fold(sum(hex("4500 0073 0000 4000 4011 b862 c0a8 0001 c0a8 00c7"))) != 0);
}

TEST_CASE("the sum is that of a loop over 16-bit words, for every length", "[stack][wire][checksum]") {
    for (std::size_t size = 0; size <= 200; ++size) {
        for (std::uint32_t seed = 0; seed < 8; ++seed) {
            CAPTURE(size, seed);
            const Exact bytes{random_bytes(size, seed)};
            CHECK(host_order(fold(sum(bytes.span()))) == naive(bytes.span()));
        }
        const Exact ones{Bytes(size, std::byte{0xff})};
        CHECK(host_order(fold(sum(ones.span()))) == naive(ones.span()));
    }
    const auto big = random_bytes(65'535, 1);
    CHECK(host_order(fold(sum(big))) == naive(big));
}

TEST_CASE("a copy that is summed on the way is the same bytes and the same sum, for every length",
          "[stack][wire][checksum]") {
    for (std::size_t size = 0; size <= 200; ++size) {
        CAPTURE(size);
        const Exact bytes{random_bytes(size, 7)};
        Bytes copy(size + 1, std::byte{0xa5});
        CHECK(fold(copy_and_sum(copy.data(), bytes.span(), 77)) == fold(sum(bytes.span(), 77)));
        CHECK(std::equal(bytes.span().begin(), bytes.span().end(), copy.begin()));
        CHECK(copy.back() == std::byte{0xa5});
    }
}

TEST_CASE("the sum of pieces is that of the whole, wherever they are cut", "[stack][wire][checksum]") {
    const auto bytes = random_bytes(131, 3);
    const std::span<const std::byte> all{bytes};
    for (std::size_t first = 0; first <= all.size(); ++first) {
        for (std::size_t second = first; second <= all.size(); second += 3) {
            PieceSum pieces;
            pieces.add(all.first(first));
            pieces.add(all.subspan(first, second - first));
            pieces.add(all.subspan(second));
            if (host_order(pieces.folded()) != naive(all)) FAIL("cut at " << first << " and " << second);
        }
    }
    CHECK(host_order(fold(sum_odd(all.subspan(1), sum(all.first(1))))) == naive(all));
}

TEST_CASE("no carry of any start is lost", "[stack][wire][checksum]") {
    const auto bytes = hex("ffff ffff ffff ffff ffff ffff ffff ffff 0001");
    for (const std::uint64_t start : {std::uint64_t{1}, std::uint64_t{0xffff}, std::uint64_t{0xffff'ffff},
                                      std::numeric_limits<std::uint64_t>::max()}) {
        CAPTURE(start);
        // 2^64 - 1, 2^32 - 1 and 2^16 - 1 are all zero to a ones'-complement sum.
        const std::uint64_t small = start == 1 ? 1 : 0xffff;
        CHECK(fold(sum(bytes, start)) == fold(sum(bytes) + small));
        CHECK(fold(sum_odd(bytes, start)) == fold(sum_odd(bytes) + small));
    }
    CHECK(sum(Bytes(65'536, std::byte{0xff}), std::numeric_limits<std::uint64_t>::max()) < std::uint64_t{1} << 34U);
}

TEST_CASE("fold gives every sum's end-around carries back", "[stack][wire][checksum]") {
    CHECK(fold(0) == 0xffff);
    CHECK(fold(1) == 0xfffe);
    CHECK(fold(0xffff) == 0);
    CHECK(fold(0x1'0000) == 0xfffe);
    CHECK(fold(0x1'ffff) == 0xfffe);
    CHECK(fold(0xffff'ffff'ffff'ffffU) == 0);
    CHECK(fold(0x8000'8000'8000'8000U) == static_cast<std::uint16_t>(~2U));
}

TEST_CASE("the pseudo header sums as its 12 bytes do", "[stack][wire][checksum]") {
    const auto bytes = hex("c0000201 c6336407 00 11 1234");
    CHECK(fold(pseudo_header(Ipv4Addr::of(192, 0, 2, 1), Ipv4Addr::of(198, 51, 100, 7), 17, 0x1234)) ==
          fold(sum(bytes)));
    // A length that takes more than 16 bits counts as a 32-bit word, as IPv6 has it.
    CHECK(fold(pseudo_header(Ipv4Addr{}, Ipv4Addr{}, 6, 0x1'0002)) == fold(sum(hex("00000006 00010002"))));
}

TEST_CASE("the pseudo header of IPv6 sums as its 40 bytes do", "[stack][wire][checksum]") {
    const auto bytes =
        hex("20010db8 00010203 04050607 08090a0b  fe80ffff fffffffe 80000000 0000ff01"
            "00012345 000000 3a");
    const auto source = load_ipv6(bytes.data());
    const auto destination = load_ipv6(bytes.data() + 16);
    CHECK(fold(pseudo_header(source, destination, 58, 0x1'2345)) == fold(sum(bytes)));
    const Ipv6Addr ones{~std::uint64_t{0}, ~std::uint64_t{0}};
    CHECK(pseudo_header(ones, ones, 255, 0xffff'ffffU) < std::uint64_t{1} << 36U);
    CHECK(fold(pseudo_header(ones, ones, 0, 1)) == fold(sum(hex("0001"))));
}

TEST_CASE("an update by one word is the checksum anew", "[stack][wire][checksum]") {
    // RFC 1624 section 4: the word 5555 becomes 3285 under the checksum dd2f; the result is 0000, not ffff.
    CHECK(update16(0xdd2f, 0x5555, 0x3285) == 0x0000);
    for (std::uint32_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        auto bytes = random_bytes(20, seed);
        const std::uint16_t checksum = fold(sum(bytes));
        const std::uint16_t before = load_checksum(bytes.data() + 8);
        const auto after = static_cast<std::uint16_t>(seed * 7919);
        store_checksum(bytes.data() + 8, after);
        CHECK(update16(checksum, before, after) == fold(sum(bytes)));
        CHECK(swap_be16(update16(swap_be16(checksum), swap_be16(before), swap_be16(after))) == fold(sum(bytes)));
    }
}

TEST_CASE("the sum of a header of 20 bytes is the sum", "[stack][wire][checksum]") {
    for (std::uint32_t seed = 0; seed < 50; ++seed) {
        const Exact bytes{random_bytes(20, seed)};
        CHECK(fold(sum_of_20(bytes.span().data())) == fold(sum(bytes.span())));
    }
}

}  // namespace
}  // namespace skerry::stack::wire
