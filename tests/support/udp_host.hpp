#pragma once

// A host with our stack whose sockets of UDP are closed at the end.

#include "stack_host.hpp"

#include <skerry/stack/udp.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace skerry::tests {

struct UdpSocket final : stack::UdpEndpoint {
    void on_ready() noexcept override { ++calls; }

    /// The oldest datagram's text; "-" when there is none.
    std::string text() {
        const stack::UdpDatagram got = take();
        if (got.frame == nullptr) return "-";
        peer = got.source;
        peer_port = got.source_port;
        std::string text(reinterpret_cast<const char*>(got.frame->data), got.frame->length);
        got.frame->drop();
        return text;
    }

    int calls = 0;
    stack::wire::Ipv4Addr peer;
    std::uint16_t peer_port = 0;
};

struct UdpHost : StackHost {
    explicit UdpHost(const stack::StackConfig& config = host_config()) : StackHost(config) {}
    ~UdpHost() {
        for (const auto& socket : open) stack.udp().close(*socket, now);
        (void)taken();
        CHECK(frames.out() == 0);
    }
    UdpSocket& bind(stack::wire::Ipv4Addr local, std::uint16_t port) {
        open.push_back(std::make_unique<UdpSocket>());
        REQUIRE(stack.udp().open(*open.back(), local, port));
        return *open.back();
    }

    std::vector<std::unique_ptr<UdpSocket>> open;
};

}  // namespace skerry::tests
