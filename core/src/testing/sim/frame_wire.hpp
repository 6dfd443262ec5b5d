#pragma once

// The wire of a simulation: an Ethernet segment in memory to which hosts are plugged. What one sends reaches the host
// with that hardware address, or all others, when and if the link between the two says so.
//
// Everything by chance is drawn from the wire's own seed, in the order in which frames are sent; frames that arrive at
// one instant do so in the order in which they were sent.
//
// Filters and watches are a test's, and may do to the wire whatever it may: set another filter where they stand, add
// watches, plug hosts in. So nothing that is in use while one runs ever moves. They run where nothing may throw; what
// they throw is kept until whoever runs the hosts asks for it.

#include "pcapng.hpp"

#include "../random.hpp"

#include <skerry/stack/wire/addresses.hpp>
#include <skerry/testing/frame_event.hpp>
#include <skerry/testing/frame_filter.hpp>
#include <skerry/testing/link.hpp>
#include <skerry/testing/wire_counters.hpp>
#include <skerry/time/instant.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace skerry::testing {

/// Where a host is plugged in, by the order of its coming.
using Station = std::uint32_t;

/// A frame that arrives.
struct WireFrame {
    time::Instant at;
    std::uint64_t sequence = 0;
    std::vector<std::byte> bytes;
};

class FrameWire {
public:
    /// Told of each frame when it is sent and when it arrives, as FrameEvent says. One that another adds is told from
    /// the next on.
    using Watch = std::function<void(FrameEvent::Kind kind, Station from, Station to, std::span<const std::byte> frame,
                                     const char* did)>;

    FrameWire(std::uint64_t seed, const Link& link) : random_(seed), default_(link) {}

    /// Plugs a host in.
    Station add(const std::string& name);
    [[nodiscard]] static stack::wire::MacAddr mac_of(Station station) noexcept;
    /// Whose address that is.
    [[nodiscard]] static Station station_of(const stack::wire::MacAddr& mac) noexcept;

    /// Sends a whole frame. That of a station that is unplugged goes nowhere.
    void send(Station from, std::span<const std::byte> frame, time::Instant now);

    /// The next frame that has arrived at `station` by `now`. Its bytes hold until the next call.
    [[nodiscard]] const WireFrame* receive(Station station, time::Instant now);
    /// When the next one arrives; Instant::max(): none is under way.
    [[nodiscard]] time::Instant next_arrival(Station station) const noexcept;
    /// The receiving host had no memory for a frame.
    void count_no_frame() noexcept { ++counters_.no_frame; }

    /// What is under way to an unplugged station is lost.
    void set_plugged(Station station, bool is_plugged);

    void set_all(const Link& link);
    void set(Station from, Station to, const Link& link) { way(from, to).link = link; }
    [[nodiscard]] const Link& link(Station from, Station to) const noexcept;
    /// In place of all links while it is there.
    void set_overlay(const std::optional<Link>& link) { overlay_ = link; }

    /// Cuts a way or mends it, whatever its link is. Cuts that are counted mend one by one.
    void set_cut(Station from, Station to, bool is_cut) { way(from, to).is_cut = is_cut; }
    void add_cut(Station from, Station to, int cuts);
    void mend_all() noexcept;

    /// Empty: none.
    void set_filter(Station from, Station to, FrameFilter filter);
    void add_watch(Watch watch) { watches_.push_back(std::move(watch)); }
    /// Throws what a filter or watch has thrown first since the last call.
    void rethrow();

    /// Writes every frame from here on into `capture`, which knows all stations.
    void set_capture(std::unique_ptr<Pcapng> capture);
    [[nodiscard]] Pcapng* capture() noexcept { return capture_.get(); }

    [[nodiscard]] const WireCounters& counters() const noexcept { return counters_; }
    /// A number made of all frames so far with their times and ways, and of what became of them.
    [[nodiscard]] std::uint64_t trace() const noexcept { return trace_; }

private:
    /// One direction between two stations.
    struct Way {
        explicit Way(const Link& of_both) : link(of_both) {}

        Link link;
        bool is_cut = false;
        bool is_bad = false;  // of Link::burst_loss
        int cuts = 0;
        std::shared_ptr<FrameFilter> filter;  // null: none; one that runs is kept by its call
        time::Instant busy_until;
        time::Instant last_arrival;
        std::vector<std::byte> before;  // the frame before, where links cut anew
    };
    struct Port {
        std::string name;
        bool is_plugged = true;
        std::vector<WireFrame> arriving;  // a heap
        WireFrame received;
    };

    [[nodiscard]] Way& way(Station from, Station to);
    void cut_anew(Way& way, const Link& link, Station to, std::span<const std::byte> frame, time::Instant now);
    const char* send_to(Station from, Station to, std::span<const std::byte> frame, time::Instant now);
    const char* travel(Station from, Station to, std::span<const std::byte> frame, time::Instant now);
    [[nodiscard]] bool filters(const Way& way, std::span<const std::byte> frame) noexcept;
    [[nodiscard]] const char* lose(Way& way, const Link& link);
    [[nodiscard]] bool gets_lost_in_burst(Way& way, const BurstLoss& loss) noexcept;
    [[nodiscard]] const char* damage(const Link& link, std::vector<std::byte>& bytes);
    void answer_too_big(Station from, Station to, std::span<const std::byte> frame, time::Instant now);
    [[nodiscard]] static bool takes_its_turn(Way& way, const Link& link, std::size_t bytes, time::Instant now,
                                             time::Instant& sent);
    void tell(FrameEvent::Kind kind, Station from, Station to, std::span<const std::byte> frame,
              const char* did) noexcept;
    void tell_of_arrival(Station to, std::span<const std::byte> frame) noexcept;
    void keep_thrown() noexcept;
    void add_to_trace(Station from, Station to, std::span<const std::byte> frame, time::Instant now, const char* did);
    [[nodiscard]] std::chrono::nanoseconds drawn(std::chrono::nanoseconds bound) noexcept;
    [[nodiscard]] bool corrupt(std::vector<std::byte>& frame) noexcept;
    void arrive(Station to, time::Instant at, std::vector<std::byte> bytes);

    Random random_;
    Link default_;
    std::optional<Link> overlay_;
    std::deque<Watch> watches_;  // one that runs may add others, and stays where it is
    std::exception_ptr thrown_;
    std::uint64_t trace_ = 0;
    std::map<std::pair<Station, Station>, Way> ways_;
    std::deque<Port> ports_;  // one that receives stays where it is when another is plugged in
    std::uint64_t next_sequence_ = 0;
    WireCounters counters_;
    std::unique_ptr<Pcapng> capture_;
};

}  // namespace skerry::testing
