#pragma once

// Who is behind an address on the link: ARP for IPv4, neighbour discovery for IPv6 (what others begin of it is
// ndp.hpp), and for both the states of neighbour unreachability detection, so that a neighbour that went away is
// noticed within seconds and one that is there is not asked again and again.
//
//   incomplete  asked by broadcast, or in its solicited-node group; packets wait
//   reachable   it answered within the last 30 s
//   stale       it answered once; used as it is, and the first use begins a check
//   delay       in use for less than 5 s; an answer of a protocol above (confirm()) spares the check
//   probe       asked by unicast; still used
//
// A packet of somebody who was not asked makes no entry, unless it asks for us: then an answer is due to it anyway. It
// changes an entry that was not confirmed in the last second (a service that moved says so this way).
//
// But whoever sends us something in the name of a host of the link that is not there makes us ask for it, from anywhere
// and as often as the link takes (RFC 6583). So those that are incomplete are kept apart: they are half of the table at
// most, and beyond that the oldest question goes for a new one, as do the packets that wait longest. Who is there
// answers in less time than such a flood takes to come round: half of the table is as much as any port's queue holds,
// in which the answer stands behind the flood. A router's question comes to its end all the same.
//
// Source: RFC 826; RFC 4861 section 7.3.

#include "arp_claim.hpp"
#include "config.hpp"
#include "drop.hpp"
#include "frame_queue.hpp"
#include "host_table.hpp"
#include "hosts.hpp"
#include "ipv6_link.hpp"
#include "link.hpp"
#include "timers.hpp"
#include "wire/arp.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

namespace skerry::stack {

/// Threads: one core.
class Neighbours {
public:
    Neighbours(const StackConfig& config, Hosts& hosts, Ipv6Link& ipv6_link, Link& link, Timers& timers,
               DropCounters& drops);
    ~Neighbours();
    Neighbours(const Neighbours&) = delete;
    Neighbours& operator=(const Neighbours&) = delete;

    /// The link is asked for our IPv4 addresses, and waits for nothing.
    void ask() noexcept;
    /// The link hears of our IPv4 addresses.
    void begin(time::Instant now) noexcept;
    /// Of the first one.
    [[nodiscard]] ArpClaim& claim() noexcept { return claim_; }
    /// Our IPv4 address is another, or there is none any more: who was behind the old one's neighbours is not known,
    /// and what waits for them is from nobody.
    void forget_ipv4() noexcept;

    /// Sends an IP packet to `next_hop`, at once or when its hardware address is known. Takes the packet over.
    void send(Frame& packet, wire::Ipv4Addr next_hop, time::Instant now) noexcept;

    /// Until when, in ns, what goes to the `next_hop` of the last send() may leave without it, as that left: it would
    /// change nothing here.
    [[nodiscard]] std::int64_t sure_until() const noexcept { return sure_until_; }
    /// What that had in front, right after that send() and when there is something to be sure of.
    [[nodiscard]] const wire::EthernetImage& sure_image() const noexcept { return last_->image; }

    /// What an ARP packet says to other cores: those that have asked for its sender, and whether it is news to all.
    struct News {
        CoreSet askers = 0;
        bool is_for_all = false;
    };
    /// An ARP packet came.
    News input(const wire::ArpPacket& packet, time::Instant now) noexcept;
    /// One that another core got, which has answered it.
    void input_steered(const wire::ArpPacket& packet, time::Instant now) noexcept;

    /// A neighbour asks for us by IPv6 and says where it is: a number, and perhaps one that passes. Whether that is
    /// news.
    bool asked_by(wire::Ipv4Addr neighbour, const wire::MacAddr& mac, time::Instant now) noexcept;
    /// An advertisement of it. False when nothing is known of it, and nothing is learned.
    bool advertised(wire::Ipv4Addr neighbour, const std::optional<wire::MacAddr>& mac, bool is_solicited,
                    bool overrides, time::Instant now) noexcept;

    /// Something came from there that answers what we sent: the way works in both directions.
    void confirm(wire::Ipv4Addr neighbour, time::Instant now) noexcept;

    /// Packets, IP header in front, whose neighbour was asked for in vain. Whoever takes them tells their senders.
    [[nodiscard]] FrameQueue& unreachable() noexcept { return unreachable_; }

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    /// Of those, who was asked for and has not answered yet.
    [[nodiscard]] std::size_t unanswered() const noexcept { return unanswered_; }
    /// Entries that a look-up visits at most.
    [[nodiscard]] std::size_t visits_max() const noexcept { return stack::visits_max(entries_); }
    /// Packets that wait for an answer.
    [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }

private:
    enum class State : std::uint8_t { incomplete, reachable, stale, delay, probe };

    struct Entry;
    struct ByUse : ListLink {
        Entry* entry = nullptr;
    };
    struct Entry : Timer {
        Neighbours* table = nullptr;
        wire::Ipv4Addr address;
        wire::MacAddr mac;
        wire::EthernetImage image;  // of a frame to it
        State state = State::incomplete;
        std::uint8_t requests = 0;
        time::Instant confirmed;
        ByUse by_use;  // in one of the three lists
        FrameQueue waiting;
    };

    using Entries = HostTable<std::unique_ptr<Entry>>;

    [[nodiscard]] Entry* find(wire::Ipv4Addr address) noexcept;
    Entry* make(wire::Ipv4Addr host) noexcept;
    Entry* make_held(wire::Ipv4Addr address) noexcept;
    [[nodiscard]] Entry* first_of(IntrusiveList<ByUse>& list) noexcept;
    void limit_unanswered() noexcept;
    [[nodiscard]] Entry& least_needed() noexcept;
    void erase(Entry& entry, Drop why) noexcept;
    void give_up(Entry& entry, time::Instant now) noexcept;
    void forget_question(const Entry& entry) noexcept {
        if (config_.steering != nullptr) config_.steering->forget_question(entry.address);
    }
    /// Routers may say for neighbours of IPv6 what the configuration says for those of IPv4.
    [[nodiscard]] std::chrono::nanoseconds reachable_time(const Entry& entry) const noexcept {
        return is_host_number(entry.address) ? ipv6_link_.facts().reachable : config_.neighbours.reachable;
    }
    void drop_waiting(Entry& entry, Drop why) noexcept;
    void drop_oldest(Entry& entry) noexcept;
    void use(Entry& entry, Frame& packet, time::Instant now) noexcept;
    void wait(Entry& entry, Frame& packet) noexcept;
    void ask(Entry& entry, time::Instant now) noexcept;
    void set_mac(Entry& entry, const wire::MacAddr& mac) noexcept {
        sure_until_ = unsure;
        entry.mac = mac;
        entry.image = link_.image(mac, is_host_number(entry.address) ? wire::ether_type::ipv6 : wire::ether_type::ipv4);
    }
    void make_known(Entry& entry) noexcept;
    void set_reachable(Entry& entry, const wire::MacAddr& mac, time::Instant now) noexcept;
    void set_stale(Entry& entry, const wire::MacAddr& mac, time::Instant now) noexcept;
    [[nodiscard]] bool asks_us(const wire::ArpPacket& packet) const noexcept;
    [[nodiscard]] News news_in(const wire::ArpPacket& packet) noexcept;
    bool note(const wire::ArpPacket& packet, time::Instant now) noexcept;
    void learn(Entry& entry, const wire::ArpPacket& packet, time::Instant now) noexcept;
    void flush(Entry& entry) noexcept;
    void solicit(const Entry& entry) noexcept;
    void keep_but_first(Entry& entry) noexcept;
    static void put_last(IntrusiveList<ByUse>& list, Entry& entry) noexcept {
        entry.by_use.unlink();
        list.push_back(entry.by_use);
    }
    [[nodiscard]] ArpClaim& claim_of(wire::Ipv4Addr own) noexcept;
    void transmit(wire::ArpOperation operation, const wire::MacAddr& to, wire::Ipv4Addr from,
                  wire::Ipv4Addr address) noexcept;
    void on_time(Entry& entry, time::Instant now) noexcept;
    static void on_time(Timer& timer, time::Instant now) noexcept;

    const StackConfig& config_;
    Hosts& hosts_;
    Ipv6Link& ipv6_link_;
    Link& link_;
    Timers& timers_;
    DropCounters& drops_;
    ArpClaim claim_;
    std::vector<std::unique_ptr<ArpClaim>> more_claims_;  // of our other addresses, in their order
    Entries entries_;
    Entry* last_ = nullptr;  // found last
    // Whatever changes an entry, or the order of their use, takes it back.
    static constexpr std::int64_t unsure = std::numeric_limits<std::int64_t>::min();
    std::int64_t sure_until_ = unsure;
    IntrusiveList<ByUse> by_use_;  // those that are known, in order of their last use
    FrameQueue unreachable_;
    std::size_t waiting_ = 0;
    IntrusiveList<ByUse> asked_;  // incomplete, and packets wait: who has waited longest comes first
    IntrusiveList<ByUse> emptied_;  // incomplete, and their packets have gone for those of others
    std::size_t unanswered_ = 0;  // in the two
};

}  // namespace skerry::stack
