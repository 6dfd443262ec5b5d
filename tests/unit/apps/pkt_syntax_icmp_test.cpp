#include "pkt_syntax_sample.hpp"

namespace skerry {
namespace {

using namespace pkt_syntax_sample;

TEST_CASE("an ICMP message has its type, code, MTU and what it quotes", "[apps][pkt][syntax]") {
    const IcmpMessage message = icmp("< icmp unreachable frag_needed mtu 1234 [1:1461(1460)]");
    CHECK(message.type == "unreachable");
    CHECK(message.code == "frag_needed");
    CHECK(message.mtu == 1234U);
    CHECK(message.at == Position{1, 5});
    const auto& quoted = std::get<QuotedTcp>(message.quoted);
    CHECK(quoted.sequence.end == 1461);
    CHECK(quoted.at == Position{1, 44});
    CHECK_FALSE(quoted.udp_encapsulation);
}

TEST_CASE("what is quoted may stand before the message", "[apps][pkt][syntax]") {
    const IcmpMessage message = icmp("< [0:0(0)/udp(9811 > 1)] icmp packet_too_big mtu 1300");
    CHECK(message.type == "packet_too_big");
    CHECK(message.code.empty());
    REQUIRE(std::get<QuotedTcp>(message.quoted).udp_encapsulation);
    CHECK(std::get<QuotedTcp>(message.quoted).udp_encapsulation->source == 9811);
    CHECK(refusal("0 < [0:0(0)] icmp redirect [0:0(0)]").find("expected one quoted packet") != std::string::npos);
}

TEST_CASE("marks of IP and a quotation may both stand in brackets", "[apps][pkt][syntax]") {
    const Packet one = packet("< [ce] [0:0(0)] icmp redirect");
    CHECK(one.fields.ecn == Ecn::ce);
    CHECK(std::get<IcmpMessage>(one.payload).quoted.index() == 1);
}

TEST_CASE("a message may quote UDP", "[apps][pkt][syntax]") {
    const IcmpMessage message = icmp("< icmp unreachable port_unreachable [udp (100)]");
    CHECK(std::get<UdpDatagram>(message.quoted).payload_bytes == 100);
}

TEST_CASE("a message that quotes something else is not supported and no error", "[apps][pkt][syntax]") {
    CHECK(read("0 < icmp unreachable port_unreachable [sctp (1)]\n1 close(3) = 0").unsupported.size() == 1);
}

TEST_CASE("an echo has an identifier and a sequence number", "[apps][pkt][syntax]") {
    const IcmpMessage message = icmp("< icmp echo_request id 7 seq 1");
    CHECK(message.id == std::uint16_t{7});
    CHECK(message.sequence == std::uint16_t{1});
    CHECK(message.quoted.index() == 0);
}

TEST_CASE("an echo may have a length, and it is that of the whole message", "[apps][pkt][syntax]") {
    const IcmpMessage message = icmp("< icmpv6 echo_request id 7 seq 1 [raw (21)]");
    CHECK(std::get<RawLength>(message.quoted).bytes == 21);
    CHECK(refusal("0 < icmp echo_request [raw (7)]") ==
          "a.pkt:1:29: expected at least 8, which the header has, found 7");
}

TEST_CASE("a parameter problem points to an octet", "[apps][pkt][syntax]") {
    const IcmpMessage message = icmp("> icmpv6 parameter_problem unknown_next_header ptr 40");
    CHECK(message.pointer == 40U);
    CHECK(message.code == "unknown_next_header");
    CHECK(icmp("> icmp parameter_problem ptr 9").pointer == 9U);
}

TEST_CASE("types and codes may be numbers", "[apps][pkt][syntax]") {
    const IcmpMessage message = icmp("< icmp type_200 code_2 [0:0(0)]");
    CHECK(icmp_type_number(net::IpFamily::v4, message.type) == std::uint8_t{200});
    CHECK(icmp_code_number(net::IpFamily::v4, message.type, message.code) == std::uint8_t{2});
    CHECK_FALSE(icmp_type_number(net::IpFamily::v4, "type_256"));
    CHECK_FALSE(icmp_type_number(net::IpFamily::v4, "type_"));
    CHECK_FALSE(icmp_type_number(net::IpFamily::v4, "type_07"));
    CHECK_FALSE(icmp_code_number(net::IpFamily::v4, "redirect", "code_x"));
}

TEST_CASE("a name means each family's own number", "[apps][pkt][syntax]") {
    CHECK(icmp_type_number(net::IpFamily::v4, "unreachable") == std::uint8_t{3});
    CHECK(icmp_type_number(net::IpFamily::v6, "unreachable") == std::uint8_t{1});
    CHECK(icmp_code_number(net::IpFamily::v4, "unreachable", "port_unreachable") == std::uint8_t{3});
    CHECK(icmp_code_number(net::IpFamily::v6, "unreachable", "port_unreachable") == std::uint8_t{4});
    CHECK(icmp_code_number(net::IpFamily::v4, "source_quench", "") == std::uint8_t{0});
    CHECK_FALSE(icmp_type_number(net::IpFamily::v4, "packet_too_big"));
    CHECK_FALSE(icmp_type_number(net::IpFamily::v6, "source_quench"));
    CHECK_FALSE(icmp_code_number(net::IpFamily::v6, "unreachable", "frag_needed"));
}

TEST_CASE("a type or code that neither family has is an error", "[apps][pkt][syntax]") {
    CHECK(refusal("0 < icmp reachable [0:0(0)]") == "a.pkt:1:10: expected a type of ICMP, found \"reachable\"");
    CHECK(refusal("0 < icmp redirect port_unreachable [0:0(0)]") ==
          "a.pkt:1:19: expected a code of this type, mtu, ptr, id, seq or a quoted packet, found \"port_unreachable\"");
    CHECK(refusal("0 < icmp redirect [frog]").find("expected what the message quotes") != std::string::npos);
}

}  // namespace
}  // namespace skerry
