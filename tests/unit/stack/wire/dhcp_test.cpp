// DHCP's messages: RFC 2131 sections 2 and 4.1, the options of RFC 2132, RFC 3396 and RFC 3442.

#include "support/dhcp_server.hpp"

#include <string>

namespace skerry {
namespace {

using namespace tests;
using stack::Drop;
using stack::Ipv4Route;
using stack::Ipv4Routes;
using stack::wire::DhcpReply;
using stack::wire::DhcpRequest;
using stack::wire::DhcpType;
using stack::wire::Ipv4Addr;

DhcpServerMessage ack() {
    DhcpServerMessage message;
    message.xid = 0x0102'0304;
    message.options.type(DhcpType::ack).address(54, peer_ip).number(51, 3600);
    return message;
}

Drop read(const Bytes& bytes, DhcpReply& out) {
    // Of exactly its size, so that a sanitizer sees a read past the end.
    const Bytes exact(bytes);
    return stack::wire::parse(exact, out);
}
Drop read(const DhcpServerMessage& message, DhcpReply& out) { return read(message.bytes(), out); }
Drop read(const Bytes& bytes) {
    DhcpReply ignored;
    return read(bytes, ignored);
}
Drop read(const DhcpServerMessage& message) { return read(message.bytes()); }

TEST_CASE("a server's message is read with all that a client acts upon", "[stack][wire][dhcp]") {
    DhcpServerMessage message = ack();
    message.options.address(1, {0xffff'fe00U})
        .octets(3, {198, 18, 0, 254, 198, 18, 0, 253})
        .octets(6, {9, 9, 9, 9, 8, 8, 8, 8, 1, 1, 1, 1, 4, 4, 4, 4})
        .octets(26, {0x05, 0xa0})
        .address(28, {0xc612'01ffU})
        .number(58, 1000)
        .number(59, 2000)
        .octets(12, {'h', 'o', 's', 't'});  // no option of ours
    DhcpReply reply;
    REQUIRE(read(message, reply) == Drop::none);
    CHECK(reply.type == DhcpType::ack);
    CHECK(reply.xid == 0x0102'0304);
    CHECK(reply.client == host_mac);
    CHECK(reply.yours == lent_ip);
    CHECK(reply.server == peer_ip);
    CHECK(reply.prefix_bits == 23);
    CHECK(reply.router == Ipv4Addr::of(198, 18, 0, 254));
    CHECK(reply.name_servers[0] == Ipv4Addr::of(9, 9, 9, 9));
    CHECK(reply.name_servers[2] == Ipv4Addr::of(1, 1, 1, 1));
    CHECK(reply.mtu == 1440);
    CHECK(reply.broadcast == Ipv4Addr{0xc612'01ffU});
    CHECK(reply.lease_s == 3600);
    CHECK(reply.renewal_s == 1000);
    CHECK(reply.rebinding_s == 2000);
    CHECK_FALSE(reply.has_routes);
}

TEST_CASE("the end of the options may be missing, and padding is nothing", "[stack][wire][dhcp]") {
    DhcpServerMessage message = ack();
    message.options.add(0).add(0).address(1, {0xffff'ff00U}).add(0);
    message.has_end = false;
    DhcpReply reply;
    REQUIRE(read(message, reply) == Drop::none);
    CHECK(reply.prefix_bits == 24);
}

TEST_CASE("RFC 2131 4.1: options go on in file and then in sname", "[stack][wire][dhcp]") {
    DhcpServerMessage message = ack();
    const auto which = GENERATE(1U, 2U, 3U);
    message.options.octets(52, {which});
    message.file = DhcpOptions().address(1, {0xffff'0000U}).add(255).bytes();
    message.sname = DhcpOptions().octets(26, {0x05, 0xdc}).add(255).bytes();
    DhcpReply reply;
    REQUIRE(read(message, reply) == Drop::none);
    CHECK(reply.prefix_bits.has_value() == ((which & 1U) != 0));
    CHECK((reply.mtu == 1500) == ((which & 2U) != 0));
}

TEST_CASE("RFC 3396: an option in parts is one, whichever fields they are in", "[stack][wire][dhcp]") {
    DhcpServerMessage message = ack();
    message.options.octets(121, {24, 192, 0}).octets(52, {3}).octets(121, {2, 198, 18});
    message.file = DhcpOptions().octets(121, {0, 9}).bytes();
    message.sname = DhcpOptions().octets(121, {0, 198, 18, 0, 254}).bytes();
    DhcpReply reply;
    REQUIRE(read(message, reply) == Drop::none);
    REQUIRE(reply.routes.size() == 2);
    CHECK(reply.routes[0] == Ipv4Route{Ipv4Addr::of(192, 0, 2, 0), 24, Ipv4Addr::of(198, 18, 0, 9)});
    CHECK(reply.routes[1] == Ipv4Route{{}, 0, Ipv4Addr::of(198, 18, 0, 254)});
}

TEST_CASE("RFC 3442: a route has as many bytes as its bits need, and no bits behind them", "[stack][wire][dhcp]") {
    DhcpServerMessage message = ack();
    message.options.octets(121, {0,  1,  2,   3, 4,                        //
                                 9,  10, 255, 1, 2, 3, 5,               //
                                 32, 10, 1,   2, 3, 0, 0, 0, 0});
    DhcpReply reply;
    REQUIRE(read(message, reply) == Drop::none);
    REQUIRE(reply.routes.size() == 3);
    CHECK(reply.has_routes);
    CHECK(reply.routes[0] == Ipv4Route{{}, 0, Ipv4Addr::of(1, 2, 3, 4)});
    CHECK(reply.routes[1] == Ipv4Route{Ipv4Addr::of(10, 128, 0, 0), 9, Ipv4Addr::of(1, 2, 3, 5)});
    CHECK(reply.routes[2] == Ipv4Route{Ipv4Addr::of(10, 1, 2, 3), 32, {}});
}

TEST_CASE("so many routes are kept, and how many were left out is told", "[stack][wire][dhcp][limits]") {
    DhcpServerMessage message = ack();
    for (unsigned i = 0; i < Ipv4Routes::routes_max + 3; ++i) message.options.octets(121, {8, i + 1, 1, 2, 3, 4});
    DhcpReply reply;
    REQUIRE(read(message, reply) == Drop::none);
    CHECK(reply.routes.size() == Ipv4Routes::routes_max);
    CHECK(reply.routes_left_out == 3);
}

TEST_CASE("an option that is longer than anybody needs is refused", "[stack][wire][dhcp][limits]") {
    DhcpServerMessage message = ack();
    for (int i = 0; i < 5; ++i) message.options.put(121, std::vector<std::uint8_t>(255));
    CHECK(read(message) == Drop::dhcp_option_size);
}

TEST_CASE("what a message lies about is told apart", "[stack][wire][dhcp][lies]") {
    const Bytes good = ack().bytes();
    REQUIRE(read(good) == Drop::none);
    const auto with = [&good](std::size_t at, unsigned value) {
        Bytes changed = good;
        changed[at] = std::byte(value);
        return changed;
    };
    for (std::size_t size = 0; size < stack::wire::dhcp_fixed_bytes; ++size)
        REQUIRE(read(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))) == Drop::dhcp_short);
    CHECK(read(with(0, 1)) == Drop::dhcp_operation);
    CHECK(read(with(1, 6)) == Drop::dhcp_hardware);
    CHECK(read(with(2, 16)) == Drop::dhcp_hardware);
    CHECK(read(with(236, 0)) == Drop::dhcp_cookie);
    // A length of 200 in the last option, and a message that ends behind a code.
    CHECK(read(with(240 + 3 + 6 + 1, 200)) == Drop::dhcp_option_length);
    DhcpServerMessage cut = ack();
    cut.options.add(1);
    cut.has_end = false;
    CHECK(read(cut) == Drop::dhcp_option_length);
}

TEST_CASE("an option of a length or a value that it cannot have is refused", "[stack][wire][dhcp][lies]") {
    struct Lie {
        std::string name;
        DhcpOptions options;
        Drop why;
    };
    std::vector<Lie> lies;
    const auto lie = [&lies](const std::string& name, Drop why) -> DhcpOptions& {
        lies.push_back({name, {}, why});
        return lies.back().options;
    };
    for (const unsigned code : {1U, 28U, 51U, 54U, 58U, 59U}) {
        lie("short " + std::to_string(code), Drop::dhcp_option_size).octets(static_cast<std::uint8_t>(code), {1, 2, 3});
        lie("empty " + std::to_string(code), Drop::dhcp_option_size).octets(static_cast<std::uint8_t>(code), {});
    }
    lie("a mask twice", Drop::dhcp_option_size).address(1, {0xffff'ff00U}).address(1, {0xffff'ff00U});
    lie("a mask with holes", Drop::dhcp_option_value).address(1, {0xffff'00ffU});
    lie("routers that are no addresses", Drop::dhcp_option_size).octets(3, {1, 2, 3, 4, 5});
    lie("name servers that are none", Drop::dhcp_option_size).octets(6, {1, 2, 3});
    lie("an MTU of one byte", Drop::dhcp_option_size).octets(26, {9});
    lie("an MTU of 67", Drop::dhcp_option_value).octets(26, {0, 67});
    lie("an overload of nothing", Drop::dhcp_option_value).octets(52, {0});
    lie("an overload of four fields", Drop::dhcp_option_value).octets(52, {4});
    lie("an overload of two bytes", Drop::dhcp_option_size).octets(52, {1, 1});
    lie("an empty overload", Drop::dhcp_option_size).octets(52, {});
    lie("a route of 33 bits", Drop::dhcp_option_value).octets(121, {33, 1, 2, 3, 4, 5, 6, 7, 8});
    lie("a route without its router", Drop::dhcp_option_size).octets(121, {24, 192, 0, 2, 198, 18, 0});
    lie("an empty list of routes", Drop::dhcp_option_size).octets(121, {});
    lie("a type of two bytes", Drop::dhcp_option_size).octets(53, {5});
    for (const Lie& each : lies) {
        INFO(each.name);
        DhcpServerMessage message = ack();
        if (each.name.ends_with("51") || each.name.ends_with("54")) message.options = DhcpOptions().type(DhcpType::ack);
        for (const std::byte octet : each.options.bytes()) message.options.add(std::to_integer<std::uint8_t>(octet));
        CHECK(read(message) == each.why);
    }
}

TEST_CASE("an option past the end of an overloaded field is refused", "[stack][wire][dhcp][lies]") {
    DhcpServerMessage message = ack();
    message.options.octets(52, {2});
    message.sname = DhcpOptions().put(12, std::vector<std::uint8_t>(61)).bytes();
    message.sname.push_back(std::byte{12});  // the last byte of the field: a code without a length
    CHECK(read(message) == Drop::dhcp_option_length);
}

TEST_CASE("a message without a type, or with one that no server sends, is refused", "[stack][wire][dhcp][lies]") {
    DhcpServerMessage message;
    CHECK(read(message) == Drop::dhcp_type);
    for (const DhcpType type :
         {DhcpType::discover, DhcpType::request, DhcpType::decline, DhcpType::release, DhcpType::inform, DhcpType{9}}) {
        message.options = DhcpOptions().type(type);
        CHECK(read(message) == Drop::dhcp_type);
    }
}

TEST_CASE("a client's message is that of RFC 2131's table 5", "[stack][wire][dhcp]") {
    DhcpRequest request;
    request.type = DhcpType::request;
    request.xid = 0xdead'beef;
    request.secs = 7;
    request.wants_broadcast = true;
    request.client = host_mac;
    request.requested = lent_ip;
    request.server = peer_ip;
    request.longest = 1500;
    Bytes bytes(stack::wire::dhcp_request_bytes);
    write(request, bytes.data());
    Bytes expected(stack::wire::dhcp_request_bytes);
    const auto put = [&expected](std::size_t at, std::initializer_list<unsigned> values) {
        for (const unsigned value : values) expected[at++] = std::byte(value);
    };
    put(0, {1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 7, 0x80, 0});
    put(28, {2, 0, 0, 0, 0, 2});
    put(236, {0x63, 0x82, 0x53, 0x63, 53, 1, 3,  61, 7,    1,    2,  0, 0, 0,   0, 2, 50, 4,  198, 18, 0,  2,
              54,   4,    198,  18,   0,  1, 57, 2,  0x05, 0xdc, 55, 9, 1, 121, 3, 6, 26, 28, 51,  58, 59, 255});
    CHECK(bytes == expected);
}

}  // namespace
}  // namespace skerry
