#include "pkt_syntax_sample.hpp"

namespace skerry {
namespace {

using namespace pkt_syntax_sample;

TcpOptions options(std::string_view text, const Defines& defines = {}) {
    TcpSegment segment = tcp("< S 0:0(0) win 1 <" + std::string(text) + ">", defines);
    REQUIRE(segment.options);
    return std::move(*segment.options);
}

template <class T>
T option(std::string_view text, const Defines& defines = {}) {
    TcpOptions all = options(text, defines);
    REQUIRE(all.list.size() == 1);
    REQUIRE(std::holds_alternative<T>(all.list.front().value));
    return std::get<T>(std::move(all.list.front().value));
}

std::string refused_options(std::string_view text) { return refusal("0 < S 0:0(0) <" + std::string(text) + ">"); }

TEST_CASE("options are listed in their order with their places", "[apps][pkt][syntax]") {
    const TcpOptions all = options("mss 1460, nop,wscale 7,sackOK,eol");
    CHECK_FALSE(all.are_any);
    REQUIRE(all.list.size() == 5);
    CHECK(std::get<MssOption>(all.list[0].value).bytes == std::uint16_t{1460});
    CHECK(std::holds_alternative<NopOption>(all.list[1].value));
    CHECK(std::get<WindowScaleOption>(all.list[2].value).shift == std::uint8_t{7});
    CHECK(std::holds_alternative<SackPermittedOption>(all.list[3].value));
    CHECK(std::holds_alternative<EndOption>(all.list[4].value));
    CHECK(all.list[1].at == Position{1, 31});
}

TEST_CASE("options may be none, or any", "[apps][pkt][syntax]") {
    CHECK(options("").list.empty());
    CHECK_FALSE(options("").are_any);
    CHECK(options("...").are_any);
    CHECK_FALSE(tcp("> . 1:1(0)").options);
}

TEST_CASE("timestamps are numbers or any", "[apps][pkt][syntax]") {
    const auto both = option<TimestampsOption>("TS val 4294967295 ecr 0");
    CHECK(both.value == 4'294'967'295U);
    CHECK(both.echo == 0U);
    const auto any = option<TimestampsOption>("TS val ... ecr 5");
    CHECK_FALSE(any.value);
    CHECK(any.echo == 5U);
    CHECK(refused_options("TS val 1") == "a.pkt:1:23: expected 'ecr', found '>'");
}

TEST_CASE("a SACK option has one to four blocks", "[apps][pkt][syntax]") {
    const auto sack = option<SackOption>("sack 3001:4001 1001:2001 5:6 7:8");
    REQUIRE(sack.blocks.size() == 4);
    CHECK(sack.blocks[0].begin == 3001);
    CHECK(sack.blocks[0].end == 4001);
    CHECK(sack.blocks[3].end == 8);
    CHECK(refused_options("sack 1:2 1:2 1:2 1:2 1:2").find("at most 4 blocks") != std::string::npos);
    CHECK(refused_options("sack") == "a.pkt:1:19: expected a sequence number, found '>'");
}

TEST_CASE("a cookie is hexadecimal, even where it begins with a digit", "[apps][pkt][syntax]") {
    CHECK(option<FastOpenOption>("FO").cookie.empty());
    const auto cookie = option<FastOpenOption>("FO 1234abcd5678dcba");
    CHECK(cookie.cookie == std::vector<std::uint8_t>{0x12, 0x34, 0xab, 0xcd, 0x56, 0x78, 0xdc, 0xba});
    CHECK_FALSE(cookie.is_experimental);
    CHECK(option<FastOpenOption>("FOEXP abcd").is_experimental);
    CHECK(refused_options("FO abc").find("hexadecimal digits, two a byte") != std::string::npos);
    CHECK(refused_options("FO ab cg").find("',' or '>'") != std::string::npos);
    CHECK(refused_options("FO " + std::string(2 * limits::cookie_bytes + 2, 'a')).find("at most 38 bytes") !=
          std::string::npos);
}

TEST_CASE("a defined name stands for a cookie and for numbers", "[apps][pkt][syntax]") {
    Defines defines;
    REQUIRE(defines.add("COOKIE=c00c1e").empty());
    REQUIRE(defines.add("MSS=1440").empty());
    CHECK(option<FastOpenOption>("FO COOKIE", defines).cookie == std::vector<std::uint8_t>{0xc0, 0x0c, 0x1e});
    CHECK(option<MssOption>("mss MSS", defines).bytes == std::uint16_t{1440});
    CHECK(refused_options("FO COOKIE").find("hexadecimal digits, two a byte") != std::string::npos);
}

TEST_CASE("the value of a name is checked where the name stands", "[apps][pkt][syntax]") {
    Defines defines;
    REQUIRE(defines.add("MSS=70000").empty());
    CHECK(refusal("0 < S 0:0(0) <mss MSS>", defines) ==
          "a.pkt:1:19: expected a segment size up to 65535 in the value of MSS, found \"70000\"");
}

TEST_CASE("a digest may be asked to be valid or not", "[apps][pkt][syntax]") {
    CHECK(option<Md5Option>("md5 valid").is_valid == true);
    CHECK(option<Md5Option>("md5 invalid").is_valid == false);
    CHECK_FALSE(option<Md5Option>("md5").is_valid);
    CHECK(option<Md5Option>("md5").digest.empty());
}

TEST_CASE("a digest may be written out, with all of its bytes", "[apps][pkt][syntax]") {
    const auto md5 = option<Md5Option>("md5 00112233445566778899aabbccddeeff");
    CHECK_FALSE(md5.is_valid);
    REQUIRE(md5.digest.size() == 16);
    CHECK(md5.digest.back() == 0xff);
    CHECK(refused_options("md5 0011").find("a digest of 16 bytes") != std::string::npos);
    CHECK(refused_options("md5 00112233445566778899aabbccddeeff00").find("at most 16 bytes") != std::string::npos);
}

TEST_CASE("the option of AccECN has up to three counters in any order", "[apps][pkt][syntax]") {
    const auto ecn = option<AccEcnOption>("ECN e1b 1 ceb 0 e0b 1001");
    REQUIRE(ecn.counts.size() == 3);
    CHECK(ecn.counts[0].counter == AccEcnCounter::ect1_bytes);
    CHECK(ecn.counts[1].counter == AccEcnCounter::ce_bytes);
    CHECK(ecn.counts[2].counter == AccEcnCounter::ect0_bytes);
    CHECK(ecn.counts[2].bytes == 1001);
    CHECK(option<AccEcnOption>("ECN").counts.empty());
    CHECK(refused_options("ECN e9b 1").find("a counter of AccECN") != std::string::npos);
    CHECK(refused_options("ECN e0b 1 e0b 1 e0b 1 e0b 1").find("at most three counters") != std::string::npos);
}

TEST_CASE("an option of MPTCP is not supported and no error", "[apps][pkt][syntax]") {
    const Script script =
        read("0 < S 0:0(0) <mss 1460,mpcapable v1 flags[flag_h] key[ckey=2,skey],nop>\n+0 close(3) = 0\n");
    REQUIRE(script.unsupported.size() == 1);
    CHECK(script.unsupported[0].reason == "TCP option \"mpcapable v1 flags[flag_h] key[ckey=2,skey]\"");
    CHECK(script.unsupported[0].at == Position{1, 24});
    CHECK(script.events.size() == 2);
    const auto& segment = std::get<TcpSegment>(std::get<Packet>(script.events[0].action).payload);
    CHECK(segment.options->list.size() == 3);
}

TEST_CASE("an option that nobody knows is an error", "[apps][pkt][syntax]") {
    CHECK(refused_options("mms 1460") ==
          "a.pkt:1:15: expected a TCP option (mss, nop, wscale, sackOK, sack, TS, FO, FOEXP, md5, ECN, eol), found "
          "\"mms\"");
    CHECK(refused_options("nop nop") == "a.pkt:1:19: expected ',' or '>', found \"nop\"");
    CHECK(refused_options("nop,").find("expected a TCP option") != std::string::npos);
}

TEST_CASE("options have a limit", "[apps][pkt][syntax]") {
    std::string text = "nop";
    for (std::size_t i = 1; i < limits::tcp_options; ++i) text += ",nop";
    CHECK(options(text).list.size() == limits::tcp_options);
    CHECK(refused_options(text + ",nop").find("at most 40 options") != std::string::npos);
}

}  // namespace
}  // namespace skerry
