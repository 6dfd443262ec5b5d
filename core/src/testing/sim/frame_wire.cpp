#include "frame_wire.hpp"

#include "packet_changes.hpp"
#include "recut.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/stack/wire/byte_order.hpp>
#include <skerry/stack/wire/ethernet.hpp>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

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

// A step of FNV-1a, eight bytes at once.
std::uint64_t mixed(std::uint64_t trace, std::uint64_t with) noexcept { return (trace ^ with) * 0x100'0000'01b3U; }

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

Station FrameWire::station_of(const MacAddr& mac) noexcept {
    Station station = 0;
    for (std::size_t i = 2; i < 6; ++i) station = station << 8U | mac.octets[i];
    return station;
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
    if (overlay_) return *overlay_;
    const auto found = ways_.find({from, to});
    return found == ways_.end() ? default_ : found->second.link;
}

void FrameWire::add_cut(Station from, Station to, int cuts) {
    Way& way = this->way(from, to);
    way.cuts += cuts;
    SKERRY_ASSERT(way.cuts >= 0, "a way is mended that was not cut");
}

void FrameWire::mend_all() noexcept {
    for (auto& [stations, way] : ways_) way.is_cut = false;
}

FrameWire::Way& FrameWire::way(Station from, Station to) {
    const auto found = ways_.find({from, to});
    return found != ways_.end() ? found->second : ways_.emplace(std::pair(from, to), Way(default_)).first->second;
}

// --- filters and watches

void FrameWire::set_filter(Station from, Station to, FrameFilter filter) {
    way(from, to).filter = filter ? std::make_shared<FrameFilter>(std::move(filter)) : nullptr;
}

// One that throws lets the frame pass.
bool FrameWire::filters(const Way& way, std::span<const std::byte> frame) noexcept {
    const std::shared_ptr<FrameFilter> filter = way.filter;  // which may set another in its own place
    if (filter == nullptr) return false;
    try {
        return (*filter)(frame) == Fate::drop;
    } catch (...) {
        keep_thrown();
        return false;
    }
}

void FrameWire::tell(FrameEvent::Kind kind, Station from, Station to, std::span<const std::byte> frame,
                     const char* did) noexcept {
    const std::size_t count = watches_.size();  // without those that are added meanwhile
    for (std::size_t i = 0; i < count; ++i) {
        try {
            watches_[i](kind, from, to, frame, did);
        } catch (...) {
            keep_thrown();
        }
    }
}

void FrameWire::keep_thrown() noexcept {
    if (thrown_ == nullptr) thrown_ = std::current_exception();
}

void FrameWire::rethrow() {
    if (thrown_ != nullptr) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

// --- sending

void FrameWire::send(Station from, std::span<const std::byte> frame, time::Instant now) {
    if (!ports_[from].is_plugged || frame.size() < stack::wire::ethernet_bytes) return;
    const MacAddr destination = stack::wire::load_mac(frame.data());
    const char* did = nullptr;
    const auto stations = static_cast<Station>(ports_.size());  // without those that are plugged in meanwhile
    for (Station to = 0; to < stations; ++to)
        if (to != from && (destination.is_multicast() || destination == mac_of(to)))
            did = send_to(from, to, frame, now);
    if (capture_ != nullptr) capture_->write(from, now, frame, Pcapng::Direction::out, did);
}

const char* FrameWire::send_to(Station from, Station to, std::span<const std::byte> frame, time::Instant now) {
    ++counters_.sent;
    const char* const did = travel(from, to, frame, now);
    add_to_trace(from, to, frame, now, did);
    tell(FrameEvent::Kind::sent, from, to, frame, did);
    return did;
}

const char* FrameWire::travel(Station from, Station to, std::span<const std::byte> frame, time::Instant now) {
    Way& way = this->way(from, to);
    const Link& link = overlay_ ? *overlay_ : way.link;
    if (link.is_down || way.is_cut || way.cuts > 0 || !ports_[to].is_plugged) return ++counters_.cut_off, "cut off";
    if (filters(way, frame)) return ++counters_.filtered, "filtered";
    if (!ports_[to].is_plugged) return ++counters_.cut_off, "cut off";  // by the filter
    if (link.recut > 0) cut_anew(way, link, to, frame, now);
    if (link.mtu != 0 && frame.size() > stack::wire::ethernet_bytes + link.mtu) {
        answer_too_big(from, to, frame, now);
        return ++counters_.too_big, "too big";
    }
    time::Instant at = now;
    if (!takes_its_turn(way, link, frame.size(), now, at)) return ++counters_.overflowed, "overflowed";
    if (const char* const lost = lose(way, link); lost != nullptr) return lost;

    at = std::max(at + link.delay + drawn(link.jitter), now + least_delay);
    const bool is_reordered = random_.happens(link.reorder);
    if (is_reordered) {
        ++counters_.reordered;
        at = at + drawn(link.reorder_delay);
    } else {
        at = way.last_arrival = std::max(at, way.last_arrival);
    }
    std::vector<std::byte> bytes(frame.begin(), frame.end());
    const char* did = damage(link, bytes);
    if (bytes.empty()) return did;
    if (random_.happens(link.duplicate)) {
        ++counters_.duplicated;
        arrive(to, at + drawn(link.reorder_delay), bytes);
        if (did == nullptr) did = "duplicated";
    }
    arrive(to, at, std::move(bytes));
    return did == nullptr && is_reordered ? "reordered" : did;
}

const char* FrameWire::lose(Way& way, const Link& link) {
    if (random_.happens(link.drop)) return ++counters_.dropped, "dropped";
    if (gets_lost_in_burst(way, link.burst_loss)) return ++counters_.lost_in_bursts, "lost in a burst";
    return nullptr;
}

bool FrameWire::gets_lost_in_burst(Way& way, const BurstLoss& loss) noexcept {
    if (loss.to_bad <= 0) return false;
    if (random_.happens(way.is_bad ? loss.to_good : loss.to_bad)) way.is_bad = !way.is_bad;
    return random_.happens(way.is_bad ? loss.loss_bad : loss.loss_good);
}

// Empties what no receiver would see.
const char* FrameWire::damage(const Link& link, std::vector<std::byte>& bytes) {
    const char* did = nullptr;
    if (random_.happens(link.ecn_mark) && mark_congestion(bytes)) ++counters_.marked, did = "marked";
    if (random_.happens(link.truncate)) {
        ++counters_.truncated;
        constexpr std::size_t least = stack::wire::ethernet_bytes;
        bytes.resize(least + random_.below(bytes.size() - least));
        did = "truncated";
    }
    if (random_.happens(link.corrupt) && bytes.size() > stack::wire::ethernet_bytes) {
        ++counters_.corrupted;
        did = "corrupted";
        if (!corrupt(bytes)) return bytes.clear(), "corrupted, and lost";
    }
    return did;
}

// Back to the sender as fast as the way back is, and past all trouble of it.
void FrameWire::answer_too_big(Station from, Station to, std::span<const std::byte> frame, time::Instant now) {
    const Link& back = link(to, from);
    std::vector<std::byte> answer = too_big_answer(frame, link(from, to).mtu);
    if (!answer.empty())
        arrive(from, now + std::max<std::chrono::nanoseconds>(back.delay, least_delay), std::move(answer));
}

// Whatever becomes of the two that it is made of.
void FrameWire::cut_anew(Way& way, const Link& link, Station to, std::span<const std::byte> frame, time::Instant now) {
    if (random_.happens(link.recut)) {
        std::vector<std::byte> made = recut(way.before, frame, random_);
        if (!made.empty()) {
            ++counters_.recut;
            const auto delay = std::max<std::chrono::nanoseconds>(link.delay, least_delay);
            arrive(to, now + delay + drawn(link.reorder_delay), std::move(made));
        }
    }
    way.before.assign(frame.begin(), frame.end());
}

// False: the queue of the link is full. `sent` is when the last bit has left.
bool FrameWire::takes_its_turn(Way& way, const Link& link, std::size_t bytes, time::Instant now, time::Instant& sent) {
    const std::uint64_t rate = link.bytes_per_second;
    if (rate == 0) return true;
    const time::Instant begin = std::max(now, way.busy_until);
    if (link.queue_bytes != 0 && begin - now > time_of(link.queue_bytes, rate)) return false;
    sent = way.busy_until = begin + time_of(bytes, rate);
    return true;
}

void FrameWire::add_to_trace(Station from, Station to, std::span<const std::byte> frame, time::Instant now,
                             const char* did) {
    trace_ = mixed(trace_, static_cast<std::uint64_t>(now.as_nanos()));
    trace_ = mixed(trace_, std::uint64_t{from} << 32U | to);
    for (; frame.size() >= sizeof(std::uint64_t); frame = frame.subspan(sizeof(std::uint64_t))) {
        std::uint64_t word = 0;
        std::memcpy(&word, frame.data(), sizeof word);
        trace_ = mixed(trace_, word);
    }
    for (const std::byte byte : frame) trace_ = mixed(trace_, std::to_integer<std::uint64_t>(byte));
    for (const char letter : std::string_view(did == nullptr ? "" : did))
        trace_ = mixed(trace_, static_cast<unsigned char>(letter));
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
    const std::size_t at = header + bit / 8;
    if (!is_in_a_sum(frame, at)) return false;
    frame[at] ^= std::byte{1} << bit % 8;
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
    tell_of_arrival(station, port.received.bytes);
    return &port.received;
}

void FrameWire::tell_of_arrival(Station to, std::span<const std::byte> frame) noexcept {
    const Station from = station_of(stack::wire::load_mac(frame.data() + 6));
    if (from >= ports_.size()) return;  // a frame of a test's own making
    tell(FrameEvent::Kind::arrived, from, to, frame, nullptr);
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
