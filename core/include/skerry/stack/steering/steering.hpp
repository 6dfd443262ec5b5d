#pragma once

// What the cores that share one address and one port share: who has which socket and which connection, and the rings by
// which frames reach them.
//
//   a queue of the port ─► a core's stack ─┬─ its own connection or socket
//                                          └─ another core's ── ring (from, to) ─► that core's stack
//
// Whose a packet is:
//   TCP        of the core that has the connection (FlowOwners); a first SYN of one of the cores that listen
//              (PortOwners), chosen by its hash
//   UDP        of the core that has the socket; of several that share the port, one chosen by its hash
//   to many    of all cores with a socket for it, which get copies
//   ICMP error of the core that has what it is about
//   fragment   of a core that its addresses and number choose: there the datagram is put together and judged again, as
//              if it had come whole, by the queue that its hash names
//   ARP, NDP   answered by the core that got it; what it teaches goes to all, who each have a table of neighbours, and
//              an answer first to those that asked (Questions)
//   routers    what they say goes to the first core, and what that made of it to all (Ipv6Facts)
//   DHCP       of the first core. What it learns of the network stands here, and the others are told to look
//
// An IPv6 host has on each core a number of its own (hosts.hpp), so what cores share names it by 64 keyed bits of its
// address, and what crosses is the packet, of which the other core makes its own numbers.
//
// A core looks at its own connections first, so where the port chooses queues by our hash nothing of this is in the way
// of a segment, and a connection lives where its segments come. With fewer queues than cores, the cores without one
// get their frames and send them by rings. What crosses is held by nobody else and begins with its network header.

#include "core_set.hpp"
#include "flow_owners.hpp"
#include "frame_ring.hpp"
#include "group_members.hpp"
#include "port_owners.hpp"
#include "published.hpp"
#include "questions.hpp"
#include "toeplitz.hpp"

#include "../ipv4_network.hpp"
#include "../ipv6_facts.hpp"
#include "../long_frame.hpp"
#include "../../base/cache_line.hpp"
#include "../../base/spin_lock.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace skerry::stack {

struct SteeringOptions {
    std::uint16_t cores = 1;  ///< at most cores_max
    /// Queue q is core q % cores'. Of cores without one, core c sends by core c % queues.
    std::uint16_t queues = 1;
    /// The port chooses the queue by Toeplitz::key_of(seed, rss_key) and a table that names the queues in turn. Counts
    /// when each core has one.
    bool hash_predicts = false;
    bool hashes_udp_ports = true;  ///< of datagrams as of segments; else of their addresses alone
    bool hashes_v6 = true;  ///< segments of IPv6 too, by the same key; else what queue they come by says nothing
    bool hashes_udp6_ports = true;
    std::uint16_t table_entries = 128;  ///< of that table; a power of two
    std::size_t ring_frames = 512;  ///< of each ordered pair of cores; what comes to a full ring is dropped
    std::size_t heap_bytes_max = long_frames_bytes_max;  ///< in long frames: beyond, nothing crosses as a copy there
    std::size_t flows_max = 1U << 20U;  ///< connections of all cores
    std::uint64_t seed = 0;
    RssKey rss_key = RssKey::random;
    constexpr SteeringOptions() noexcept {}
};

class CoreSteering;

/// Lifetime: as long as the last of its cores; frames that are left in rings are dropped then.
/// Threads:  any.
class Steering {
public:
    explicit Steering(const SteeringOptions& options);
    Steering(const Steering&) = delete;
    Steering& operator=(const Steering&) = delete;

    [[nodiscard]] const SteeringOptions& options() const noexcept { return options_; }
    [[nodiscard]] const Toeplitz& toeplitz() const noexcept { return toeplitz_; }
    [[nodiscard]] PortOwners& tcp_ports() noexcept { return tcp_ports_; }
    [[nodiscard]] PortOwners& udp_ports() noexcept { return udp_ports_; }
    [[nodiscard]] FlowOwners& flows() noexcept { return flows_; }
    [[nodiscard]] GroupMembers& groups() noexcept { return groups_; }
    [[nodiscard]] Questions& questions() noexcept { return questions_; }

    /// What the first core knows of the network, and all go by.
    [[nodiscard]] Published<Ipv4Network>& ipv4() noexcept { return ipv4_; }
    [[nodiscard]] Published<Ipv6Facts>& ipv6() noexcept { return ipv6_; }

    [[nodiscard]] bool hash_predicts() const noexcept { return hash_predicts_.load(std::memory_order_relaxed); }
    /// A packet came by another queue than its hash said. Nothing that stands is lost by it.
    /// Whoever calls it says so.
    void distrust_hash() noexcept {
        hash_predicts_.store(false, std::memory_order_relaxed);
        crossing_is_news_.store(false, std::memory_order_relaxed);
    }
    /// The queue by which packets with this hash come.
    [[nodiscard]] std::uint16_t queue_of(std::uint32_t hash) const noexcept {
        return static_cast<std::uint16_t>((hash & (options_.table_entries - 1U)) % options_.queues);
    }
    /// The core to which they come.
    [[nodiscard]] std::uint16_t core_of(std::uint32_t hash) const noexcept {
        return static_cast<std::uint16_t>(queue_of(hash) % options_.cores);
    }

    /// Cores that run.
    [[nodiscard]] CoreSet running() const noexcept { return running_.load(std::memory_order_relaxed); }

private:
    friend CoreSteering;

    /// What others tell a core: a bit for each that has published something, and whether it sleeps.
    struct alignas(no_sharing_bytes) Inbox {
        std::atomic<std::uint64_t> word{0};
        SpinLock lock;  // of the two below
        void (*wake)(void*) noexcept = nullptr;
        void* context = nullptr;
    };
    static constexpr std::uint64_t asleep = std::uint64_t{1} << cores_max;

    [[nodiscard]] FrameRing& ring(std::uint16_t from, std::uint16_t to) noexcept {
        return *rings_[std::size_t{from} * options_.cores + to];
    }
    /// Frames of a core without a queue for the wire.
    [[nodiscard]] FrameRing& wire_ring(std::uint16_t from) noexcept { return *wire_rings_[from]; }
    void notify(std::uint16_t to, std::uint16_t from) noexcept;

    SteeringOptions options_;
    Toeplitz toeplitz_;
    PortOwners tcp_ports_;
    PortOwners udp_ports_;
    FlowOwners flows_;
    GroupMembers groups_;
    Questions questions_;
    Published<Ipv4Network> ipv4_;
    Published<Ipv6Facts> ipv6_;
    std::vector<Inbox> inboxes_;
    std::vector<std::unique_ptr<FrameRing>> rings_;
    std::vector<std::unique_ptr<FrameRing>> wire_rings_;
    std::atomic<CoreSet> running_{0};
    std::atomic<bool> hash_predicts_;
    std::atomic<bool> crossing_is_news_;  // guards nothing: who exchanges it tells
};

}  // namespace skerry::stack
