#include "connections.hpp"

#include "os_reason.hpp"

#include <skerry/base/os_socket_addr.hpp>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace skerry::pkt::kernel {

using backend::TcpState;

namespace {

// By the kernel's numbers, from 1. A request that waits for its last acknowledgement may be told as 12.
constexpr std::array<TcpState, 13> states{
    TcpState::closed,     TcpState::established, TcpState::syn_sent,    TcpState::syn_received, TcpState::fin_wait_1,
    TcpState::fin_wait_2, TcpState::time_wait,   TcpState::closed,      TcpState::close_wait,   TcpState::last_ack,
    TcpState::closed,     TcpState::closing,     TcpState::syn_received};

constexpr std::uint32_t all_but(std::initializer_list<unsigned> left_out) {
    std::uint32_t bits = (1U << states.size()) - 1;
    for (const unsigned state : left_out) bits &= ~(1U << state);
    return bits;
}
constexpr unsigned closed = 7;
constexpr unsigned listening = 10;

net::SocketAddr address_of(std::uint8_t family, const __be32 (&words)[4], __be16 port) {
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), words, octets.size());
    const auto host_port = net::detail::swapped_to_network(port);
    if (family == AF_INET6) return {net::IpAddr::v6(octets).unmapped(), host_port};
    return {net::IpAddr::v4(std::array<std::uint8_t, 4>{octets[0], octets[1], octets[2], octets[3]}), host_port};
}

}  // namespace

struct Connections::Found {
    ConnectionView view;
    inet_diag_req_v2 name;  ///< by which the kernel finds it again, and no later one of the same addresses
};

Result<Connections, Unsupported> Connections::open(const NetworkNamespace& home) {
    Result<Netlink, Unsupported> netlink = Unexpected(Unsupported{});
    home.within([&] { netlink = Netlink::open(NETLINK_SOCK_DIAG); });
    if (!netlink) return Unexpected(std::move(netlink).error());
    Connections made(std::move(*netlink));
    std::vector<Found> none;
    if (const int error = made.find_all(none); error != 0) return Unexpected(os_reason("sock_diag of TCP", error));
    return made;
}

int Connections::find_all(std::vector<Found>& found) {
    int error = 0;
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
        inet_diag_req_v2 asked{};
        asked.sdiag_family = family;
        asked.sdiag_protocol = IPPROTO_TCP;
        asked.idiag_states = all_but({0, closed, listening});
        NetlinkRequest request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, asked);
        const int failed = netlink_.list(std::move(request), [&](std::span<const std::byte> body) {
            inet_diag_msg told;
            if (body.size() < sizeof told) return;
            std::memcpy(&told, body.data(), sizeof told);
            const ConnectionView view{address_of(told.idiag_family, told.id.idiag_src, told.id.idiag_sport),
                                      address_of(told.idiag_family, told.id.idiag_dst, told.id.idiag_dport),
                                      states[std::min<std::size_t>(told.idiag_state, states.size() - 1)]};
            asked.id = told.id;
            found.push_back({view, asked});
        });
        if (error == 0) error = failed;
    }
    return error;
}

std::vector<ConnectionView> Connections::list() {
    std::vector<Found> found;
    static_cast<void>(find_all(found));  // it could when this was opened
    std::vector<ConnectionView> views;
    for (const Found& one : found) views.push_back(one.view);
    return views;
}

bool Connections::end(const Found& found) {
    return netlink_.ask(NetlinkRequest(SOCK_DESTROY, NLM_F_ACK, found.name)) == 0;
}

bool Connections::end(const net::SocketAddr& local, const net::SocketAddr& remote) {
    std::vector<Found> found;
    static_cast<void>(find_all(found));
    const auto same = [](const net::SocketAddr& a, const net::SocketAddr& b) {
        return a.ip().unmapped() == b.ip().unmapped() && a.port() == b.port();
    };
    for (const Found& one : found)
        if (same(one.view.local, local) && same(one.view.remote, remote)) return end(one);
    return false;
}

void Connections::end_all() {
    std::vector<Found> found;
    static_cast<void>(find_all(found));
    for (const Found& one : found) end(one);
}

}  // namespace skerry::pkt::kernel
