#include <skerry/stack/steering/core_steering.hpp>

#include <skerry/base/compiler.hpp>
#include <skerry/stack/long_frame.hpp>
#include <skerry/trace/line.hpp>
#include <skerry/trace/notice.hpp>

#include <array>
#include <bit>
#include <cstring>
#include <mutex>
#include <utility>

namespace skerry::stack {

using backend::Frame;

CoreSteering::CoreSteering(CoreSeat seat, const Hosts& hosts, const MoreIpv4& more, backend::FrameCache& frames,
                           DropCounters& drops)
    : keep_(std::move(seat.steering)),
      shared_(*keep_),
      hosts_(hosts),
      more_(more),
      core_(seat.core),
      sender_(static_cast<std::uint16_t>(seat.core % shared_.options().queues)),
      frames_(frames),
      drops_(drops),
      to_give_(frames.available(), frames.available() / 4),
      inbox_(shared_.inboxes_[seat.core]),
      ipv4_(shared_.ipv4()),
      ipv6_(shared_.ipv6()) {
    shared_.running_.fetch_or(core_bit(core_), std::memory_order_relaxed);
}

CoreSteering::~CoreSteering() {
    shared_.running_.fetch_and(~core_bit(core_), std::memory_order_relaxed);
    set_waker(nullptr, nullptr);
    flush();
    drop_arrived();  // what comes later goes with the rings
}

void CoreSteering::drop_arrived() noexcept {
    std::array<Frame*, 32> frames;
    packets_from_ = wire_from_ = first_cores(shared_.options().cores);
    for (std::size_t count = 1; count != 0;) {
        count = receive(frames);
        for (std::size_t i = 0; i < count; ++i) frames[i]->drop();
    }
    for (std::size_t count = 1; count != 0;) {
        count = receive_for_wire(frames);
        for (std::size_t i = 0; i < count; ++i) frames[i]->drop();
    }
}

// --- whose a packet is

std::uint32_t CoreSteering::hash(const tcp::Tuple& tuple) const noexcept {
    if (!is_host_number(tuple.remote)) return shared_.toeplitz().hash(tuple);
    return shared_.toeplitz().hash(hosts_.address(tuple.remote), hosts_.address(tuple.local), tuple.remote_port,
                                   tuple.local_port);
}

std::uint32_t CoreSteering::hash(wire::Ipv4Addr source, wire::Ipv4Addr destination) const noexcept {
    if (!is_host_number(source)) return shared_.toeplitz().hash(source, destination);
    return shared_.toeplitz().hash(hosts_.address(source), hosts_.address(destination));
}

// Where the hash brings packets home, the core by whose queue a flow comes keeps it, if it is among the cores.
std::uint16_t CoreSteering::choose(CoreSet cores, const tcp::Tuple& tuple, std::uint16_t came_by) const noexcept {
    if (cores == 0) return core_;
    if (std::has_single_bit(cores)) return first_of(cores);
    if (is_predicted(tuple) && has_core(cores, came_by)) return came_by;
    const std::uint32_t entry = hash(tuple) & (shared_.options().table_entries - 1U);
    return nth_of(cores, entry % static_cast<std::uint32_t>(std::popcount(cores)));
}

std::uint16_t CoreSteering::owner_of_connection(const tcp::Tuple& tuple) const noexcept {
    const std::uint16_t core = shared_.flows().find(key(tuple));
    return core != FlowOwners::nobody ? core : core_;
}

std::uint16_t CoreSteering::owner_of_segment(const tcp::Tuple& tuple) const noexcept {
    if (const std::uint16_t core = shared_.flows().find(key(tuple)); core != FlowOwners::nobody) return core;
    return owner_of_beginning(tuple);
}

// The core to which whole datagrams of this flow come, where the port does as its hash says.
std::uint16_t CoreSteering::core_of_datagram(const tcp::Tuple& tuple) const noexcept {
    const SteeringOptions& how = shared_.options();
    const bool has_ports = is_host_number(tuple.remote) ? how.hashes_udp6_ports : how.hashes_udp_ports;
    return shared_.core_of(has_ports ? hash(tuple) : hash(tuple.remote, tuple.local));
}

// All pieces have these. The numbers of one pair of hosts follow each other, by ones or by the steps of a sender with
// several cores (piece_ids.hpp), so they are mixed first.
std::uint16_t CoreSteering::owner_of_piece(const wire::Ipv4Header& header, std::uint32_t id) const noexcept {
    const CoreSet cores = shared_.running();
    const std::uint32_t of_all = hash(header.source, header.destination) + id + header.protocol;
    const std::uint32_t mixed = (of_all * 0x9e37'79b1U) >> 16U;
    return nth_of(cores, mixed % static_cast<std::uint32_t>(std::popcount(cores)));
}

bool CoreSteering::comes_home(const tcp::Tuple& tuple) const noexcept {
    const bool is_here = is_predicted(tuple) ? shared_.core_of(hash(tuple)) == core_
                                             : tuple.local_port % shared_.options().cores == core_;
    return is_here && shared_.tcp_ports().in_use(tuple.local_port) == 0;
}

bool CoreSteering::is_known(const tcp::Tuple& tuple) const noexcept {
    return shared_.flows().find(key(tuple)) != FlowOwners::nobody;
}

// --- the way to other cores

Frame* CoreSteering::empty_frame(std::size_t bytes) noexcept {
    Frame* const frame = to_give_.take(frames_) ? frames_.allocate() : nullptr;
    if (frame != nullptr && frame->tailroom() >= bytes) return frame;
    if (frame != nullptr) frame->drop();
    return bytes_in_long_frames() < shared_.options().heap_bytes_max ? make_long_frame(bytes) : nullptr;
}

Frame* CoreSteering::copy_of(std::span<const std::byte> bytes, const Frame& like) noexcept {
    Frame* const copy = empty_frame(bytes.size());
    if (copy == nullptr) {
        drops_.count(Drop::no_frame);
        return nullptr;
    }
    std::memcpy(copy->data, bytes.data(), bytes.size());
    copy->length = static_cast<std::uint16_t>(bytes.size());
    copy->set_arrival(like);
    copy->hash = like.hash;
    copy->vlan = like.vlan;
    copy->checksum = like.checksum;
    copy->flags = like.flags & static_cast<std::uint8_t>(~backend::frame_flag::kept);
    copy->port = like.port;
    ++stats_.copied;
    return copy;
}

bool CoreSteering::push(std::uint16_t to, Frame& packet) noexcept {
    if (!shared_.ring(core_, to).push(packet)) {
        drops_.count(Drop::steering_full);
        packet.drop();
        return false;
    }
    ++stats_.sent;
    dirty_ |= core_bit(to);
    return true;
}

bool CoreSteering::push_copy(std::uint16_t to, std::span<const std::byte> bytes, const Frame& like) noexcept {
    if (!shared_.ring(core_, to).has_room()) {
        drops_.count(Drop::steering_full);
        return false;
    }
    Frame* const copy = copy_of(bytes, like);
    return copy != nullptr && push(to, *copy);
}

bool CoreSteering::hand_over(std::uint16_t to, Frame& packet) noexcept {
    if (!packet.is_shared() && to_give_.take(frames_)) return push(to, packet);
    const bool is_under_way = push_copy(to, packet.bytes(), packet);
    packet.drop();
    return is_under_way;
}

bool CoreSteering::hand_over_piece(std::uint16_t to, Frame& piece) noexcept {
    if (shared_.ring(core_, to).has_room_in_half()) return hand_over(to, piece);
    drops_.count(Drop::steering_full);
    piece.drop();
    return false;
}

// Everything else that crosses (pieces, errors, what is for many) does so whatever the hash says, and is no news.
SKERRY_COLD void CoreSteering::note_crossing(std::uint16_t to, std::uint16_t port) noexcept {
    if (!shared_.crossing_is_news_.exchange(false, std::memory_order_relaxed)) return;
    const SteeringOptions& how = shared_.options();
    const trace::Line next_step =
        how.queues < how.cores
            ? trace::Line(how.queues, " of ", how.cores,
                          " cores have a queue pair; give the port more of them, or use fewer cores")
            : trace::Line("a listener or shared socket on every core (TcpServer::serve) spares that, ",
                          "and so does one core");
    const trace::Line line("stack: a packet for port ", port, " came by core ", core_,
                           "'s queue and crossed by a ring to its socket on core ", to,
                           ", as others will (SocketStats::steered counts them): ", next_step.text());
    trace::notice(line.text());
}

void CoreSteering::copy_to(CoreSet cores, std::span<const std::byte> bytes, const Frame& like) noexcept {
    for (; cores != 0; cores &= cores - 1) push_copy(first_of(cores), bytes, like);
}

void CoreSteering::answer_to(CoreSet askers, std::span<const std::byte> bytes, const Frame& like) noexcept {
    stats_.answers += static_cast<std::uint64_t>(std::popcount(askers));
    copy_to(askers, bytes, like);
}

bool CoreSteering::send(Frame& frame) noexcept {
    FrameRing& ring = shared_.wire_ring(core_);
    if (!ring.has_room()) {
        ++stats_.wire_full;
        return false;
    }
    Frame* const alone = frame.is_shared() ? copy_of(frame.bytes(), frame) : &frame;
    if (alone == nullptr) return false;
    (void)ring.push(*alone);
    if (alone != &frame) frame.drop();
    dirty_ |= core_bit(sender_);
    return true;
}

void CoreSteering::flush_dirty() noexcept {
    if (!has_queue()) shared_.wire_ring(core_).publish();
    for (; dirty_ != 0; dirty_ &= dirty_ - 1) {
        shared_.ring(core_, first_of(dirty_)).publish();
        shared_.notify(first_of(dirty_), core_);
    }
}

// --- what all cores know of the network

void CoreSteering::publish(const Ipv4Network& network) noexcept {
    ipv4_.set(network);
    tell_others();
}

void CoreSteering::publish(const Ipv6Facts& facts) noexcept {
    ipv6_.set(facts);
    tell_others();
}

// The bit says that something came from this core. There may be no frame behind it: the others look for news, too, and
// so will those that are not made yet.
void CoreSteering::tell_others() noexcept {
    for (CoreSet to = first_cores(shared_.options().cores) & ~core_bit(core_); to != 0; to &= to - 1)
        shared_.notify(first_of(to), core_);
}

// --- from other cores

void CoreSteering::take_word() noexcept {
    const CoreSet from = inbox_.word.exchange(0, std::memory_order_acquire) & ~Steering::asleep;
    packets_from_ |= from;
    wire_from_ |= has_queue() ? from : 0;
}

// Core after core, each call where the one before has ended: one that always has something keeps nobody waiting.
std::size_t CoreSteering::receive(std::span<Frame*> out) noexcept {
    std::size_t count = 0;
    while (packets_from_ != 0 && count < out.size()) {
        const std::uint16_t from = next_of(packets_from_, packets_turn_);
        count += shared_.ring(from, core_).pop(out.subspan(count));
        if (count < out.size()) packets_from_ &= ~core_bit(from);
        packets_turn_ = static_cast<std::uint16_t>(from + 1);
    }
    stats_.received += count;
    return count;
}

std::size_t CoreSteering::receive_for_wire(std::span<Frame*> out) noexcept {
    std::size_t count = 0;
    while (wire_from_ != 0 && count < out.size()) {
        const std::uint16_t from = next_of(wire_from_, wire_turn_);
        const bool is_ours = from >= shared_.options().queues && from % shared_.options().queues == core_;
        if (is_ours) count += shared_.wire_ring(from).pop(out.subspan(count));
        if (count < out.size()) wire_from_ &= ~core_bit(from);
        wire_turn_ = static_cast<std::uint16_t>(from + 1);
    }
    return count;
}

bool CoreSteering::arm(bool takes_for_wire) noexcept {
    if (packets_from_ != 0 || (takes_for_wire && wire_from_ != 0)) return false;
    std::uint64_t nothing = 0;
    return inbox_.word.compare_exchange_strong(nothing, Steering::asleep, std::memory_order_acq_rel) ||
           nothing == Steering::asleep;
}

void CoreSteering::set_waker(void (*wake)(void*) noexcept, void* context) noexcept {
    const std::lock_guard guard(inbox_.lock);
    inbox_.wake = wake;
    inbox_.context = context;
}

}  // namespace skerry::stack
