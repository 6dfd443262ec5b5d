#include "pkt_syntax_sample.hpp"

namespace skerry {
namespace {

using namespace pkt_syntax_sample;

TEST_CASE("an arrow says which way a packet goes", "[apps][pkt][syntax]") {
    CHECK(packet("< S 0:0(0)").direction == Direction::inbound);
    CHECK(packet("> S 0:0(0)").direction == Direction::outbound);
    CHECK(packet("<. 1:1(0)").direction == Direction::inbound);
    CHECK(packet("< S 0:0(0)").at == Position{1, 3});
}

TEST_CASE("a segment has its flags, numbers and fields", "[apps][pkt][syntax]") {
    const TcpSegment segment = tcp("< FPU. 4294967295:99(100) ack 7 win 65535 urg 3");
    CHECK(segment.flags.fin);
    CHECK(segment.flags.psh);
    CHECK(segment.flags.urg);
    CHECK(segment.flags.ack);
    CHECK_FALSE(segment.flags.syn);
    CHECK(segment.sequence.begin == 4'294'967'295U);
    CHECK(segment.sequence.end == 99);
    CHECK(segment.sequence.bytes == 100);
    CHECK_FALSE(segment.sequence.is_absolute);
    CHECK(segment.acknowledgment == 7U);
    CHECK(segment.window == std::uint16_t{65'535});
    CHECK(segment.urgent == std::uint16_t{3});
    CHECK_FALSE(segment.options);
}

TEST_CASE("fields that a segment does not name are not said", "[apps][pkt][syntax]") {
    const TcpSegment segment = tcp("> R 1:1(0)");
    CHECK_FALSE(segment.acknowledgment);
    CHECK_FALSE(segment.window);
    CHECK_FALSE(segment.urgent);
    CHECK_FALSE(segment.ports);
    CHECK_FALSE(segment.udp_encapsulation);
}

TEST_CASE("the bits of ECN are letters or, together, a digit", "[apps][pkt][syntax]") {
    const TcpFlags letters = tcp("> SEWA 0:0(0)").flags;
    CHECK(letters.ece);
    CHECK(letters.cwr);
    CHECK(letters.ae);
    CHECK_FALSE(letters.ace);
    const TcpFlags digit = tcp("> P5. 1:1(0)").flags;
    CHECK(digit.ace == std::uint8_t{5});
    CHECK(digit.psh);
    CHECK(digit.ack);
    CHECK(tcp("> 0. 1:1(0)").flags.ace == std::uint8_t{0});
    CHECK(refusal("0 > E5. 1:1(0)") ==
          "a.pkt:1:5: expected either the counter of AccECN or its bits E, W and A, found both");
    CHECK(refusal("0 > 8. 1:1(0)").find("flags of TCP") != std::string::npos);
}

TEST_CASE("the sequence numbers may stand right after the flags", "[apps][pkt][syntax]") {
    const TcpSegment segment = tcp("> .1:1461(1460)");
    CHECK_FALSE(segment.flags.ace);
    CHECK(segment.sequence.begin == 1);
    CHECK(tcp("> .11:11(0)").sequence.begin == 11);
}

TEST_CASE("a segment without any flag has a dash", "[apps][pkt][syntax]") {
    const TcpFlags flags = tcp("< - 1:11(10)").flags;
    CHECK_FALSE(flags.ack);
    CHECK_FALSE(flags.syn);
}

TEST_CASE("a flag that TCP does not have is refused", "[apps][pkt][syntax]") {
    CHECK(refusal("0 < Q 0:0(0)") ==
          "a.pkt:1:5: expected flags of TCP (of S F R P . U E W A, a digit 0 to 7, or - for none), found \"Q\"");
    CHECK(refusal("0 < SS 0:0(0)") == "a.pkt:1:6: expected each flag once, found \"S\"");
}

TEST_CASE("sequence numbers agree with the length", "[apps][pkt][syntax]") {
    CHECK(refusal("0 < . 1:1000(1000)") ==
          "a.pkt:1:7: expected sequence numbers as far apart as the length: 1001 as the second, found 1000");
}

TEST_CASE("an exclamation mark makes sequence numbers those of the wire", "[apps][pkt][syntax]") {
    CHECK(tcp("> R. 0:0(0)! ack 2 win 0").sequence.is_absolute);
}

TEST_CASE("numbers of a segment fit their fields", "[apps][pkt][syntax]") {
    CHECK(refusal("0 < S 4294967296:0(0)") ==
          "a.pkt:1:7: expected a sequence number up to 4294967295, found \"4294967296\"");
    CHECK(refusal("0 < S 0:0(0) win 65536") == "a.pkt:1:18: expected a window up to 65535, found \"65536\"");
    CHECK(refusal("0 < S 0:0(0) ack 99999999999999999999").find("up to 4294967295") != std::string::npos);
    CHECK(refusal("0 < S 0:0(0) ack x") == "a.pkt:1:18: expected an acknowledgment number, found \"x\"");
}

TEST_CASE("a number with a leading zero is refused in a packet", "[apps][pkt][syntax]") {
    CHECK(refusal("0 < S 0:0(0) win 010") == "a.pkt:1:18: expected a window without leading zeros, found \"010\"");
    CHECK(tcp("< S 0:0(0) win 0x10").window == std::uint16_t{16});
}

TEST_CASE("ports may be named before the flags", "[apps][pkt][syntax]") {
    const TcpSegment segment = tcp("< 8080 > 40000: S 0:0(0)");
    REQUIRE(segment.ports);
    CHECK(segment.ports->source == 8080);
    CHECK(segment.ports->destination == 40000);
    CHECK(tcp("< 1 > 2 S 0:0(0)").ports->destination == 2);
    CHECK(refusal("0 < 70000 > 2 S 0:0(0)") == "a.pkt:1:5: expected a port up to 65535, found \"70000\"");
}

TEST_CASE("a segment may travel within UDP", "[apps][pkt][syntax]") {
    const TcpSegment segment = tcp("> S 0:0(0) win 65535 <mss 1460>/udp(9811 > 1)");
    REQUIRE(segment.udp_encapsulation);
    CHECK(segment.udp_encapsulation->source == 9811);
    CHECK(segment.udp_encapsulation->destination == 1);
    CHECK(tcp("> . 1:1(0) ack 1 win 65535/udp(1 > 2)").udp_encapsulation->destination == 2);
}

TEST_CASE("marks of IP stand in brackets or parentheses", "[apps][pkt][syntax]") {
    CHECK(packet("< [ect0] . 1:1(0)").fields.ecn == Ecn::ect0);
    CHECK(packet("<[noecn] . 1:1(0)").fields.ecn == Ecn::not_ect);
    CHECK(packet("> [ect1] . 1:1(0)").fields.ecn == Ecn::ect1);
    CHECK(packet("> [ce] . 1:1(0)").fields.ecn == Ecn::ce);
    CHECK(packet("> [ect01] . 1:1(0)").fields.ecn == Ecn::ect_any);
    CHECK(packet("> (hlim 4) . 1:1(0)").fields.ttl == std::uint8_t{4});
    CHECK(packet("> (ttl 255) . 1:1(0)").fields.ttl == std::uint8_t{255});
    CHECK(packet("> [tos 0x28] . 1:1(0)").fields.tos == std::uint8_t{0x28});
    CHECK(packet("> (tc 3) . 1:1(0)").fields.tos == std::uint8_t{3});
    CHECK(packet("> [dscp 46] . 1:1(0)").fields.dscp == std::uint8_t{46});
    CHECK(packet("> (flowlabel 0xfffff) . 1:1(0)").fields.flow_label == 0xf'ffffU);
    const IpFields several = packet("> [ce, ttl 9] (tos 1) . 1:1(0)").fields;
    CHECK(several.ecn == Ecn::ce);
    CHECK(several.ttl == std::uint8_t{9});
    CHECK(several.tos == std::uint8_t{1});
    CHECK_FALSE(packet("> . 1:1(0)").fields.ecn);
}

TEST_CASE("a mark of IP that is unknown, twice there or too large is refused", "[apps][pkt][syntax]") {
    CHECK(refusal("0 < [ect2] . 1:1(0)").find("expected a mark of IP") != std::string::npos);
    CHECK(refusal("0 < [ce, ect0] . 1:1(0)") == "a.pkt:1:10: expected each mark once, found a second one");
    CHECK(refusal("0 < (ttl 256) . 1:1(0)") == "a.pkt:1:10: expected a number of hops up to 255, found \"256\"");
    CHECK(refusal("0 < [flowlabel 0x100000] . 1:1(0)").find("up to 1048575") != std::string::npos);
    CHECK(refusal("0 < [ce . 1:1(0)").find("expected a mark of IP") != std::string::npos);
}

TEST_CASE("headers around a packet are listed from the outside", "[apps][pkt][syntax]") {
    const Packet one = packet(
        "< ipv4 192.0.2.1 > 192.0.2.2: gre flags 0xb000, sum 1, off 2, key 0x80001234, seq 5:\n"
        "   mpls (label 0, tc 7, ttl 1) (label 1048575, tc 0, [S], ttl 255): ipv6 2001:db8::1 > 1:: : . 1:11(10)");
    REQUIRE(one.outer.size() == 4);
    const auto& ip = std::get<IpHeader>(one.outer[0]);
    CHECK(ip.source == net::IpAddr::v4(192, 0, 2, 1));
    CHECK(ip.destination == net::IpAddr::v4(192, 0, 2, 2));
    const auto& gre = std::get<GreHeader>(one.outer[1]);
    CHECK(gre.flags == std::uint16_t{0xb000});
    CHECK(gre.checksum == std::uint16_t{1});
    CHECK(gre.offset == std::uint16_t{2});
    CHECK(gre.key == 0x8000'1234U);
    CHECK(gre.sequence == 5U);
    const auto& mpls = std::get<MplsHeader>(one.outer[2]);
    REQUIRE(mpls.labels.size() == 2);
    CHECK(mpls.labels[0].traffic_class == 7);
    CHECK_FALSE(mpls.labels[0].is_last);
    CHECK(mpls.labels[1].label == 1'048'575);
    CHECK(mpls.labels[1].is_last);
    CHECK(mpls.labels[1].ttl == 255);
    CHECK(mpls.at == Position{2, 4});
    const auto& inner = std::get<IpHeader>(one.outer[3]);
    CHECK(inner.source == net::IpAddr::parse("2001:db8::1").value());
    CHECK(inner.destination == net::IpAddr::parse("1::").value());
    CHECK(std::holds_alternative<TcpSegment>(one.payload));
}

TEST_CASE("the colon after an IPv6 address may touch it", "[apps][pkt][syntax]") {
    const Packet one = packet("< ipv6 2::2222 > 1::1111: gre: . 1:11(10)");
    REQUIRE(one.outer.size() == 2);
    CHECK(std::get<IpHeader>(one.outer[0]).destination == net::IpAddr::parse("1::1111").value());
    CHECK_FALSE(std::get<GreHeader>(one.outer[1]).key);
}

TEST_CASE("an address that is none is refused", "[apps][pkt][syntax]") {
    CHECK(refusal("0 < ipv4 192.0.2 > 192.0.2.2: . 1:1(0)") ==
          "a.pkt:1:10: expected an IPv4 address, found \"192.0.2\"");
    CHECK(refusal("0 < ipv6 1::2::3 > 1::: . 1:1(0)").find("expected an IPv6 address") != std::string::npos);
    CHECK(refusal("0 < ipv6 192.0.2.1 > 1:: : . 1:1(0)").find("expected an IPv6 address") != std::string::npos);
}

TEST_CASE("a header of options has the octets behind its length", "[apps][pkt][syntax]") {
    const Packet one = packet("< dstopts [1, 4, 0, 0, 0, 0xff]: routing [0, 1, 0, 0, 0, 0]: udp (10)");
    REQUIRE(one.extensions.size() == 2);
    CHECK(one.extensions[0].type == 60);
    CHECK(one.extensions[0].octets == std::vector<std::uint8_t>{1, 4, 0, 0, 0, 255});
    CHECK(one.extensions[1].type == 43);
    CHECK(one.extensions[1].at == Position{1, 36});
    CHECK(std::get<UdpDatagram>(one.payload).payload_bytes == 10);
    CHECK(refusal("0 < hopopts [1, 3, 0, 0, 0]: udp (10)").find("expected 6 octets, or 14") != std::string::npos);
    CHECK(refusal("0 < hopopts [1, 4, 0, 0, 0, 256]: udp (10)").find("an octet up to 255") != std::string::npos);
}

TEST_CASE("a fragment says which octets it has", "[apps][pkt][syntax]") {
    const Packet one = packet("< ipv6 1:: > 2::1: fragment (56:100, id 7): udp (92)");
    REQUIRE(one.extensions.size() == 1);
    CHECK(one.extensions[0].is_fragment());
    CHECK(one.extensions[0].begin == 56);
    CHECK(one.extensions[0].end == 100);
    CHECK(one.extensions[0].id == 7U);
    CHECK_FALSE(packet("> fragment (0:8): udp (92)").extensions[0].id);
    CHECK(refusal("0 < fragment (4:8): udp (9)").find("begins at a multiple of 8") != std::string::npos);
    CHECK(refusal("0 < fragment (8:0): udp (9)").find("ends behind that") != std::string::npos);
}

TEST_CASE("extension headers have a limit", "[apps][pkt][syntax]") {
    std::string text = "0 < ";
    for (std::size_t i = 0; i < limits::extension_headers; ++i) text += "dstopts [1, 4, 0, 0, 0, 0]: ";
    CHECK(read(text + "udp (1)").events.size() == 1);
    CHECK(refusal(text + "fragment (0:8): udp (1)").find("at most 8 extension headers") != std::string::npos);
}

TEST_CASE("a protocol may be a number", "[apps][pkt][syntax]") {
    const auto other = std::get<OtherProtocol>(packet("< proto 253 (16)").payload);
    CHECK(other.number == 253);
    CHECK(other.payload_bytes == 16);
    CHECK(refusal("0 < proto 256 (16)").find("the number of a protocol up to 255") != std::string::npos);
}

TEST_CASE("a checksum may be said", "[apps][pkt][syntax]") {
    CHECK(packet("< [sum 0] udp (10)").fields.sum == std::uint16_t{0});
    CHECK_FALSE(packet("< udp (10)").fields.sum);
}

TEST_CASE("headers within each other have a limit", "[apps][pkt][syntax]") {
    std::string text = "0 < ";
    for (std::size_t i = 0; i < limits::outer_headers; ++i) text += "gre: ";
    CHECK(read(text + ". 1:1(0)").events.size() == 1);
    CHECK(refusal(text + "gre: . 1:1(0)").find("at most 8 headers within each other") != std::string::npos);
}

TEST_CASE("labels of MPLS have a limit", "[apps][pkt][syntax]") {
    std::string text = "0 < mpls ";
    for (std::size_t i = 0; i < limits::mpls_labels; ++i) text += "(label 1, tc 0, ttl 1)";
    CHECK(read(text + ": . 1:1(0)").events.size() == 1);
    CHECK(refusal(text + "(label 1, tc 0, ttl 1): . 1:1(0)").find("at most 16 labels") != std::string::npos);
}

TEST_CASE("a UDP datagram has a length and may name ports", "[apps][pkt][syntax]") {
    const auto plain = std::get<UdpDatagram>(packet("> udp (1472)").payload);
    CHECK(plain.payload_bytes == 1472);
    CHECK_FALSE(plain.ports);
    CHECK_FALSE(plain.is_lite);
    const auto named = std::get<UdpDatagram>(packet("< udp 53 > 1024 (0)").payload);
    REQUIRE(named.ports);
    CHECK(named.ports->source == 53);
    const auto lite = std::get<UdpDatagram>(packet("< udplite (100, 8)").payload);
    CHECK(lite.is_lite);
    CHECK(lite.covered_bytes == std::uint16_t{8});
    CHECK(refusal("0 < udp (65536)").find("a length up to 65535") != std::string::npos);
}

TEST_CASE("a packet of another protocol is not supported and no error", "[apps][pkt][syntax]") {
    const Script script = read("0 < sctp: INIT[flgs=0, tag=1,\n    a_rwnd=1500]\n+0 close(3) = 0\n");
    REQUIRE(script.events.size() == 2);
    REQUIRE(script.unsupported.size() == 1);
    CHECK(script.unsupported[0].reason == "a packet with \"sctp\"");
    CHECK(script.unsupported[0].at == Position{1, 5});
    CHECK(std::holds_alternative<Unsupported>(script.events[0].action));
    CHECK(std::get<SystemCall>(script.events[1].action).name == "close");
}

TEST_CASE("encapsulation in PSP is not supported and no error", "[apps][pkt][syntax]") {
    const Script script =
        read("0 < encap psp spi 12 . 1:1001(1000) ack 1\n0.1 < ipv4 1.1.1.1 > 2.2.2.2: psp spi 1: . 1:1(0)");
    CHECK(script.unsupported.size() == 2);
    CHECK(script.events.size() == 2);
}

}  // namespace
}  // namespace skerry
