// Members of IPv4 groups for all sources but some: what they hear, and what routers hear of it.

#include "support/igmp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using namespace tests::igmp_host;

struct Blocking : Fixture {
    using Fixture::Fixture;
    void block(Socket& socket, Ipv4Addr source) { REQUIRE(stack.udp().block(socket, group, source, now)); }
    void unblock(Socket& socket, Ipv4Addr source) { REQUIRE(stack.udp().unblock(socket, group, source, now)); }
    /// What has been said by now, and is said once more within a second.
    All told_twice() {
        All first = said();
        pass(1s);
        CHECK(said() == first);
        return first;
    }
};

TEST_CASE("a member for all shuts a source out and lets it in again", "[stack][igmp][udp]") {
    Blocking f;
    Socket& member = f.bind(group, 7000);
    Socket& other = f.bind(group, 7000);
    f.join(member);
    f.join(other);
    f.block(member, peer_ip);
    f.hear_datagram(group, "shut out");
    CHECK(member.text() == "-");
    CHECK(other.text() == "shut out");
    f.unblock(member, peer_ip);
    f.hear_datagram(group, "let in");
    CHECK(member.text() == "let in");
    CHECK(other.text() == "let in");
}

TEST_CASE("what cannot be shut out or let in says why", "[stack][igmp]") {
    Blocking f;
    Socket& socket = f.bind({}, 7000);
    stack::Udp& udp = f.stack.udp();
    CHECK(udp.block(socket, group, one, f.now).error() == Errc::invalid_argument);  // not joined
    f.join(socket, group, one);
    CHECK(udp.block(socket, group, two, f.now).error() == Errc::invalid_argument);  // not for all
    f.leave(socket);
    f.join(socket);
    CHECK(udp.unblock(socket, group, one, f.now).error() == Errc::address_not_available);
    f.block(socket, one);
    CHECK(udp.block(socket, group, one, f.now).error() == Errc::address_in_use);
    CHECK(udp.block(socket, group, {}, f.now).error() == Errc::invalid_argument);
    CHECK(udp.block(socket, group, other_group, f.now).error() == Errc::invalid_argument);
    CHECK(udp.leave(socket, group, one, f.now).error() == Errc::address_not_available);  // it was never joined
    for (std::uint32_t i = 2; i < stack::Udp::groups_per_socket; ++i) f.block(socket, {one.bits + 100 + i});
    CHECK(udp.block(socket, group, two, f.now).error() == Errc::no_buffers);
    CHECK(f.stack.udp().join(socket, other_group, f.now).error() == Errc::no_buffers);
    f.leave(socket);
    f.join(socket);
    f.hear_datagram(group, "forgotten");
    CHECK(socket.text() == "forgotten");
}

// RFC 3376 section 3.2: EXCLUDE of what all shut out and nobody wants.
TEST_CASE("routers hear of a source that all members shut out", "[stack][igmp]") {
    Blocking f;
    Socket& first = f.member();
    f.block(first, one);
    CHECK(f.told_twice() == All{record(block, {one})});
    f.block(first, two);
    CHECK(f.told_twice() == All{record(block, {two})});
    Socket& second = f.bind({}, 7002);
    f.join(second);  // who shuts nobody out
    CHECK(f.told_twice() == All{record(allow, {one, two})});
    f.block(second, two);
    CHECK(f.told_twice() == All{record(block, {two})});
    Socket& third = f.bind({}, 7001);
    f.join(third, group, two);
    CHECK(f.told_twice() == All{record(allow, {two})});
    f.leave(third, group, two);
    CHECK(f.told_twice() == All{record(block, {two})});
    f.leave(second);
    CHECK(f.told_twice() == All{record(block, {one})});  // which first has shut out all the time
    f.unblock(first, one);
    CHECK(f.told_twice() == All{record(allow, {one})});
}

TEST_CASE("who leaves takes those along that it shut out", "[stack][igmp]") {
    Blocking f;
    Socket& first = f.member();
    f.block(first, one);
    (void)f.told_twice();
    SECTION("the last one says that it leaves, and nothing of them") {
        f.leave(first);
        CHECK(f.told_twice() == All{record(to_in)});
        f.join(first);
        CHECK(f.told_twice() == All{record(to_ex)});
    }
    SECTION("and who wants some sources goes on with these") {
        Socket& second = f.bind({}, 7001);
        f.join(second, group, two);
        CHECK(f.said().empty());
        f.leave(first);
        CHECK(f.told_twice() == All{record(to_in, {two})});
    }
    SECTION("also when it is closed") {
        f.stack.udp().close(first, f.now);
        f.open.clear();
        CHECK(f.told_twice() == All{record(to_in)});
    }
}

TEST_CASE("a join that is still being told says whom it shuts out by now", "[stack][igmp]") {
    Blocking f;
    Socket& socket = f.bind({}, 7000);
    f.join(socket);
    CHECK(f.said() == All{record(to_ex)});
    f.block(socket, one);
    CHECK(f.said() == All{record(to_ex, {one})});
    f.pass(10s);
    CHECK(f.said() == All{record(block, {one})});
    f.pass(10s);
    CHECK(f.said().empty());
}

TEST_CASE("a query is answered with whom all members shut out", "[stack][igmp]") {
    Blocking f;
    Socket& socket = f.member();
    f.block(socket, one);
    (void)f.told_twice();
    f.ask({});
    f.pass(1s);
    CHECK(f.said() == All{record(is_ex, {one})});
    f.ask(group);
    f.pass(1s);
    CHECK(f.said() == All{record(is_ex, {one})});
    f.ask(group, {.sources = {one, two}});
    f.pass(1s);
    CHECK(f.said() == All{record(is_in, {two})});
    f.ask(group, {.sources = {one}});
    f.pass(1s);
    CHECK(f.said().empty());
}

TEST_CASE("while an IGMPv2 querier is about, nobody hears who is shut out, and sockets keep to it", "[stack][igmp]") {
    Blocking f;
    Socket& socket = f.member();
    f.hear(IgmpType::query, {}, 10);
    f.pass(2s);
    (void)f.said();
    f.block(socket, peer_ip);
    f.pass(2s);
    CHECK(f.said().empty());
    f.hear_datagram(group, "shut out");
    CHECK(socket.text() == "-");
}

// RFC 4607 section 4.2 keeps 232/8 for single sources; Linux lets all of them be joined there, and so do we.
TEST_CASE("a group of 232/8 may be joined for all sources", "[stack][igmp]") {
    Blocking f;
    Socket& socket = f.bind({}, 7000);
    const Ipv4Addr ssm = Ipv4Addr::of(232, 1, 2, 3);
    f.join(socket, ssm);
    f.hear_datagram(ssm, "heard");
    CHECK(socket.text() == "heard");
}

}  // namespace
}  // namespace skerry
