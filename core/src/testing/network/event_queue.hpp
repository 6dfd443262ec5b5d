#pragma once

// What is under way on the network, by the time of its arrival. Events of one instant happen in the order in
// which they were scheduled, so a run is the same each time.

#include <skerry/base/error.hpp>
#include <skerry/base/io_buf.hpp>
#include <skerry/base/socket_addr.hpp>
#include <skerry/time/instant.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace skerry::testing {

using SocketId = std::uint64_t;

enum class EventKind : std::uint8_t {
    syn,            ///< at the server: a connect of socket `target`
    syn_retry,      ///< at the client: tries once more
    established,    ///< at the client: the server's end is `source`
    refused,        ///< at the client: the connect failed with `error`
    data,           ///< payload
    acknowledge,    ///< `bytes` have arrived at the other end
    credit,         ///< `bytes` were read at the other end: so much more may be sent
    fin,            ///< the other end sends no more
    fin_acknowledge,
    reset,
    user_timeout,   ///< at the sender: nothing has moved for too long
    datagram,       ///< payload from `from` to `to`
    unclaimed,      ///< at a connected datagram socket: nobody has the port it sent to
};

struct Event {
    EventKind kind = EventKind::data;
    SocketId target = 0;
    SocketId source = 0;
    std::uint32_t generation = 0;  ///< of a timer: stale when the socket's has moved on
    std::uint8_t ttl = 0;            ///< of a datagram; no router here takes from it
    std::uint8_t traffic_class = 0;  ///< of a datagram
    Error error;
    std::uint64_t bytes = 0;
    IoBuf payload;
    net::SocketAddr from;
    net::SocketAddr to;
    time::Instant at;
    std::uint64_t sequence = 0;
};

/// A heap of events.
class EventQueue {
public:
    void push(time::Instant at, Event&& event) {
        event.at = at;
        event.sequence = next_sequence_++;
        events_.push_back(std::move(event));
        std::push_heap(events_.begin(), events_.end(), &is_later);
    }
    [[nodiscard]] bool empty() const noexcept { return events_.empty(); }
    [[nodiscard]] const Event& first() const noexcept { return events_.front(); }
    [[nodiscard]] Event pop() {
        std::pop_heap(events_.begin(), events_.end(), &is_later);
        Event event = std::move(events_.back());
        events_.pop_back();
        return event;
    }
    /// What the next event will be numbered.
    [[nodiscard]] std::uint64_t next_sequence() const noexcept { return next_sequence_; }

private:
    static bool is_later(const Event& a, const Event& b) noexcept {
        return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }

    std::vector<Event> events_;
    std::uint64_t next_sequence_ = 0;
};

}  // namespace skerry::testing
