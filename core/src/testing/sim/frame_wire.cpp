#include "frame_wire.hpp"

#include "recut.hpp"

#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/ethernet.hpp>

#include <algorithm>

namespace skerry::testing {

using stack::wire::MacAddr;

namespace {

// Hosts that answer each other must not stop the time.
constexpr auto least_delay = std::chrono::microseconds{1};

bool is_later(const WireFrame& a, const WireFrame& b) noexcept {
    return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
}

std::chrono::nanoseconds time_of(std::size_t bytes, std::uint64_t bytes_per_second) noexcept {
    const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second);
    return std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
}

// What the wire did to a frame, for the capture; null: nothing.
const char* note(bool is_reordered, bool is_corrupted, bool is_doubled) noexcept {
    if (is_corrupted) return "corrupted";
    if (is_doubled) return "duplicated";
    return is_reordered ? "reordered" : nullptr;
}

}  // namespace

// --- stations

Station FrameWire::add(const std::string& name) {
    ports_.emplace_back().name = name;
    if (capture_ != nullptr) capture_->add_interface(name);
    return static_cast<Station>(ports_.size() - 1);
}

MacAddr FrameWire::mac_of(Station station) noexcept {
    MacAddr mac{{2, 0, 0, 0, 0, 0}};  // locally administered
    for (std::size_t i = 5; i > 1; --i, station >>= 8U) mac.octets[i] = static_cast<std::uint8_t>(station);
    return mac;
}

void FrameWire::set_plugged(Station station, bool is_plugged) {
    Port& port = ports_[station];
    port.is_plugged = is_plugged;
    if (is_plugged) return;
    counters_.cut_off += port.arriving.size();
    port.arriving.clear();
}

// --- links

void FrameWire::set_all(const Link& link) {
    default_ = link;
    for (auto& [stations, way] : ways_) way.link = link;
}

const Link& FrameWire::link(Station from, Station to) const noexcept {
    const auto found = ways_.find({from, to});
    return found == ways_.end() ? default_ : found->second.link;
}

FrameWire::Way& FrameWire::way(Station from, Station to) {
    const auto found = ways_.find({from, to});
    return found != ways_.end() ? found->second
                                : ways_.emplace(std::pair(from, to), Way{default_, {}, {}, {}}).first->second;
}

// --- sending

void FrameWire::send(Station from, std::span<const std::byte> frame, time::Instant now) {
    if (!ports_[from].is_plugged || frame.size() < stack::wire::ethernet_bytes) return;
    const MacAddr destination = stack::wire::load_mac(frame.data());
    const char* did = nullptr;
    for (Station to = 0; to < ports_.size(); ++to)
        if (to != from && (destination.is_multicast() || destination == mac_of(to)))
            did = send_to(from, to, frame, now);
    if (capture_ != nullptr) capture_->write(from, now, frame, Pcapng::Direction::out, did);
}

const char* FrameWire::send_to(Station from, Station to, std::span<const std::byte> frame, time::Instant now) {
    Way& way = this->way(from, to);
    const Link& link = way.link;
    ++counters_.sent;
    if (link.is_down || !ports_[to].is_plugged) return ++counters_.cut_off, "cut off";
    if (link.recut > 0) cut_anew(way, to, frame, now);
    time::Instant at = now;
    if (!takes_its_turn(way, frame.size(), now, at)) return ++counters_.overflowed, "overflowed";
    if (random_.happens(link.drop)) return ++counters_.dropped, "dropped";

    at = std::max(at + link.delay + drawn(link.jitter), now + least_delay);
    const bool is_reordered = random_.happens(link.reorder);
    if (is_reordered) {
        ++counters_.reordered;
        at = at + drawn(link.reorder_delay);
    } else {
        at = way.last_arrival = std::max(at, way.last_arrival);
    }
    std::vector<std::byte> bytes(frame.begin(), frame.end());
    const bool is_corrupted = random_.happens(link.corrupt);
    if (is_corrupted) {
        ++counters_.corrupted;
        if (!corrupt(bytes)) return "corrupted, and lost";
    }
    const bool is_doubled = random_.happens(link.duplicate);
    if (is_doubled) {
        ++counters_.duplicated;
        arrive(to, at + drawn(link.reorder_delay), bytes);
    }
    arrive(to, at, std::move(bytes));
    return note(is_reordered, is_corrupted, is_doubled);
}

// Whatever becomes of the two that it is made of.
void FrameWire::cut_anew(Way& way, Station to, std::span<const std::byte> frame, time::Instant now) {
    if (random_.happens(way.link.recut)) {
        std::vector<std::byte> made = recut(way.before, frame, random_);
        if (!made.empty()) {
            ++counters_.recut;
            arrive(
                to,
                now + std::max<std::chrono::nanoseconds>(way.link.delay, least_delay) + drawn(way.link.reorder_delay),
                std::move(made));
        }
    }
    way.before.assign(frame.begin(), frame.end());
}

// False: the queue of the link is full. `sent` is when the last bit has left.
bool FrameWire::takes_its_turn(Way& way, std::size_t bytes, time::Instant now, time::Instant& sent) const {
    const std::uint64_t rate = way.link.bytes_per_second;
    if (rate == 0) return true;
    const time::Instant begin = std::max(now, way.busy_until);
    if (way.link.queue_bytes != 0 && begin - now > time_of(way.link.queue_bytes, rate)) return false;
    sent = way.busy_until = begin + time_of(bytes, rate);
    return true;
}

std::chrono::nanoseconds FrameWire::drawn(std::chrono::nanoseconds bound) noexcept {
    if (bound.count() <= 0) return {};
    return std::chrono::nanoseconds{
        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(bound.count()) + 1))};
}

// False: nothing above would notice, so the frame is lost, as Ethernet's own checksum would have it.
bool FrameWire::corrupt(std::vector<std::byte>& frame) noexcept {
    constexpr std::size_t header = stack::wire::ethernet_bytes;
    const std::uint64_t bit = random_.below((frame.size() - header) * 8);
    if (stack::wire::load_be16(frame.data() + 12) != stack::wire::ether_type::ipv4) return false;
    frame[header + bit / 8] ^= std::byte{1} << bit % 8;
    return true;
}

// --- receiving

void FrameWire::arrive(Station to, time::Instant at, std::vector<std::byte> bytes) {
    std::vector<WireFrame>& heap = ports_[to].arriving;
    heap.push_back({at, next_sequence_++, std::move(bytes)});
    std::push_heap(heap.begin(), heap.end(), &is_later);
}

const WireFrame* FrameWire::receive(Station station, time::Instant now) {
    Port& port = ports_[station];
    if (port.arriving.empty() || port.arriving.front().at > now) return nullptr;
    std::pop_heap(port.arriving.begin(), port.arriving.end(), &is_later);
    port.received = std::move(port.arriving.back());
    port.arriving.pop_back();
    ++counters_.delivered;
    if (capture_ != nullptr) capture_->write(station, now, port.received.bytes, Pcapng::Direction::in, nullptr);
    return &port.received;
}

time::Instant FrameWire::next_arrival(Station station) const noexcept {
    const std::vector<WireFrame>& heap = ports_[station].arriving;
    return heap.empty() ? time::Instant::max() : heap.front().at;
}

void FrameWire::set_capture(std::unique_ptr<Pcapng> capture) {
    capture_ = std::move(capture);
    for (const Port& port : ports_) capture_->add_interface(port.name);
}

}  // namespace skerry::testing
