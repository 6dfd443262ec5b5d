#include <skerry/stack/wire/igmp.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::hex;
using tests::parse_exact;
using tests::truncations_accepted;
using tests::with;

Bytes sealed(Bytes bytes) {
    store_checksum(bytes.data() + 2, 0);
    store_checksum(bytes.data() + 2, fold(sum(bytes)));
    return bytes;
}

const Bytes query = sealed(hex("11 64 0000 00000000"));
const Bytes report = sealed(hex("16 00 0000 ef010203"));
const Bytes query_v3 = sealed(hex("11 9a 0000 ef010203 02 7d 0001 0a000001"));

Drop refused(const Bytes& bytes) {
    IgmpMessage message;
    return parse_exact(sealed(bytes), message);
}

TEST_CASE("IGMP queries of versions 1, 2 and 3 are told apart", "[stack][wire][igmp]") {
    IgmpMessage message;
    REQUIRE(parse_exact(query, message) == Drop::none);
    CHECK(message.type == IgmpType::query);
    CHECK(message.query_version == 2);
    CHECK(message.max_response_tenths == 100);
    CHECK(message.group.is_unspecified());
    REQUIRE(parse_exact(sealed(with(query, 1, {25})), message) == Drop::none);
    CHECK(message.max_response_tenths == 25);
    REQUIRE(parse_exact(sealed(with(query, 1, {0})), message) == Drop::none);
    CHECK(message.query_version == 1);
    CHECK(message.max_response_tenths == 100);
    REQUIRE(parse_exact(query_v3, message) == Drop::none);
    CHECK(message.query_version == 3);
    CHECK(message.max_response_tenths == (0x1a << 4));
    CHECK(message.group == Ipv4Addr::of(239, 1, 2, 3));
    REQUIRE(parse_exact(sealed(with(query_v3, 1, {0xff})), message) == Drop::none);
    CHECK(message.max_response_tenths == (0x1f << 10));
    REQUIRE(parse_exact(sealed(with(query_v3, 1, {0})), message) == Drop::none);
    CHECK(message.query_version == 3);
    CHECK(message.max_response_tenths == 0);
}

TEST_CASE("IGMP reports and leaves are read, and written back", "[stack][wire][igmp]") {
    for (const auto type : {IgmpType::report_v1, IgmpType::report_v2, IgmpType::leave}) {
        const Bytes bytes = sealed(with(report, 0, {static_cast<int>(type)}));
        IgmpMessage message;
        REQUIRE(parse_exact(bytes, message) == Drop::none);
        CHECK(message.type == type);
        CHECK(message.group == Ipv4Addr::of(239, 1, 2, 3));
        CHECK(message.query_version == 0);
        Bytes out(igmp_bytes);
        write(message, out.data());
        CHECK(out == bytes);
    }
    for (const int code : {0, 25}) {
        const Bytes bytes = sealed(with(query, 1, {code}));
        IgmpMessage message;
        REQUIRE(parse_exact(bytes, message) == Drop::none);
        Bytes out(igmp_bytes);
        write(message, out.data());
        CHECK(out == bytes);
    }
}

TEST_CASE("what IGMP refuses", "[stack][wire][igmp]") {
    IgmpMessage message;
    CHECK(parse_exact(std::span{query}.first(7), message) == Drop::igmp_short);
    CHECK(parse_exact(with(query, 1, {99}), message) == Drop::igmp_checksum);
    CHECK(parse_exact(with(query, 1, {99}), message, FrameChecksum::good) == Drop::none);
    CHECK(parse_exact(query, message, FrameChecksum::bad) == Drop::igmp_checksum);
    for (const std::size_t size : {9U, 10U, 11U}) {
        Bytes bytes = query;
        bytes.resize(size);
        CHECK(refused(bytes) == Drop::igmp_length);
    }
    CHECK(refused(with(query_v3, 10, {0, 2})) == Drop::igmp_length);
    CHECK(refused(with(query_v3, 10, {255, 255})) == Drop::igmp_length);
    for (const int type : {0x00, 0x10, 0x13, 0x22, 0xff}) CHECK(refused(with(report, 0, {type})) == Drop::igmp_type);
    CHECK(refused(with(report, 4, {10})) == Drop::igmp_group);
    CHECK(refused(with(report, 4, {0, 0, 0, 0})) == Drop::igmp_group);
    CHECK(refused(with(query, 4, {10, 0, 0, 1})) == Drop::igmp_group);
}

TEST_CASE("a cut IGMP message is refused at every byte", "[stack][wire][igmp]") {
    CHECK(truncations_accepted<IgmpMessage>(query) == 0);
    CHECK(truncations_accepted<IgmpMessage>(report, FrameChecksum::good) == 0);
    // Of a version 3 query the first 8 bytes are a query of version 2.
    CHECK(truncations_accepted<IgmpMessage>(query_v3, FrameChecksum::good) == 1);
}

}  // namespace
}  // namespace skerry::stack::wire
