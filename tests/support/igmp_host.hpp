#pragma once

// A host with sockets in IPv4 groups on a wire that the test holds: what routers ask, and what the host says to them.

#include "support/datagram.hpp"
#include "support/stack_host.hpp"
#include "support/text_socket.hpp"

#include <skerry/stack/wire/igmp.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry::tests::igmp_host {

using namespace std::chrono_literals;
using stack::Drop;
using stack::wire::IgmpMessage;
using stack::wire::IgmpType;
using stack::wire::Ipv4Addr;

/// What has been said of a group: a message of an older version, or a record of a report of version 3.
struct Said {
    IgmpType type = IgmpType::report_v3;
    int record = 0;
    Ipv4Addr group;
    std::vector<Ipv4Addr> sources;
    friend bool operator==(const Said&, const Said&) = default;
};
enum Record : int { is_in = 1, is_ex, to_in, to_ex, allow, block };

inline constexpr Ipv4Addr group = Ipv4Addr::of(239, 255, 77, 1);
inline constexpr Ipv4Addr other_group = Ipv4Addr::of(239, 255, 77, 2);

using Socket = TextSocket;

/// Appends the records of a report.
inline void read_report(std::span<const std::byte> in, std::vector<Said>& all) {
    using namespace stack::wire;
    REQUIRE(in.size() >= igmp_v3_report_bytes);
    CHECK(fold(sum(in)) == 0);
    auto rest = in.subspan(igmp_v3_report_bytes);
    for (int left = load_be16(in.data() + 6); left > 0; --left) {
        REQUIRE(rest.size() >= igmp_record_bytes);
        Said said;
        said.record = load_8(rest.data());
        said.group = load_ipv4(rest.data() + 4);
        const std::size_t sources = load_be16(rest.data() + 2);
        rest = rest.subspan(igmp_record_bytes);
        REQUIRE(rest.size() >= 4 * sources);
        for (std::size_t i = 0; i < sources; ++i) said.sources.push_back(load_ipv4(rest.data() + 4 * i));
        rest = rest.subspan(4 * sources);
        all.push_back(said);
    }
    CHECK(rest.empty());
}

/// What a query of version 3 says beside its group.
struct Query {
    int code = 10;
    int robustness = 2;
    std::vector<Ipv4Addr> sources = {};
    int more_sources = 0;  ///< that it says it has and has not
    std::uint8_t ttl = 1;
    bool router_alert = true;
};

struct Fixture : StackHost {
    explicit Fixture(stack::StackConfig config = host_config()) : StackHost(config) {}
    ~Fixture() {
        for (const auto& socket : open) stack.udp().close(*socket, now);
        pass(8s);  // what has left is told again
        (void)taken();
        CHECK(stack.next_deadline() == time::Instant::max());
        CHECK(frames.out() == 0);
    }
    Socket& bind(Ipv4Addr local, std::uint16_t port) {
        open.push_back(std::make_unique<Socket>());
        REQUIRE(stack.udp().open(*open.back(), local, port));
        return *open.back();
    }
    void join(Socket& socket, Ipv4Addr to = group, Ipv4Addr source = {}) {
        REQUIRE(stack.udp().join(socket, to, source, now));
    }
    void leave(Socket& socket, Ipv4Addr to = group, Ipv4Addr source = {}) {
        REQUIRE(stack.udp().leave(socket, to, source, now));
    }
    /// In steps, because what is due sets the next.
    void pass(std::chrono::nanoseconds time) {
        for (; time > 250ms; time -= 250ms) StackHost::pass(250ms);
        StackHost::pass(time);
    }
    /// A member whose join has been told.
    Socket& member(std::vector<Ipv4Addr> sources = {}) {
        Socket& socket = bind({}, 7000);
        if (sources.empty()) join(socket);
        for (const Ipv4Addr source : sources) join(socket, group, source);
        pass(11s);
        (void)said();
        return socket;
    }

    /// What has been said, each message sound on its way.
    std::vector<Said> said() {
        std::vector<Said> all;
        for (const Bytes& frame : taken()) {
            stack::wire::EthernetHeader ethernet;
            REQUIRE(stack::wire::parse(frame, ethernet) == Drop::none);
            const auto packet = std::span(frame).subspan(ethernet.header_bytes);
            stack::wire::Ipv4Header ip;
            REQUIRE(stack::wire::parse(packet, ip) == Drop::none);
            CHECK(ip.ttl == 1);
            CHECK(ip.tos == 0xc0);
            CHECK(ip.router_alert);
            CHECK(ip.protocol == stack::wire::ip_protocol::igmp);
            CHECK(ethernet.destination == stack::wire::MacAddr::of_group(ip.destination));
            const auto bytes = packet.subspan(ip.header_bytes);
            if (bytes[0] == static_cast<std::byte>(IgmpType::report_v3)) {
                CHECK(ip.destination == stack::wire::igmp_v3_routers);
                read_report(bytes, all);
                continue;
            }
            IgmpMessage message;
            REQUIRE(stack::wire::parse(bytes, message) == Drop::none);
            CHECK(ip.destination == (message.type == IgmpType::leave ? stack::wire::igmp_all_routers : message.group));
            all.push_back({message.type, 0, message.group, {}});
        }
        return all;
    }

    /// A message of an older version.
    void hear(IgmpType type, Ipv4Addr about, std::uint16_t tenths = 0, std::uint8_t version = 2) {
        IgmpMessage message;
        message.type = type;
        message.query_version = type == IgmpType::query ? version : 0;
        message.max_response_tenths = tenths;
        message.group = about;
        Bytes bytes(stack::wire::igmp_bytes);
        stack::wire::write(message, bytes.data());
        const Ipv4Addr to = about.is_unspecified() ? stack::wire::igmp_all_systems : about;
        Bytes frame = ipv4(stack::wire::ip_protocol::igmp, bytes, to);
        stack::wire::store_mac(frame.data(), stack::wire::MacAddr::of_group(to));
        give(frame);
    }

    /// A query of version 3.
    void ask(Ipv4Addr about, const Query& query = {}) {
        using namespace stack::wire;
        Bytes bytes(igmp_v3_query_bytes + 4 * query.sources.size());
        store_8(bytes.data(), 0x11);
        store_8(bytes.data() + 1, static_cast<std::uint8_t>(query.code));
        store_ipv4(bytes.data() + 4, about);
        store_8(bytes.data() + 8, static_cast<std::uint8_t>(query.robustness));
        store_8(bytes.data() + 9, 125);
        store_be16(bytes.data() + 10,
                   static_cast<std::uint16_t>(query.sources.size() + static_cast<std::size_t>(query.more_sources)));
        for (std::size_t i = 0; i < query.sources.size(); ++i)
            store_ipv4(bytes.data() + igmp_v3_query_bytes + 4 * i, query.sources[i]);
        store_checksum(bytes.data() + 2, fold(sum(bytes)));
        Ipv4Header header;
        header.router_alert = query.router_alert;
        header.header_bytes = query.router_alert ? ipv4_bytes + router_alert_bytes : ipv4_bytes;
        header.total_bytes = static_cast<std::uint16_t>(header.header_bytes + bytes.size());
        header.ttl = query.ttl;
        header.protocol = ip_protocol::igmp;
        header.source = peer_ip;
        header.destination = about.is_unspecified() ? igmp_all_systems : about;
        Bytes packet(header.header_bytes);
        write(header, packet.data());
        packet.insert(packet.end(), bytes.begin(), bytes.end());
        Bytes frame = ethernet(ether_type::ipv4, packet);
        store_mac(frame.data(), MacAddr::of_group(header.destination));
        give(frame);
    }

    void hear_datagram(Ipv4Addr to, std::string_view text, std::uint16_t port = 7000) {
        const Bytes bytes = sealed_datagram(5000, port, text, peer_ip, to);
        Bytes frame = ipv4(17, bytes, to);
        stack::wire::store_mac(frame.data(), stack::wire::MacAddr::of_group(to));
        give(frame);
    }

    std::vector<std::unique_ptr<Socket>> open;
};

inline constexpr Ipv4Addr one = Ipv4Addr::of(198, 18, 0, 51);
inline constexpr Ipv4Addr two = Ipv4Addr::of(198, 18, 0, 52);
inline constexpr Ipv4Addr three = Ipv4Addr::of(198, 18, 0, 53);

inline Said record(int type, std::vector<Ipv4Addr> sources = {}, Ipv4Addr about = group) {
    return {IgmpType::report_v3, type, about, std::move(sources)};
}
inline Said old(IgmpType type, Ipv4Addr about = group) { return {type, 0, about, {}}; }
using All = std::vector<Said>;

}  // namespace skerry::tests::igmp_host
