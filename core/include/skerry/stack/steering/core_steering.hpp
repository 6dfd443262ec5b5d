#pragma once

// One core's end of a Steering: whose a packet is, and the way there.

#include "steering.hpp"

#include "../drop.hpp"
#include "../frame_budget.hpp"
#include "../hosts.hpp"
#include "../tcp/tuple.hpp"
#include "../wire/ipv4.hpp"
#include "../../backend/frame_cache.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace skerry::stack {

/// Which of the cores that share an address.
struct CoreSeat {
    std::shared_ptr<Steering> steering;  ///< null: there is one core
    std::uint16_t core = 0;
};

struct SteeringStats {
    std::uint64_t received = 0;  ///< frames that another core's queue got and that were for this one
    std::uint64_t sent = 0;      ///< frames for other cores, copies included
    std::uint64_t copied = 0;    ///< copies made to be sent
    std::uint64_t answers = 0;   ///< answers of neighbours that went to cores which had asked, whatever else came
    std::uint64_t wire_full = 0;  ///< times that a frame for the wire had to wait: the ring to its sender was full
};

/// Which of our IPv4 addresses this is.
[[nodiscard]] inline PortUse own_v4(wire::Ipv4Addr local, const MoreIpv4& more) noexcept {
    if (more.empty()) [[likely]]
        return PortUse::own;
    const std::size_t place = more.place_of(local);
    return place == more.size() ? PortUse::own : own_more_at(place);
}

/// What a socket at `local` takes of its port; `is_own`: if that is IPv4, it is an address of ours, or any. `more` are
/// those of ours beside the first.
[[nodiscard]] inline PortUse use_of(wire::Ipv4Addr local, bool v6_only, bool is_own, const MoreIpv4& more) noexcept {
    if (local == Hosts::any_v6) return v6_only ? PortUse::any_v6 : PortUse::both;
    if (local == Hosts::own_link_local) return PortUse::own_link_local;
    if (is_host_number(local)) return PortUse::own_v6;
    if (local.is_unspecified()) return PortUse::any;
    return is_own ? own_v4(local, more) : PortUse::many;
}

/// Lifetime: `hosts` and `more`, our addresses beside the first, are asked as long as anybody asks this one; `frames`
///           and `drops` outlive it.
/// Threads:  the core's.
class CoreSteering {
public:
    CoreSteering(CoreSeat seat, const Hosts& hosts, const MoreIpv4& more, backend::FrameCache& frames,
                 DropCounters& drops);
    ~CoreSteering();
    CoreSteering(const CoreSteering&) = delete;
    CoreSteering& operator=(const CoreSteering&) = delete;

    [[nodiscard]] std::uint16_t core() const noexcept { return core_; }
    [[nodiscard]] bool has_queue() const noexcept { return core_ < shared_.options().queues; }
    [[nodiscard]] const SteeringStats& stats() const noexcept { return stats_; }

    // --- whose a packet is. A core that nobody beats to it is this one.

    /// Of a segment that is for no connection of this core.
    [[nodiscard]] std::uint16_t owner_of_segment(const tcp::Tuple& tuple) const noexcept;
    /// Of a connection that a peer begins: one that listens.
    [[nodiscard]] std::uint16_t owner_of_beginning(const tcp::Tuple& tuple) const noexcept {
        return choose(shared_.tcp_ports().unicast(tuple.local_port, own(tuple.local)), tuple, core_);
    }
    /// Of what is about a connection and begins none.
    [[nodiscard]] std::uint16_t owner_of_connection(const tcp::Tuple& tuple) const noexcept;
    /// Of a datagram to our address.
    [[nodiscard]] std::uint16_t owner_of_datagram(const tcp::Tuple& tuple) const noexcept {
        return choose(shared_.udp_ports().unicast(tuple.local_port, own(tuple.local)), tuple, core_);
    }
    /// Of one that was put together from pieces here: of the core that has those of its flow that come whole.
    [[nodiscard]] std::uint16_t owner_of_reassembled(const tcp::Tuple& tuple) const noexcept {
        return choose(shared_.udp_ports().unicast(tuple.local_port, own(tuple.local)), tuple, core_of_datagram(tuple));
    }
    /// Where the pieces of a datagram meet; `id` is what they have in common.
    [[nodiscard]] std::uint16_t owner_of_piece(const wire::Ipv4Header& header, std::uint32_t id) const noexcept;
    /// Other cores that have a socket for datagrams to `local`, an address of ours.
    [[nodiscard]] CoreSet others_with_socket(wire::Ipv4Addr local, std::uint16_t port) const noexcept {
        return shared_.udp_ports().unicast(port, own(local)) & ~core_bit(core_);
    }
    /// Other cores that may hear a datagram to many. `group` is what it was sent to.
    [[nodiscard]] CoreSet others_on_port(std::uint16_t port, bool is_v6) const noexcept {
        const PortOwners& ports = shared_.udp_ports();
        return (is_v6 ? ports.to_many_v6(port) : ports.to_many(port)) & ~core_bit(core_);
    }
    [[nodiscard]] CoreSet others_in_group(wire::Ipv4Addr group) const noexcept {
        return shared_.groups().of(hosts_.identity(group)) & ~core_bit(core_);
    }
    [[nodiscard]] CoreSet others_in_group(const wire::Ipv6Addr& group) const noexcept {
        return shared_.groups().of(hosts_.identity(group)) & ~core_bit(core_);
    }
    [[nodiscard]] CoreSet others_in_groups() const noexcept { return shared_.groups().of_any() & ~core_bit(core_); }
    [[nodiscard]] CoreSet others() const noexcept { return shared_.running() & ~core_bit(core_); }

    // --- what is asked on the link, and known of it

    /// This core asks who has an address.
    void ask(wire::Ipv4Addr host) noexcept { shared_.questions().ask(hosts_.identity(host), core_); }
    void forget_question(wire::Ipv4Addr host) noexcept { shared_.questions().forget(hosts_.identity(host), core_); }
    /// Other cores that have asked this; each is named once for a question.
    [[nodiscard]] CoreSet take_askers(wire::Ipv4Addr host) noexcept { return take_askers_of(hosts_.identity(host)); }
    [[nodiscard]] CoreSet take_askers(const wire::Ipv6Addr& host) noexcept {
        return take_askers_of(hosts_.identity(host));
    }

    // --- what this core's sockets take

    [[nodiscard]] bool claim_tcp(std::uint16_t port, PortUse use, bool shared) noexcept {
        return shared_.tcp_ports().claim(port, use, core_, shared);
    }
    void share_tcp(std::uint16_t port, PortUse use) noexcept { shared_.tcp_ports().share(port, use); }
    void release_tcp(std::uint16_t port, PortUse use) noexcept { shared_.tcp_ports().release(port, use, core_); }
    [[nodiscard]] bool claim_udp(std::uint16_t port, PortUse use, bool shared) noexcept {
        return shared_.udp_ports().claim(port, use, core_, shared);
    }
    void release_udp(std::uint16_t port, PortUse use) noexcept { shared_.udp_ports().release(port, use, core_); }
    /// Whether a connection that begins here can have this local port: no other core can choose it, nobody listens
    /// there, and if the port's hash is known its segments come by this core's queue.
    [[nodiscard]] bool comes_home(const tcp::Tuple& tuple) const noexcept;
    /// Whether a core has it, be it in TIME-WAIT.
    [[nodiscard]] bool is_known(const tcp::Tuple& tuple) const noexcept;
    /// False when there is no room.
    [[nodiscard]] bool enter(const tcp::Tuple& tuple) noexcept { return shared_.flows().insert(key(tuple), core_); }
    void leave(const tcp::Tuple& tuple) noexcept { shared_.flows().erase(key(tuple), core_); }
    [[nodiscard]] bool join(wire::Ipv4Addr group) noexcept {
        return shared_.groups().join(hosts_.identity(group), core_);
    }
    /// True when no core is in the group any more.
    bool leave(wire::Ipv4Addr group) noexcept { return shared_.groups().leave(hosts_.identity(group), core_); }

    // --- the way to other cores. Nothing arrives before flush().

    /// Sends a packet on, which begins with its network header. Takes it over; one that somebody else holds too is
    /// copied, and where this core's frames are short it is copied to the heap: who does not read elsewhere must not
    /// stop this core's queue. It is dropped, counted, and the answer is false, when the ring is full (steering_full)
    /// or no frame is left (no_frame).
    bool hand_over(std::uint16_t to, backend::Frame& packet) noexcept;
    /// The same, of what is for a socket on `port`: the first of a runtime is noted (trace::notice) where the port's
    /// hash was to spare all such crossings.
    bool hand_over(std::uint16_t to, backend::Frame& packet, std::uint16_t port) noexcept {
        if (shared_.crossing_is_news_.load(std::memory_order_relaxed)) [[unlikely]]
            note_crossing(to, port);
        return hand_over(to, packet);
    }
    /// The same, of a piece of a datagram, which anybody may send, and nobody knows yet whether a socket wants it: as
    /// many as half of a ring holds, so that they leave room for what is known to be somebody's.
    bool hand_over_piece(std::uint16_t to, backend::Frame& piece) noexcept;
    /// As copy_to(), of the answer of a neighbour.
    void answer_to(CoreSet askers, std::span<const std::byte> bytes, const backend::Frame& like) noexcept;
    /// Sends copies of `bytes`, a packet from its network header on, received as `like` was.
    void copy_to(CoreSet cores, std::span<const std::byte> bytes, const backend::Frame& like) noexcept;
    /// Hands a whole frame to the core that sends for this one. False when its ring is full, or no frame is left; then
    /// it is still the caller's.
    [[nodiscard]] bool send(backend::Frame& frame) noexcept;
    void flush() noexcept {
        if (dirty_ != 0) flush_dirty();
    }

    // --- what all cores know of the network

    /// Tells the others what this one, the first, has found out; those that are not made yet find it.
    void publish(const Ipv4Network& network) noexcept;
    void publish(const Ipv6Facts& facts) noexcept;
    /// Whether there is more than this core has taken. It shows as something that has arrived.
    [[nodiscard]] bool has_news() const noexcept { return ipv4_.has_news() || ipv6_.has_news(); }
    /// False when there are no news of it.
    [[nodiscard]] bool take(Ipv4Network& network) noexcept { return ipv4_.take(network); }
    [[nodiscard]] bool take(Ipv6Facts& facts) noexcept { return ipv6_.take(facts); }

    // --- from other cores

    /// Looks whether something has come; for every turn.
    [[nodiscard]] bool has_arrived() noexcept {
        if (inbox_.word.load(std::memory_order_relaxed) != 0) [[unlikely]]
            take_word();
        return (packets_from_ | wire_from_) != 0;
    }
    /// Packets for this core, as hand_over() takes them.
    [[nodiscard]] std::size_t receive(std::span<backend::Frame*> out) noexcept;
    /// Frames of cores without a queue, to be sent.
    [[nodiscard]] std::size_t receive_for_wire(std::span<backend::Frame*> out) noexcept;

    /// Before this core sleeps: from now on flush() of another wakes it. False: something has come. What is for the
    /// wire counts while this core takes it: behind a port that takes nothing it waits, and nobody stays awake for it.
    [[nodiscard]] bool arm(bool takes_for_wire) noexcept;
    /// How others wake this core while it sleeps. `wake` is called on their threads, until this object goes.
    void set_waker(void (*wake)(void*) noexcept, void* context) noexcept;

private:
    /// Which of our addresses this is.
    [[nodiscard]] PortUse own(wire::Ipv4Addr local) const noexcept {
        if (!is_host_number(local)) [[likely]]
            return own_v4(local, more_);
        return local == Hosts::own_link_local ? PortUse::own_link_local : PortUse::own_v6;
    }
    [[nodiscard]] FlowKey key(const tcp::Tuple& tuple) const noexcept {
        return is_host_number(tuple.remote) ? FlowKey(tuple, hosts_.identity(tuple.remote)) : FlowKey(tuple);
    }
    [[nodiscard]] CoreSet take_askers_of(std::uint64_t identity) noexcept {
        return shared_.questions().take(identity) & ~core_bit(core_);
    }
    [[nodiscard]] std::uint32_t hash(const tcp::Tuple& tuple) const noexcept;
    [[nodiscard]] std::uint32_t hash(wire::Ipv4Addr source, wire::Ipv4Addr destination) const noexcept;
    /// Whether the port brings the segments of this to the core that their hash says.
    [[nodiscard]] bool is_predicted(const tcp::Tuple& tuple) const noexcept {
        return shared_.hash_predicts() && (shared_.options().hashes_v6 || !is_host_number(tuple.remote));
    }
    [[nodiscard]] std::uint16_t choose(CoreSet cores, const tcp::Tuple& tuple, std::uint16_t came_by) const noexcept;
    [[nodiscard]] std::uint16_t core_of_datagram(const tcp::Tuple& tuple) const noexcept;
    [[nodiscard]] backend::Frame* copy_of(std::span<const std::byte> bytes, const backend::Frame& like) noexcept;
    [[nodiscard]] backend::Frame* empty_frame(std::size_t bytes) noexcept;
    bool push(std::uint16_t to, backend::Frame& packet) noexcept;
    bool push_copy(std::uint16_t to, std::span<const std::byte> bytes, const backend::Frame& like) noexcept;
    void note_crossing(std::uint16_t to, std::uint16_t port) noexcept;
    void take_word() noexcept;
    void flush_dirty() noexcept;
    void tell_others() noexcept;
    void drop_arrived() noexcept;

    std::shared_ptr<Steering> keep_;
    Steering& shared_;
    const Hosts& hosts_;
    const MoreIpv4& more_;
    std::uint16_t core_;
    std::uint16_t sender_;  // the core by which this one sends
    backend::FrameCache& frames_;
    DropCounters& drops_;
    FrameBudget to_give_;
    Steering::Inbox& inbox_;
    CoreSet dirty_ = 0;  // cores for which something is pushed and not published
    CoreSet packets_from_ = 0;  // cores whose ring has something
    CoreSet wire_from_ = 0;
    std::uint16_t packets_turn_ = 0;  // whose turn it is, of those
    std::uint16_t wire_turn_ = 0;
    PublishedView<Ipv4Network> ipv4_;
    PublishedView<Ipv6Facts> ipv6_;
    SteeringStats stats_;
};

}  // namespace skerry::stack
