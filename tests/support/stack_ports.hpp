#pragma once

// A host with two ports, 198.18.0.2/24 and 198.19.0.2/24, whose sockets are this thread's. What leaves by one of them
// is taken from there.

#include "support/datagram.hpp"
#include "support/stack_host.hpp"
#include "support/test_core.hpp"

#include <skerry/net/udp_socket.hpp>
#include <skerry/stack/ports/ports_sockets.hpp>
#include <skerry/stack/wire/ip_protocol.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry::tests {

inline constexpr std::array<stack::wire::Ipv4Addr, 2> port_ips{host_ip, stack::wire::Ipv4Addr::of(198, 19, 0, 2)};
inline constexpr std::array<stack::wire::Ipv4Addr, 2> port_peers{peer_ip, stack::wire::Ipv4Addr::of(198, 19, 0, 1)};

inline net::SocketAddr at(stack::wire::Ipv4Addr address, std::uint16_t number) { return {address.ip(), number}; }
inline net::SocketAddr any(std::uint16_t number) { return {net::IpAddr::v4_any(), number}; }

/// Without gateways.
inline stack::StackConfig port_config(std::size_t port) {
    stack::StackConfig config = host_config();
    config.address = port_ips[port];
    config.gateway = {};
    return config;
}

struct StackPorts {
    explicit StackPorts(const stack::StackConfig& a = port_config(0), const stack::StackConfig& b = port_config(1))
        : hosts{StackHost(a), StackHost(b)} {
        const std::uint16_t home = task::current_scheduler->home();
        for (std::size_t i = 0; i < 2; ++i) each[i].emplace(hosts[i].stack, home).set_now(hosts[i].now);
        const std::array<stack::Sockets*, 2> ports{&*each[0], &*each[1]};
        sockets.emplace(ports, home);
        outer_ = std::exchange(backend::current_sockets, &*sockets);
    }
    ~StackPorts() { backend::current_sockets = outer_; }

    /// Turns of the loop, as many as a handshake with ourselves takes.
    void pump() {
        for (int i = 0; i < 8; ++i) {
            core.run_until_idle();
            core.in([this] {
                for (StackHost& host : hosts) {
                    host.stack.input({}, host.now);
                    host.stack.advance(host.now);
                }
            });
        }
        core.run_until_idle();
    }
    /// A datagram of the peer of this port comes.
    void hear(std::size_t port, std::string_view text, std::uint16_t to = 7000) {
        core.in([&] {
            hosts[port].give(ipv4(stack::wire::ip_protocol::udp,
                                  sealed_datagram(9, to, text, port_peers[port], port_ips[port]), port_ips[port],
                                  port_peers[port]));
        });
    }
    /// Which port asks for the hardware address of this host, alone; none: -1.
    int asker_of(stack::wire::Ipv4Addr host) {
        int asker = -1;
        for (int i = 0; i < 2; ++i)
            for (const Bytes& frame : hosts[static_cast<std::size_t>(i)].taken())
                if (is_question(frame, host)) asker = asker == -1 ? i : 2;
        return asker;
    }
    static bool is_question(const Bytes& frame, stack::wire::Ipv4Addr host) {
        stack::wire::ArpPacket packet;
        return stack::wire::load_be16(frame.data() + 12) == stack::wire::ether_type::arp &&
               stack::wire::parse(std::span(frame).subspan(stack::wire::ethernet_bytes), packet) == stack::Drop::none &&
               packet.operation == stack::wire::ArpOperation::request && packet.target_ip == host;
    }

    test_support::TestCore core;

private:
    test_support::TestCore::Entered entered_{core};  // sockets are this core's, also those made outside of a task

public:
    std::array<StackHost, 2> hosts;
    std::array<std::optional<stack::Sockets>, 2> each;
    std::optional<stack::PortsSockets> sockets;

private:
    backend::SocketFactory* outer_ = nullptr;
};

inline Task<void> hear_text(net::UdpSocket& socket, std::string& text) {
    std::array<std::byte, 100> buffer;
    auto received = co_await socket.recv_from(buffer);
    text = received ? std::string(reinterpret_cast<const char*>(buffer.data()), received->bytes)
                    : std::string(to_string(received.error().code()));
}
/// The next datagram, or why there is none.
inline std::string heard(StackPorts& ports, net::UdpSocket& socket) {
    std::string text;
    REQUIRE(ports.core.run(hear_text(socket, text)));
    return text;
}

inline Task<void> say_text(net::UdpSocket& socket, net::SocketAddr to, Errc& outcome) {
    constexpr std::string_view text = "hello";
    auto sent = co_await socket.send_to(std::as_bytes(std::span(text)), to);
    outcome = sent ? Errc::ok : sent.error().code();
}
inline Errc said(StackPorts& ports, net::UdpSocket& socket, net::SocketAddr to) {
    Errc outcome = Errc::ok;
    REQUIRE(ports.core.run(say_text(socket, to, outcome)));
    return outcome;
}

}  // namespace skerry::tests
