// IPv4 multicast towards the routers: IGMPv3, and the older versions while one who speaks them is about.

#include "support/igmp_host.hpp"

#include <algorithm>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using namespace tests::igmp_host;
using stack::Drop;

// --- changes, RFC 3376 section 5.1

TEST_CASE("a join is told at once and once more within a second, the last leave too", "[stack][igmp]") {
    Fixture f;
    Socket& first = f.bind({}, 7000);
    Socket& second = f.bind({}, 7001);
    f.join(first);
    CHECK(f.said() == All{record(to_ex)});
    f.join(second);
    CHECK(f.said().empty());
    f.pass(1s);
    CHECK(f.said() == All{record(to_ex)});
    f.pass(100s);
    CHECK(f.said().empty());
    f.leave(first);
    CHECK(f.said().empty());
    f.leave(second);
    CHECK_FALSE(f.stack.groups().has(group));
    CHECK(f.said() == All{record(to_in)});
    f.pass(1s);
    CHECK(f.said() == All{record(to_in)});
    f.pass(100s);
    CHECK(f.said().empty());
}

TEST_CASE("a change is told as often as the querier's robustness says", "[stack][igmp]") {
    Fixture f;
    f.ask({}, {10, 5});
    f.pass(10s);
    CHECK(f.said().empty());
    f.join(f.bind({}, 7000));
    f.pass(10s);
    CHECK(f.said().size() == 5);
}

TEST_CASE("the sources of all sockets together are told, each change by itself", "[stack][igmp]") {
    Fixture f;
    Socket& first = f.bind({}, 7000);
    Socket& second = f.bind({}, 7001);
    f.join(first, group, one);
    CHECK(f.said() == All{record(allow, {one})});
    f.pass(1s);
    CHECK(f.said() == All{record(allow, {one})});
    f.join(second, group, one);
    CHECK(f.said().empty());
    f.join(second, group, two);
    CHECK(f.said() == All{record(allow, {two})});
    f.pass(1s);
    (void)f.said();
    f.leave(first, group, one);
    CHECK(f.said().empty());
    f.leave(second, group, one);
    CHECK(f.said() == All{record(block, {one})});
    f.pass(1s);
    CHECK(f.said() == All{record(block, {one})});
    SECTION("whoever wants all wants more") {
        Socket& third = f.bind({}, 7002);
        f.join(third);
        CHECK(f.said() == All{record(to_ex)});
        f.join(first, group, three);
        f.pass(1s);
        CHECK(f.said() == All{record(to_ex)});
        f.leave(third);
        CHECK(f.said() == All{record(to_in, {two, three})});
    }
    SECTION("the last one ends it") {
        f.leave(second, group, two);
        CHECK(f.said() == All{record(block, {two})});
        CHECK_FALSE(f.stack.groups().has(group));
    }
}

TEST_CASE("a change that comes while another is being told goes with it", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    f.join(socket, group, one);
    f.join(socket, group, two);
    f.leave(socket, group, one);
    CHECK(f.said() == All{record(allow, {one}), record(allow, {one, two}), record(allow, {two}), record(block, {one})});
}

TEST_CASE("a socket that is closed leaves its groups", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    f.join(socket);
    f.join(socket, other_group);
    (void)f.said();
    f.stack.udp().close(socket, f.now);
    f.open.clear();
    CHECK(f.said().size() == 2);
    CHECK_FALSE(f.stack.groups().has(group));
}

TEST_CASE("nobody is told of 224.0.0.1, which every host is in", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    f.join(socket, stack::wire::igmp_all_systems);
    f.ask({});
    f.pass(2s);
    f.leave(socket, stack::wire::igmp_all_systems);
    f.pass(2s);
    CHECK(f.said().empty());
}

// --- queries, RFC 3376 section 5.2

TEST_CASE("a general query is answered by one report of all groups within its time", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.member();
    f.join(socket, other_group, one);
    f.pass(1s);
    (void)f.said();
    f.ask({}, {50});
    CHECK(f.said().empty());
    f.pass(5s);
    const auto frames = f.taken();
    REQUIRE(frames.size() == 1);
    All all;
    read_report(std::span(frames[0]).subspan(38), all);
    CHECK(all.size() == 2);
    CHECK(std::find(all.begin(), all.end(), record(is_ex)) != all.end());
    CHECK(std::find(all.begin(), all.end(), record(is_in, {one}, other_group)) != all.end());
}

TEST_CASE("a query about a group, or about sources of it, is answered with what we want of that", "[stack][igmp]") {
    Fixture f;
    SECTION("a group of which all is wanted") {
        (void)f.member();
        f.ask(group);
        f.pass(1s);
        CHECK(f.said() == All{record(is_ex)});
        f.ask(group, {10, 2, {one, two}});
        f.pass(1s);
        CHECK(f.said() == All{record(is_in, {one, two})});
    }
    SECTION("a group of which sources are wanted") {
        (void)f.member({one, two});
        f.ask(group);
        f.pass(1s);
        CHECK(f.said() == All{record(is_in, {one, two})});
        f.ask(group, {10, 2, {two, three}});
        f.pass(1s);
        CHECK(f.said() == All{record(is_in, {two})});
        f.ask(group, {10, 2, {three}});
        f.pass(1s);
        CHECK(f.said().empty());
    }
    SECTION("a group that we are not in") {
        (void)f.member();
        f.ask(other_group);
        f.pass(1s);
        CHECK(f.said().empty());
    }
}

TEST_CASE("queries that wait are answered together", "[stack][igmp]") {
    Fixture f;
    (void)f.member({one, two, three});
    SECTION("sources of both") {
        f.ask(group, {10, 2, {one}});
        f.ask(group, {10, 2, {three}});
        f.pass(1s);
        CHECK(f.said() == All{record(is_in, {one, three})});
    }
    SECTION("all of the group") {
        f.ask(group, {10, 2, {one}});
        f.ask(group);
        f.pass(1s);
        CHECK(f.said() == All{record(is_in, {one, two, three})});
    }
    SECTION("a general one that is answered before") {
        f.ask({}, {0});
        f.ask(group, {100});
        f.pass(10s);
        CHECK(f.said().size() <= 2);
    }
}

// --- older routers, RFC 3376 section 7.2

TEST_CASE("while an IGMPv2 querier is about its words are spoken", "[stack][igmp]") {
    Fixture f;
    f.hear(IgmpType::query, {}, 10);
    Socket& socket = f.bind({}, 7000);
    f.join(socket);
    CHECK(f.said() == All{old(IgmpType::report_v2)});
    f.pass(10s);
    CHECK(f.said() == All{old(IgmpType::report_v2)});
    f.pass(50s);
    CHECK(f.said().empty());
    f.ask(group);
    f.pass(1s);
    CHECK(f.said() == All{old(IgmpType::report_v2)});
    f.leave(socket);
    CHECK(f.said() == All{old(IgmpType::leave)});
    f.pass(10s);
    CHECK(f.said().empty());
    f.pass(200s);  // 261 s after the query
    f.join(socket);
    CHECK(f.said() == All{record(to_ex)});
}

TEST_CASE("an IGMPv1 querier hears reports of its version and no leave", "[stack][igmp]") {
    Fixture f;
    f.hear(IgmpType::query, {}, 0, 1);
    f.hear(IgmpType::query, {}, 10);
    Socket& socket = f.bind({}, 7000);
    f.join(socket, group, one);
    CHECK(f.said() == All{old(IgmpType::report_v1)});
    f.join(socket, group, two);
    CHECK(f.said().empty());
    f.pass(10s);
    CHECK(f.said() == All{old(IgmpType::report_v1)});
    f.hear(IgmpType::query, {}, 0, 1);
    f.pass(10s);
    CHECK(f.said() == All{old(IgmpType::report_v1)});
    f.leave(socket);
    CHECK(f.said().empty());
}

TEST_CASE("what waits to be said is dropped when an older router comes", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.bind({}, 7000);
    f.join(socket);
    f.join(socket, other_group, one);
    f.leave(socket, other_group);
    (void)f.said();
    f.ask({});
    f.hear(IgmpType::query, group, 10);
    f.pass(10s);
    CHECK(f.said() == All{old(IgmpType::report_v2)});
}

TEST_CASE("an older query is answered within the time it gives, for the groups it asks about", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.member();
    f.join(socket, other_group);
    f.pass(11s);
    (void)f.said();
    SECTION("all") {
        f.hear(IgmpType::query, {}, 50);
        CHECK(f.said().empty());
        f.pass(5s);
        CHECK(f.said().size() == 2);
    }
    SECTION("one") {
        f.hear(IgmpType::query, group, 10);
        f.pass(1s);
        CHECK(f.said() == All{old(IgmpType::report_v2)});
    }
}

TEST_CASE("another host's older report spares ours, and then the leave is its to tell", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.member();
    f.hear(IgmpType::query, group, 100);
    f.hear(IgmpType::report_v2, group);
    f.pass(20s);
    CHECK(f.said().empty());
    f.leave(socket);
    CHECK(f.said().empty());
}

TEST_CASE("in version 3 another host's report spares nothing", "[stack][igmp]") {
    Fixture f;
    (void)f.member();
    f.ask(group);
    f.hear(IgmpType::report_v2, group);
    f.pass(1s);
    CHECK(f.said() == All{record(is_ex)});
}

// --- what lies, case 47

TEST_CASE("case 47: what no querier of this link can have sent is counted and not answered", "[stack][igmp]") {
    Fixture f;
    (void)f.member();
    Query query;
    Drop why = Drop::none;
    SECTION("a TTL that is not 1") {
        query.ttl = GENERATE(as<std::uint8_t>{}, 2, 64, 255);
        why = Drop::igmp_ttl;
    }
    SECTION("no router alert") {
        query.router_alert = false;
        why = Drop::igmp_router_alert;
    }
    SECTION("more sources than there are") {
        query.sources = {one};
        query.more_sources = GENERATE(1, 1000, 65'534);
        why = Drop::igmp_length;
    }
    f.ask(group, query);
    f.ask({}, query);
    f.pass(10s);
    CHECK(f.said().empty());
    CHECK(f.dropped(why) == 2);
}

TEST_CASE("case 47: a flood of queries makes no flood of answers", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.member();
    f.join(socket, other_group);
    f.pass(11s);
    (void)f.said();
    const int code = GENERATE(0, 1, 100);
    SECTION("general ones") {
        for (int i = 0; i < 1000; ++i) f.ask({}, {code});
    }
    SECTION("about a group") {
        for (int i = 0; i < 1000; ++i) f.ask(group, {code});
    }
    SECTION("about ever other sources") {
        for (std::uint32_t i = 0; i < 1000; ++i) f.ask(group, {code, 2, {{one.bits + 2 * i}, {one.bits + 2 * i + 1}}});
    }
    CHECK(f.dropped(Drop::igmp_rate) >= 900);
    f.pass(10s);
    CHECK(f.taken().size() == 1);
}

TEST_CASE("case 47: older queries in a flood are answered once a group", "[stack][igmp]") {
    Fixture f;
    Socket& socket = f.member();
    f.join(socket, other_group);
    f.pass(11s);
    (void)f.said();
    for (int i = 0; i < 1000; ++i) f.hear(IgmpType::query, {}, 100);
    f.pass(10s);
    CHECK(f.said().size() == 2);
}

TEST_CASE("case 47: a query about more sources than we keep is answered for all of the group", "[stack][igmp]") {
    Fixture f;
    (void)f.member({one, two});
    Query query;
    for (std::uint32_t i = 0; i < 300; ++i) query.sources.push_back({three.bits + i});
    f.ask(group, query);
    f.pass(1s);
    CHECK(f.said() == All{record(is_in, {one, two})});
}

// Inside the stack 240.0.0.0/4 are numbers of IPv6 hosts.
TEST_CASE("case 47: a query about sources that no host can have is about nobody", "[stack][igmp]") {
    Fixture f;
    (void)f.member({one, two});
    Query query;
    query.sources = {Ipv4Addr::of(250, 0, 0, 1), Ipv4Addr::of(240, 0, 0, 12), one};
    f.ask(group, query);
    f.pass(1s);
    CHECK(f.said() == All{record(is_in, {one})});
}

// --- limits

TEST_CASE("groups and their sources have limits, and one that has left makes room", "[stack][igmp]") {
    auto config = host_config();
    config.groups_max = 2;
    config.group_sources_max = 2;
    Fixture f(config);
    Socket& socket = f.bind({}, 7000);
    f.join(socket, group, one);
    f.join(socket, group, two);
    CHECK(f.stack.udp().join(socket, group, three, f.now).error() == Errc::no_buffers);
    f.join(socket, other_group);
    const Ipv4Addr third{other_group.bits + 1};
    CHECK(f.stack.udp().join(socket, third, f.now).error() == Errc::no_buffers);
    f.leave(socket, group, one);
    f.join(socket, group, three);
    f.leave(socket, other_group);
    f.join(socket, third);
    CHECK(f.stack.groups().has(third));
    CHECK_FALSE(f.stack.groups().has(other_group));
    CHECK(f.stack.udp().join(socket, other_group, f.now).error() == Errc::no_buffers);
}

TEST_CASE("what is said of many groups goes in as many reports as it needs", "[stack][igmp]") {
    Fixture f;
    for (std::uint16_t i = 0; i < 15; ++i) {
        Socket& socket = f.bind({}, static_cast<std::uint16_t>(7000 + i));
        for (std::uint32_t j = 0; j < 20; ++j) f.join(socket, {group.bits + 256 + 20 * i + j});
    }
    f.pass(10s);
    (void)f.taken();
    f.ask({});
    f.pass(1s);
    const auto frames = f.taken();
    CHECK(frames.size() == 2);
    std::size_t records = 0;
    for (const Bytes& frame : frames) {
        CHECK(frame.size() <= 1514);
        All all;
        read_report(std::span(frame).subspan(38), all);
        records += all.size();
    }
    CHECK(records == 300);
}

}  // namespace
}  // namespace skerry
