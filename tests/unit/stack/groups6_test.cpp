// IPv6 multicast: MLDv2 towards the routers, version 1 while one who speaks it is about, and which sockets hear what.

#include "support/ipv6_host.hpp"

#include <skerry/stack/wire/mld.hpp>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::Icmpv6Type;
using stack::wire::Ipv6Addr;
using stack::wire::MldMessage;
namespace protocol = stack::wire::ip_protocol;

constexpr Ipv6Addr group = Ipv6Addr::of(0xff05, 0, 0, 0, 0, 0, 0x77, 1);
constexpr Ipv6Addr other_group = Ipv6Addr::of(0xff05, 0, 0, 0, 0, 0, 0x77, 2);
constexpr Ipv6Addr one = near6(0x51);
constexpr Ipv6Addr two = near6(0x52);
constexpr Ipv6Addr three = near6(0x53);

/// What has been said of a group: a message of version 1, or a record of a report of version 2.
struct Said {
    Icmpv6Type type = Icmpv6Type::listener_report_v2;
    int record = 0;
    Ipv6Addr group;
    std::vector<Ipv6Addr> sources;
    friend bool operator==(const Said&, const Said&) = default;
};
enum Record : int { is_in = 1, is_ex, to_in, to_ex, allow, block };
using All = std::vector<Said>;

Said record(int type, std::vector<Ipv6Addr> sources = {}, const Ipv6Addr& about = group) {
    return {Icmpv6Type::listener_report_v2, type, about, std::move(sources)};
}
Said old(Icmpv6Type type, const Ipv6Addr& about = group) { return {type, 0, about, {}}; }

/// How a message travels.
struct Travel {
    Ipv6Addr from = peer6_near;
    std::uint8_t hop_limit = 1;
    bool router_alert = true;
};

struct Fixture : StackHost {
    explicit Fixture(const stack::StackConfig& config = host6_config()) : StackHost(config) {}
    ~Fixture() {
        for (const auto& socket : open) stack.udp().close(*socket, now);
        pass(8s);  // what has left is told again
        (void)taken();
        CHECK(frames.out() == 0);
        if (!stack.config().reports_own_groups) {
            CHECK(stack.next_deadline() == time::Instant::max());
            CHECK(stack.hosts().size() == 0);
        }
    }
    TextSocket6& bind(std::uint16_t port) {
        open.push_back(std::make_unique<TextSocket6>());
        REQUIRE(stack.udp().open(*open.back(), stack::Hosts::any_v6, port));
        return *open.back();
    }
    Result<> try_join(TextSocket6& socket, const Ipv6Addr& to, const Ipv6Addr& source = {}) {
        const auto from = source.is_unspecified() ? stack::wire::Ipv4Addr{} : stack.hosts().name(source);
        return stack.udp().join(socket, stack.hosts().name(to), from, now);
    }
    void join(TextSocket6& socket, const Ipv6Addr& to = group, const Ipv6Addr& source = {}) {
        REQUIRE(try_join(socket, to, source));
    }
    void leave(TextSocket6& socket, const Ipv6Addr& to = group, const Ipv6Addr& source = {}) {
        const auto from = source.is_unspecified() ? stack::wire::Ipv4Addr{} : stack.hosts().name(source);
        REQUIRE(stack.udp().leave(socket, stack.hosts().name(to), from, now));
    }
    bool has(const Ipv6Addr& what) { return stack.groups().has(stack.hosts().name(what)); }
    /// In steps, because what is due sets the next.
    void pass(std::chrono::nanoseconds time) {
        for (; time > 250ms; time -= 250ms) StackHost::pass(250ms);
        StackHost::pass(time);
    }
    /// A member whose join has been told.
    TextSocket6& member(const std::vector<Ipv6Addr>& sources = {}) {
        TextSocket6& socket = bind(7000);
        if (sources.empty()) join(socket);
        for (const Ipv6Addr& source : sources) join(socket, group, source);
        pass(11s);
        (void)said();
        return socket;
    }

    /// What has been said; the parser judges how it travelled.
    All said() {
        All all;
        for (const Bytes& frame : taken()) {
            const Sent6 sent = sent6_in(frame);
            CHECK(sent.ip.source == host6_near);
            CHECK(sent.ethernet.destination == stack::wire::MacAddr::of_group(sent.ip.destination));
            stack::wire::Ipv6Chain chain;
            const auto packet = std::span(frame).subspan(stack::wire::ethernet_bytes);
            REQUIRE(stack::wire::parse(packet, chain, sent.ip) == Drop::none);
            MldMessage message;
            REQUIRE(stack::wire::parse(packet.subspan(chain.payload_at), message, sent.ip, chain) == Drop::none);
            if (message.type != Icmpv6Type::listener_report_v2) {
                const bool is_done = message.type == Icmpv6Type::listener_done;
                CHECK(sent.ip.destination == (is_done ? Ipv6Addr::all_routers() : message.group));
                all.push_back({message.type, 0, message.group, {}});
                continue;
            }
            CHECK(sent.ip.destination == Ipv6Addr::all_mldv2_routers());
            stack::wire::MldRecord each;
            while (message.records.next(each)) {
                Said said{message.type, static_cast<int>(each.type), each.group, {}};
                for (std::size_t i = 0; i < each.sources.size(); ++i) said.sources.push_back(each.sources[i]);
                all.push_back(said);
            }
        }
        return all;
    }

    void hear(const MldMessage& message, const Travel& travel = {}, int more_sources = 0) {
        const bool is_general = message.group.is_unspecified();
        const Ends6 ends{travel.from, is_general ? Ipv6Addr::all_nodes() : message.group, travel.hop_limit, host_mac};
        Bytes bytes(stack::wire::mld_v2_query_bytes + message.sources.bytes.size());
        bytes.resize(stack::wire::write(message, bytes.data()));
        if (more_sources != 0)
            stack::wire::store_be16(bytes.data() + 26,
                                    static_cast<std::uint16_t>(message.sources.size() + std::size_t(more_sources)));
        stack::wire::seal_icmpv6(bytes, ends.from, ends.to);
        if (!travel.router_alert) return give(ipv6(protocol::icmpv6, bytes, ends));
        Bytes alert(stack::wire::ipv6_router_alert_bytes);
        stack::wire::write_router_alert(protocol::icmpv6, alert.data());
        give(ipv6(protocol::hop_by_hop, joined({alert, bytes}), ends));
    }
    static MldMessage query(const Ipv6Addr& about = {}, std::uint32_t response_ms = 1000, std::uint8_t version = 2) {
        MldMessage message;
        message.query_version = version;
        message.max_response_ms = response_ms;
        message.group = about;
        message.robustness = version == 2 ? 2 : 0;
        message.query_interval_s = version == 2 ? 125 : 0;
        return message;
    }
    void ask(const Ipv6Addr& about, const std::vector<Ipv6Addr>& sources, std::uint32_t response_ms = 1000) {
        Bytes bytes(sources.size() * stack::wire::ipv6_addr_bytes);
        for (std::size_t i = 0; i < sources.size(); ++i)
            stack::wire::store_ipv6(bytes.data() + i * stack::wire::ipv6_addr_bytes, sources[i]);
        MldMessage message = query(about, response_ms);
        message.sources = {bytes};
        hear(message);
    }
    void hear_datagram(const Ipv6Addr& to, std::string_view text, std::uint16_t port = 7000,
                       const Ipv6Addr& from = peer6) {
        const Ends6 ends{from, to};
        give(ipv6(protocol::udp, udp6(5000, port, text, ends), ends));
    }

    std::vector<std::unique_ptr<TextSocket6>> open;
};

// --- changes, RFC 3810 section 6.1

TEST_CASE("an IPv6 join is told at once and once more within a second, the last leave too", "[stack][mld]") {
    Fixture f;
    TextSocket6& first = f.bind(7000);
    TextSocket6& second = f.bind(7001);
    f.join(first);
    CHECK(f.said() == All{record(to_ex)});
    f.join(second);
    f.pass(1s);
    CHECK(f.said() == All{record(to_ex)});
    f.leave(first);
    f.pass(100s);
    CHECK(f.said().empty());
    f.leave(second);
    CHECK_FALSE(f.has(group));
    CHECK(f.said() == All{record(to_in)});
    f.pass(100s);
    CHECK(f.said() == All{record(to_in)});
}

TEST_CASE("the IPv6 sources of all sockets together are told", "[stack][mld]") {
    Fixture f;
    TextSocket6& first = f.bind(7000);
    TextSocket6& second = f.bind(7001);
    f.join(first, group, one);
    CHECK(f.said() == All{record(allow, {one})});
    f.pass(1s);
    (void)f.said();
    f.join(second, group, two);
    CHECK(f.said() == All{record(allow, {two})});
    f.pass(1s);
    (void)f.said();
    f.leave(first, group, one);
    CHECK(f.said() == All{record(block, {one})});
}

TEST_CASE("nobody is told of ff02::1, nor of what stays on a host", "[stack][mld]") {
    Fixture f;
    TextSocket6& socket = f.bind(7000);
    f.join(socket, Ipv6Addr::all_nodes());
    f.join(socket, Ipv6Addr::of(0xff01, 0, 0, 0, 0, 0, 0, 5));
    f.hear(Fixture::query());
    f.pass(2s);
    CHECK(f.said().empty());
}

TEST_CASE("the groups of our own addresses are told, and asked for", "[stack][mld]") {
    auto config = host6_config();
    config.reports_own_groups = true;
    config.address6 = near6(0x42);
    Fixture f(config);
    const Said own = record(to_ex, {}, config.address6.solicited_node());
    const Said near = record(to_ex, {}, host6_near.solicited_node());
    CHECK(f.said() == All{own, near});
    f.pass(1s);
    CHECK(f.said().size() == 2);
    f.hear(Fixture::query(host6_near.solicited_node()));
    f.pass(1s);
    CHECK(f.said() == All{record(is_ex, {}, host6_near.solicited_node())});
}

// --- queries, RFC 3810 section 6.2

TEST_CASE("an MLD query is answered with what we want of what it asks", "[stack][mld]") {
    Fixture f;
    SECTION("all groups in one report") {
        f.join(f.member(), other_group, one);
        f.pass(1s);
        (void)f.said();
        f.hear(Fixture::query());
        f.pass(1s);
        const All all = f.said();
        CHECK(all.size() == 2);
        CHECK(std::find(all.begin(), all.end(), record(is_in, {one}, other_group)) != all.end());
    }
    SECTION("a group of which all is wanted") {
        (void)f.member();
        f.ask(group, {});
        f.pass(1s);
        CHECK(f.said() == All{record(is_ex)});
        f.ask(group, {one, two});
        f.pass(1s);
        CHECK(f.said() == All{record(is_in, {one, two})});
    }
    SECTION("a group of which sources are wanted") {
        (void)f.member({one, two});
        f.ask(group, {two, three});
        f.pass(1s);
        CHECK(f.said() == All{record(is_in, {two})});
        f.ask(group, {one});
        f.ask(group, {two});
        f.pass(1s);
        CHECK(f.said() == All{record(is_in, {one, two})});
    }
    SECTION("a group that we are not in") {
        (void)f.member();
        f.ask(other_group, {});
        f.pass(1s);
        CHECK(f.said().empty());
    }
}

// --- version 1, RFC 3810 section 8.2

TEST_CASE("while an MLDv1 querier is about its words are spoken", "[stack][mld]") {
    Fixture f;
    f.hear(Fixture::query({}, 1000, 1));
    TextSocket6& socket = f.bind(7000);
    f.join(socket);
    CHECK(f.said() == All{old(Icmpv6Type::listener_report_v1)});
    f.pass(10s);
    CHECK(f.said() == All{old(Icmpv6Type::listener_report_v1)});
    f.leave(socket);
    CHECK(f.said() == All{old(Icmpv6Type::listener_done)});
    f.pass(251s);
    f.join(socket);
    CHECK(f.said() == All{record(to_ex)});
}

TEST_CASE("another host's MLDv1 report spares ours, and then the done is its to tell", "[stack][mld]") {
    Fixture f;
    TextSocket6& socket = f.member();
    f.hear(Fixture::query(group, 10'000, 1));
    MldMessage report;
    report.type = Icmpv6Type::listener_report_v1;
    report.group = group;
    f.hear(report);
    f.pass(20s);
    f.leave(socket);
    CHECK(f.said().empty());
}

// --- what lies, case 47

TEST_CASE("case 47: an MLD query that cannot be of this link is counted and not answered", "[stack][mld]") {
    Fixture f;
    (void)f.member();
    Travel travel;
    Drop why = Drop::mld_length;
    int more_sources = 0;
    SECTION("a hop limit that is not 1") {
        travel.hop_limit = GENERATE(as<std::uint8_t>{}, 2, 64, 255);
        why = Drop::mld_hop_limit;
    }
    SECTION("a source that is not link-local") {
        travel.from = GENERATE(peer6, far6);
        why = Drop::mld_source;
    }
    SECTION("no router alert") {
        travel.router_alert = false;
        why = Drop::mld_router_alert;
    }
    SECTION("more sources than there are") { more_sources = GENERATE(1, 1000, 65'535); }
    f.hear(Fixture::query(), travel, more_sources);
    f.hear(Fixture::query(group), travel, more_sources);
    f.pass(10s);
    CHECK(f.said().empty());
    CHECK(f.dropped(why) == 2);
}

TEST_CASE("case 47: a flood of MLD queries makes no flood of answers", "[stack][mld]") {
    Fixture f;
    (void)f.member();
    const std::uint32_t response_ms = GENERATE(0U, 1U, 10'000U);
    SECTION("general ones") {
        for (int i = 0; i < 1000; ++i) f.hear(Fixture::query({}, response_ms));
    }
    SECTION("about ever other sources") {
        for (std::uint16_t i = 0; i < 1000; ++i) f.ask(group, {near6(i)}, response_ms);
    }
    CHECK(f.dropped(Drop::mld_rate) >= 900);
    f.pass(10s);
    CHECK(f.taken().size() == 1);
}

// --- who hears what

TEST_CASE("every IPv6 member hears a datagram to its group, and nobody else", "[stack][mld][udp]") {
    Fixture f;
    TextSocket6& first = f.bind(7000);
    TextSocket6& not_member = f.bind(7001);
    f.hear_datagram(group, "too early");
    CHECK(f.dropped(Drop::ipv6_not_ours) == 1);
    f.join(first);
    f.hear_datagram(group, "one");
    f.hear_datagram(group, "two", 7001);
    f.hear_datagram(other_group, "none");
    CHECK(first.text() == "one");
    CHECK(first.peer == net::SocketAddr(peer6.ip(), 5000));
    CHECK(first.text() == "-");
    CHECK(not_member.text() == "-");
    f.leave(first);
    f.hear_datagram(group, "too late");
    CHECK(first.text() == "-");
}

TEST_CASE("an IPv6 member for one source hears that one", "[stack][mld][udp]") {
    Fixture f;
    TextSocket6& socket = f.bind(7000);
    f.join(socket, group, one);
    f.hear_datagram(group, "not wanted", 7000, two);
    CHECK(socket.text() == "-");
    f.hear_datagram(group, "wanted", 7000, one);
    CHECK(socket.text() == "wanted");
    CHECK(socket.peer == net::SocketAddr(one.ip(), 5000));
    CHECK(f.try_join(socket, group, one).error() == Errc::address_in_use);
    CHECK(f.try_join(socket, group).error() == Errc::address_in_use);
    CHECK(f.try_join(socket, group, other_group).error() == Errc::invalid_argument);
    CHECK(f.try_join(socket, peer6).error() == Errc::invalid_argument);
}

TEST_CASE("an IPv6 member for all shuts a source out, and routers hear of it", "[stack][mld][udp]") {
    Fixture f;
    TextSocket6& socket = f.bind(7000);
    f.join(socket);
    f.pass(11s);
    (void)f.said();
    stack::Hosts& hosts = f.stack.hosts();
    stack::Udp& udp = f.stack.udp();
    REQUIRE(udp.block(socket, hosts.name(group), hosts.name(one), f.now));
    CHECK(udp.block(socket, hosts.name(group), hosts.name(one), f.now).error() == Errc::address_in_use);
    CHECK(udp.block(socket, hosts.name(group), peer_ip, f.now).error() == Errc::invalid_argument);
    CHECK(f.said() == All{record(block, {one})});
    f.hear_datagram(group, "shut out", 7000, one);
    CHECK(socket.text() == "-");
    f.hear_datagram(group, "another", 7000, two);
    CHECK(socket.text() == "another");
    f.pass(1s);
    (void)f.said();
    REQUIRE(udp.unblock(socket, hosts.name(group), hosts.name(one), f.now));
    CHECK(f.said() == All{record(allow, {one})});
    f.hear_datagram(group, "let in", 7000, one);
    CHECK(socket.text() == "let in");
    CHECK(udp.unblock(socket, hosts.name(group), hosts.name(one), f.now).error() == Errc::address_not_available);
}

TEST_CASE("what is sent to an IPv6 group leaves for it, and comes back to this host's members", "[stack][mld][udp]") {
    Fixture f;
    TextSocket6& member = f.bind(7000);
    TextSocket6& sender = f.bind(7001);
    f.join(member);
    (void)f.said();
    const std::string_view text = "hello";
    const auto send = [&] {
        const auto to = f.stack.hosts().name(group);
        REQUIRE(f.stack.udp().send(sender, to, 7000, std::as_bytes(std::span(text)), f.now));
    };
    send();
    const auto frames = f.taken();
    REQUIRE(frames.size() == 1);
    const Sent6 sent = sent6_in(frames[0]);
    CHECK(sent.ip.hop_limit == 1);
    CHECK(sent.ip.source == host6);
    CHECK(sent.ethernet.destination == stack::wire::MacAddr::of_group(group));
    f.stack.input({}, f.now);
    CHECK(member.text() == "hello");
    CHECK(member.peer == net::SocketAddr(host6.ip(), 7001));
    sender.multicast_loop = false;
    sender.marks.multicast_ttl = 7;
    sender.is_marked = true;
    send();
    const auto more = f.taken();
    REQUIRE(more.size() == 1);
    CHECK(sent6_in(more[0]).ip.hop_limit == 7);
    f.stack.input({}, f.now);
    CHECK(member.text() == "-");
}

}  // namespace
}  // namespace skerry
