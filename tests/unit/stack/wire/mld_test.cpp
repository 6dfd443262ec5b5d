#include <skerry/stack/wire/mld.hpp>

#include "../wire_support.hpp"
#include "support/catch.hpp"

#include <array>

namespace skerry::stack::wire {
namespace {

using tests::Bytes;
using tests::Exact;
using tests::hex;
using tests::with;

const auto router = Ipv6Addr::of(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const auto group = Ipv6Addr::of(0xff3e, 0, 0, 0, 0, 0, 1, 2);
const auto source = Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
const Ipv6Addr nobody;

Bytes operator+(Bytes front, const Bytes& back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
}

// How a message travelled.
struct Travelled {
    Ipv6Addr source = router;
    std::uint8_t hop_limit = 1;
    bool router_alert = true;
};

// The bytes are kept, because what is read are views of them.
struct Read {
    Exact bytes;
    Drop drop = Drop::none;
    MldMessage message;
};

Read read(Bytes bytes, const Travelled& how = {}, FrameChecksum known = FrameChecksum::unknown, bool seal = true) {
    Ipv6Header ip;
    ip.source = how.source;
    ip.destination = Ipv6Addr::all_nodes();
    ip.hop_limit = how.hop_limit;
    Ipv6Chain chain;
    chain.router_alert = how.router_alert;
    if (seal && bytes.size() >= 4) seal_icmpv6(bytes, ip.source, ip.destination);
    Read read{Exact{bytes}, Drop::none, {}};
    read.drop = parse(read.bytes.span(), read.message, ip, chain, known);
    return read;
}

Drop refused(const Bytes& bytes, const Travelled& how = {}) { return read(bytes, how).drop; }

const Bytes group_bytes = hex("ff3e0000 00000000 00000000 00010002");
const Bytes source_bytes = hex("20010db8 00000000 00000000 00000009");
const Bytes query_v1 = hex("82 00 0000 2710 0000") + group_bytes;
const Bytes query_v2 = hex("82 00 0000 2710 0000") + group_bytes + hex("0a 7d 0001") + source_bytes;
const Bytes report_v1 = hex("83 00 0000 0000 0000") + group_bytes;
const Bytes done = hex("84 00 0000 0000 0000") + group_bytes;
const Bytes report_v2 = hex("8f 00 0000 0000 0002") + hex("04 00 0000") + group_bytes +  //
                        hex("05 01 0002") + group_bytes + source_bytes + source_bytes + hex("deadbeef");

const Bytes* const all[] = {&query_v1, &query_v2, &report_v1, &done, &report_v2};

Bytes written(const MldMessage& message) {
    Bytes bytes(100, std::byte{0xa5});
    bytes.resize(write(message, bytes.data()));
    return bytes;
}

TEST_CASE("RFC 3810 section 8.1: MLD queries of versions 1 and 2 are told apart by their length",
          "[stack][wire][mld]") {
    const Read first = read(query_v1);
    REQUIRE(first.drop == Drop::none);
    CHECK(first.message.type == Icmpv6Type::listener_query);
    CHECK(first.message.query_version == 1);
    CHECK(first.message.max_response_ms == 10'000);
    CHECK(first.message.group == group);
    CHECK(written(first.message) == query_v1);

    const Read second = read(query_v2);
    REQUIRE(second.drop == Drop::none);
    CHECK(second.message.query_version == 2);
    CHECK(second.message.max_response_ms == 10'000);
    CHECK(second.message.group == group);
    CHECK(second.message.suppress);
    CHECK(second.message.robustness == 2);
    CHECK(second.message.query_interval_s == 125);
    REQUIRE(second.message.sources.size() == 1);
    CHECK(second.message.sources[0] == source);
    CHECK(written(second.message) == query_v2);

    for (const std::size_t size : {25U, 26U, 27U}) {
        Bytes bytes = query_v2;
        bytes.resize(size);
        CHECK(refused(bytes) == Drop::mld_length);
    }
    const Read general = read(hex("82 00 0000 2710 0000") + Bytes(16) + hex("02 7d 0000"));
    CHECK(general.drop == Drop::none);
    CHECK(general.message.group.is_unspecified());
    CHECK(refused(hex("82 00 0000 2710 0000") + Bytes(16)) == Drop::none);
}

TEST_CASE("RFC 3810 sections 5.1.3 and 5.1.9: great times are floating-point numbers", "[stack][wire][mld]") {
    const auto response_ms = [](int high, int low, const Bytes& bytes) {
        return read(with(bytes, 4, {high, low})).message.max_response_ms;
    };
    CHECK(response_ms(0x7f, 0xff, query_v2) == 32'767);
    CHECK(response_ms(0x80, 0x00, query_v2) == 32'768);
    CHECK(response_ms(0x81, 0x23, query_v2) == (0x1123U << 3U));
    CHECK(response_ms(0xff, 0xff, query_v2) == (0x1fffU << 10U));
    CHECK(response_ms(0xff, 0xff, query_v1) == 65'535);  // version 1 has none
    const auto interval_s = [](int code) { return read(with(query_v2, 25, {code})).message.query_interval_s; };
    CHECK(interval_s(0x7f) == 127);
    CHECK(interval_s(0x80) == 128);
    CHECK(interval_s(0x9a) == (0x1aU << 4U));
    CHECK(interval_s(0xff) == (0x1fU << 10U));
}

TEST_CASE("a time is written as the greatest code that is not more", "[stack][wire][mld]") {
    for (std::uint32_t code = 0; code <= 0xffff; code += code < 0x7ff0 ? 16 : 1) {
        Bytes bytes = query_v2;
        store_be16(bytes.data() + 4, static_cast<std::uint16_t>(code));
        const Read one = read(bytes);
        if (written(one.message) != with(bytes, 2, {0, 0})) FAIL("response code " << code);
    }
    for (int code = 0; code <= 255; ++code) {
        const Bytes bytes = with(query_v2, 25, {code});
        if (written(read(bytes).message) != bytes) FAIL("interval code " << code);
    }
    MldMessage query;
    query.query_version = 2;
    query.max_response_ms = 32'775;
    query.query_interval_s = 0xffff'ffffU;
    const Bytes bytes = written(query);
    CHECK(load_be16(bytes.data() + 4) == 0x8000);
    CHECK(load_8(bytes.data() + 25) == 0xff);
    query.max_response_ms = 0xffff'ffffU;
    CHECK(load_be16(written(query).data() + 4) == 0xffff);
}

TEST_CASE("MLD reports and dones of version 1 are read, and written back", "[stack][wire][mld]") {
    for (const Bytes* bytes : {&report_v1, &done}) {
        const Read one = read(*bytes);
        REQUIRE(one.drop == Drop::none);
        CHECK(static_cast<int>(one.message.type) == int{load_8(bytes->data())});
        CHECK(one.message.group == group);
        CHECK(one.message.query_version == 0);
        CHECK(one.message.max_response_ms == 0);
        CHECK(written(one.message) == *bytes);
        CHECK(read(*bytes + hex("00")).drop == Drop::none);  // RFC 2710 section 3.7: the rest is ignored
    }
}

TEST_CASE("an MLD report of version 2 is read record by record", "[stack][wire][mld]") {
    const Read report = read(report_v2);
    REQUIRE(report.drop == Drop::none);
    MldRecords records = report.message.records;
    CHECK(records.left() == 2);
    MldRecord record;
    REQUIRE(records.next(record));
    CHECK(record.type == MldRecordType::to_exclude);
    CHECK(record.group == group);
    CHECK(record.sources.size() == 0);
    REQUIRE(records.next(record));
    CHECK(record.type == MldRecordType::allow_new);
    CHECK(record.group == group);
    REQUIRE(record.sources.size() == 2);
    CHECK(record.sources[1] == source);
    CHECK_FALSE(records.next(record));
    CHECK(records.left() == 0);
    // RFC 3810 section 5.2.12: records of unknown types are the reader's to pass over.
    CHECK(refused(with(report_v2, 8, {7})) == Drop::none);
    CHECK(refused(report_v2 + hex("00")) == Drop::none);  // section 5.2.11
    CHECK(refused(with(report_v2, 6, {0, 0})) == Drop::none);
}

TEST_CASE("an MLD report of version 2 is written as far as there is room", "[stack][wire][mld]") {
    Bytes room(mld_v2_report_bytes + 2 * mld_record_bytes + 2 * ipv6_addr_bytes, std::byte{0xa5});
    const std::array sources{source, source, source};
    MldReportWriter report{room};
    CHECK(report.message().size() == mld_v2_report_bytes);
    REQUIRE(report.add(MldRecordType::to_exclude, group));
    CHECK(report.sources_fit() == 2);
    CHECK_FALSE(report.add(MldRecordType::allow_new, group, sources));
    CHECK(report.records() == 1);
    REQUIRE(report.add(MldRecordType::allow_new, group, std::span{sources}.first(2)));
    CHECK(report.sources_fit() == 0);
    CHECK_FALSE(report.add(MldRecordType::to_include, group));
    CHECK(report.records() == 2);
    const auto message = report.message();
    const Bytes bytes(message.begin(), message.end());
    Bytes expected = with(report_v2, 29, {0});  // no auxiliary data
    expected.resize(expected.size() - 4);
    CHECK(bytes == expected);
    MldRecords records = read(bytes).message.records;
    CHECK(records.left() == 2);
}

TEST_CASE("RFC 3810 section 6.2: MLD has a hop limit of 1", "[stack][wire][mld]") {
    for (const Bytes* bytes : all) {
        CHECK(refused(*bytes) == Drop::none);
        for (const std::uint8_t limit : {0, 2, 255}) CHECK(refused(*bytes, {router, limit}) == Drop::mld_hop_limit);
    }
}

TEST_CASE("RFC 3810 section 6.2: MLD has a router alert", "[stack][wire][mld]") {
    for (const Bytes* bytes : all) CHECK(refused(*bytes, {router, 1, false}) == Drop::mld_router_alert);
}

TEST_CASE("RFC 3810 section 6.2: MLD comes from a link-local address", "[stack][wire][mld]") {
    for (const Bytes* bytes : all) CHECK(refused(*bytes, {source}) == Drop::mld_source);
}

TEST_CASE("RFC 3590 and RFC 3810 section 5.2.13: from :: come reports, but no queries", "[stack][wire][mld]") {
    CHECK(refused(query_v1, {nobody}) == Drop::mld_source);
    CHECK(refused(query_v2, {nobody}) == Drop::mld_source);
    CHECK(refused(report_v1, {nobody}) == Drop::none);
    CHECK(refused(done, {nobody}) == Drop::none);
    CHECK(refused(report_v2, {nobody}) == Drop::none);
}

TEST_CASE("MLD has the checksum of ICMPv6, and its code is ignored", "[stack][wire][mld]") {
    for (const Bytes* bytes : all) {
        CHECK(read(*bytes, {}, FrameChecksum::unknown, false).drop == Drop::icmpv6_checksum);
        CHECK(read(*bytes, {}, FrameChecksum::good, false).drop == Drop::none);
        CHECK(read(*bytes, {}, FrameChecksum::bad).drop == Drop::icmpv6_checksum);
        CHECK(refused(with(*bytes, 1, {77})) == Drop::none);  // RFC 3810 sections 5.1.1 and 5.2.1
    }
}

TEST_CASE("what MLD refuses", "[stack][wire][mld]") {
    CHECK(refused({}) == Drop::mld_short);
    for (const int type : {1, 128, 129, 133, 142, 144}) CHECK(refused(with(query_v1, 0, {type})) == Drop::icmpv6_type);
    CHECK(refused(with(query_v1, 8, {0x20})) == Drop::mld_group);
    CHECK(refused(with(query_v2, 8, {0x20})) == Drop::mld_group);
    CHECK(refused(with(report_v1, 8, {0x20})) == Drop::mld_group);
    CHECK(refused(hex("84 00 0000 0000 0000") + Bytes(16)) == Drop::mld_group);
    CHECK(refused(with(report_v2, 12, {0x20})) == Drop::mld_group);
    CHECK(refused(with(report_v2, 32, {0x20})) == Drop::mld_group);
    // Sources and records that are not there.
    CHECK(refused(with(query_v2, 26, {0, 2})) == Drop::mld_length);
    CHECK(refused(with(query_v2, 26, {255, 255})) == Drop::mld_length);
    CHECK(refused(with(query_v2, 26, {0, 0})) == Drop::none);
    CHECK(refused(with(report_v2, 6, {0, 3})) == Drop::mld_length);
    CHECK(refused(with(report_v2, 6, {255, 255})) == Drop::mld_length);
    CHECK(refused(with(report_v2, 29, {2})) == Drop::mld_length);
    CHECK(refused(with(report_v2, 29, {255})) == Drop::mld_length);
    CHECK(refused(with(report_v2, 30, {0, 3})) == Drop::mld_length);
    CHECK(refused(with(report_v2, 30, {255, 255})) == Drop::mld_length);
}

TEST_CASE("a cut MLD message is refused at every byte", "[stack][wire][mld]") {
    for (const Bytes* bytes : all) {
        std::size_t accepted = 0;
        for (std::size_t size = 0; size < bytes->size(); ++size)
            if (refused({bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(size)}) == Drop::none) ++accepted;
        // Of a query of version 2 the first 24 bytes are one of version 1.
        CHECK(accepted == (bytes == &query_v2 ? 1U : 0U));
    }
}

}  // namespace
}  // namespace skerry::stack::wire
