#pragma once

// Cores that listen with one address, of IPv4 or of IPv6, and a peer who connects to them.

#include "support/ipv6_host.hpp"
#include "support/stack_cores.hpp"
#include "support/tcp_host.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::tests {

inline constexpr std::uint16_t listened_port = 7000;

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string read(StackCores& cores, StackCores::Core& core, TestEndpoint& from) {
    std::string text(from.tcb->received_bytes, ' ');
    text.resize(
        core.stack.tcp().read(*from.tcb, std::as_writable_bytes(std::span(text.data(), text.size())), cores.now));
    return text;
}

/// A connection: both ends, and the core that has ours.
struct Pair {
    std::unique_ptr<TestEndpoint> theirs = std::make_unique<TestEndpoint>();
    std::unique_ptr<TestEndpoint> ours = std::make_unique<TestEndpoint>();
    StackCores::Core* core = nullptr;
};

/// Cores that listen, and a peer who connects to them.
struct ListeningCores : StackCores {
    explicit ListeningCores(const stack::SteeringOptions& how = options(2, 1),
                            const stack::StackConfig& config = host_config())
        : StackCores(how, config), is_v6(!config.address6.is_unspecified()), acceptors(how.cores) {}
    ~ListeningCores() {
        for (Pair& pair : pairs) end(pair);
        for (std::size_t core = 0; core < cores.size(); ++core)
            if (acceptors[core] != nullptr) close(core);
        pass(std::chrono::minutes{5});
        for (auto& core : cores) {
            CHECK(core->stack.tcp().sizes().connections == 0);
            CHECK(core->stack.tcp().sizes().half_open == 0);
        }
    }

    [[nodiscard]] Result<> listen(std::size_t core, bool is_shared = true) {
        auto made = std::make_unique<TestAcceptor>();
        auto listening = cores[core]->stack.tcp().listen(*made, any(), listened_port, 1024, is_shared);
        if (listening) acceptors[core] = std::move(made);
        return listening;
    }
    void close(std::size_t core) {
        cores[core]->stack.tcp().close(*acceptors[core], now);
        acceptors[core] = nullptr;
    }

    /// Connects from the peer and accepts wherever it arrives; null when nobody has it.
    Pair* connect() {
        Pair& pair = pairs.emplace_back();
        REQUIRE(peer->stack.tcp().connect(*pair.theirs, host_of(*peer), listened_port, now));
        converse();
        for (std::size_t core = 0; core < cores.size(); ++core)
            if (acceptors[core] != nullptr && cores[core]->stack.tcp().accept(*acceptors[core], *pair.ours)) {
                pair.core = cores[core].get();
                return &pair;
            }
        return nullptr;
    }
    /// Both directions carry what they should.
    [[nodiscard]] bool talks(Pair& pair) {
        if (pair.theirs->tcb->state != stack::tcp::State::established) return false;
        static int number = 0;
        const std::string there = "to the core " + std::to_string(++number);
        const std::string back = "from the core " + std::to_string(number);
        peer->stack.tcp().write(*pair.theirs->tcb, bytes_of(there), now);
        pair.core->stack.tcp().write(*pair.ours->tcb, bytes_of(back), now);
        converse();
        return read(*this, *pair.core, *pair.ours) == there && read(*this, *peer, *pair.theirs) == back;
    }
    void end(Pair& pair) {
        if (pair.theirs->tcb != nullptr) peer->stack.tcp().close(*pair.theirs, now);
        if (pair.core != nullptr && pair.ours->tcb != nullptr) {
            converse();
            pair.core->stack.tcp().close(*pair.ours, now);
        }
        pair.core = nullptr;
        converse();
    }
    /// The cores connect in turn, to a peer that listens on port 80, each by a number that no other has.
    void connect_in_turn(std::size_t count) {
        TestAcceptor theirs;
        REQUIRE(peer->stack.tcp().listen(theirs, any(), 80, 256));
        std::set<std::uint16_t> ports;
        std::vector<std::unique_ptr<TestEndpoint>> ours;
        for (std::size_t i = 0; i < count; ++i) {
            Core& core = *cores[i % cores.size()];
            ours.push_back(std::make_unique<TestEndpoint>());
            REQUIRE(core.stack.tcp().connect(*ours.back(), peer_of(core), 80, now));
            ports.insert(ours.back()->tcb->tuple.local_port);
            converse();
        }
        CHECK(ports.size() == count);
        for (std::size_t i = 0; i < count; ++i) {
            CHECK(ours[i]->tcb->state == stack::tcp::State::established);
            cores[i % cores.size()]->stack.tcp().close(*ours[i], now);
        }
        converse();
        peer->stack.tcp().close(theirs, now);
    }
    [[nodiscard]] std::vector<std::size_t> counts() {
        std::vector<std::size_t> counts(cores.size());
        for (std::size_t core = 0; core < cores.size(); ++core)
            counts[core] = cores[core]->stack.tcp().sizes().connections;
        return counts;
    }

    /// All addresses, the hosts and the peer as a core names them.
    [[nodiscard]] stack::wire::Ipv4Addr any() const { return is_v6 ? stack::Hosts::any_v6 : stack::wire::Ipv4Addr{}; }
    [[nodiscard]] stack::wire::Ipv4Addr host_of(Core& core) const {
        return is_v6 ? core.stack.hosts().name(host6) : host_ip;
    }
    [[nodiscard]] stack::wire::Ipv4Addr peer_of(Core& core) const {
        return is_v6 ? core.stack.hosts().name(peer6) : peer_ip;
    }

    bool is_v6;
    std::vector<std::unique_ptr<TestAcceptor>> acceptors;
    std::list<Pair> pairs;
};

}  // namespace skerry::tests
