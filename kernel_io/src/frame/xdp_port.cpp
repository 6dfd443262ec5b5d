#include "xdp_port.hpp"

#include "../system_call.hpp"

#include <skerry/stack/unfinished_checksum.hpp>
#include <skerry/trace/line.hpp>
#include <skerry/trace/notice.hpp>

#include <net/ethernet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace skerry::kernel_io::frame {

using backend::Frame;
using backend::SetupError;

// --- opening

Result<Xdp, SetupError> Xdp::open(const std::string& interface, const XdpAddresses& ours) {
    auto device = EthernetDevice::find(interface);
    if (!device) return Unexpected(std::move(device).error());
    // What the card gives to another queue would be lost without a trace.
    if (device->receive_queues != 1)
        return Unexpected(SetupError{interface + ": has " + std::to_string(device->receive_queues) +
                                     " receive queues, and only queue 0 is read; ethtool -L " + interface +
                                     " combined 1"});
    auto umem = Umem::make(frames);
    if (!umem) return Unexpected(SetupError{interface + ": no memory for packets: " + umem.error().message()});
    auto socket = XdpSocket::open(*device, (*umem)->memory(), Umem::chunk_bytes);
    if (!socket) return Unexpected(std::move(socket).error());
    std::vector<stack::wire::Ipv6Addr> asked;
    if (ours.has_v6()) asked = {ours.v6, ours.link_local6};
    for (const stack::OwnIpv6& own : ours.more_v6.all()) asked.push_back(own.address);
    auto groups = Ipv6Groups::join(*device, asked);
    if (!groups)
        return Unexpected(
            SetupError{interface + ": the groups of --ip6 cannot be joined: " + groups.error().message()});
    XdpAddresses taken = ours;
    taken.hears_queries = ours.has_v6() && !groups->are_kernels();
    auto program = XdpProgram::load(*device, taken);
    if (!program) return Unexpected(std::move(program).error());
    auto events = LinkEvents::open();
    if (!events) return Unexpected(SetupError{interface + ": " + events.error().message()});
    return Xdp{std::move(*device), ours, std::move(*umem), std::move(*socket), std::move(*program), std::move(*events),
               std::move(*groups)};
}

// --- the port

/// Wakes the core when something has come, which the ring shows.
class XdpPort::Watch final : public epoll::Watched {
public:
    void on_events(std::uint32_t) noexcept override {}
};

/// Hears that interfaces have changed.
class XdpPort::LinkWatch final : public epoll::Watched {
public:
    explicit LinkWatch(XdpPort& port) noexcept : port_(port) {}
    void on_events(std::uint32_t) noexcept override { port_.on_link_events(); }

private:
    XdpPort& port_;
};

XdpPort::XdpPort(Xdp xdp, epoll::Poller poller)
    : device_(std::move(xdp.device)),
      ours_(xdp.ours),
      program_(std::move(xdp.program)),
      socket_(std::move(xdp.socket)),
      frames_(std::move(xdp.umem)),
      link_events_(std::move(xdp.link_events)),
      groups_(std::move(xdp.groups)),
      poller_(std::move(poller)),
      lane_(poller_) {
    feed();  // before the stack shares out what is left
}

XdpPort::~XdpPort() {
    say_what_was_lost();
    for (epoll::Watched* const watched : {watch_, link_watch_})
        if (watched != nullptr) poller_.retire(watched);
    program_.detach();
    socket_.close();
    frames_.take_all_back();
}

Result<void, SetupError> XdpPort::start() {
    auto tags = VlanTags::keep_in_frames(device_);  // before the queue is taken: a card may begin anew for it
    if (auto bound = socket_.bind(device_); !bound) return bound;
    if (auto watched = watch(); !watched)
        return Unexpected(SetupError{device_.name + ": " + watched.error().message()});
    auto mode = program_.attach(device_, socket_.fd());
    if (!mode) return Unexpected(std::move(mode).error());
    const trace::Line line("xdp: ", device_.name, ": queue 0, ",
                           *mode == XdpMode::native ? "the program in its driver" : "the program in generic mode",
                           socket_.is_zero_copy() ? ", zero copy" : ", the kernel copies");
    trace::notice(line.text());
    say_of_tags(tags);
    if (tags) tags_ = std::move(*tags);
    const bool is_shared_v6 = is_shared6();
    if (is_shared_v6 || is_shared4()) {
        const trace::Line shared("xdp: ", device_.name, ": the kernel has the address of ",
                                 is_shared_v6 ? "--ip6" : "--ip",
                                 " too: what comes for it by this interface goes to "
                                 "this program, and the kernel's sockets get no answers there");
        trace::notice(shared.text());
    }
    return {};
}

bool XdpPort::is_shared4() const noexcept {
    const auto all = ours_.more_v4.all();
    const auto is_kernels = [](const stack::OwnIpv4& own) { return EthernetDevice::is_kernels(own.address.ip()); };
    return (ours_.has_v4() && EthernetDevice::is_kernels(ours_.v4.ip())) ||
           std::any_of(all.begin(), all.end(), is_kernels);
}

bool XdpPort::is_shared6() const noexcept {
    const auto all = ours_.more_v6.all();
    const auto is_kernels = [](const stack::OwnIpv6& own) { return EthernetDevice::is_kernels(own.address.ip()); };
    return (ours_.has_v6() && EthernetDevice::is_kernels(ours_.v6.ip())) ||
           std::any_of(all.begin(), all.end(), is_kernels);
}

// Where something is changed, or VLANs are not kept apart.
void XdpPort::say_of_tags(const Result<VlanTags>& tags) const {
    if (!tags) {
        const trace::Line line("xdp: ", device_.name, ": rx-vlan-offload cannot be switched off (",
                               tags.error().message(),
                               "): a frame of any VLAN that is for our address is taken for one of none");
        trace::notice(line.text());
    } else if (tags->were_off()) {
        const trace::Line line("xdp: ", device_.name,
                               ": rx-vlan-offload is off while this program has it, so that frames of VLANs are known",
                               device_.is_cable ? "; of a veth the other end's tx-vlan-offload counts" : "");
        trace::notice(line.text());
    }
}

Result<> XdpPort::watch() noexcept {
    const auto add = [&](int fd, auto* made, epoll::Watched*& kept) -> Result<> {
        if (made == nullptr) return Errc::no_memory;
        if (auto added = poller_.add(fd, *made, EPOLLIN | EPOLLET); !added) {
            delete made;
            return added;
        }
        kept = made;
        return {};
    };
    if (auto added = add(socket_.fd(), new (std::nothrow) Watch, watch_); !added) return added;
    return add(link_events_.fd(), new (std::nothrow) LinkWatch(*this), link_watch_);
}

backend::PortInfo XdpPort::info() const noexcept {
    backend::PortInfo info;
    info.mac = device_.mac;
    info.mtu = device_.mtu;
    return info;
}

XdpStats XdpPort::stats() const noexcept {
    XdpStats stats = stats_;
    stats.kernel = socket_.stats();
    return stats;
}

void XdpPort::say_what_was_lost() const noexcept {
    const XdpStats lost = stats();
    if (lost.kernel.rx_dropped + lost.kernel.rx_ring_full + lost.kernel.rx_fill_ring_empty + lost.kernel.rx_invalid +
            lost.kernel.tx_invalid + lost.too_long + lost.damaged + lost.unsendable ==
        0)
        return;
    const trace::Line line("xdp: ", device_.name, ": packets lost: rx_dropped ", lost.kernel.rx_dropped,
                           ", rx_ring_full ", lost.kernel.rx_ring_full, ", fill_ring_empty ",
                           lost.kernel.rx_fill_ring_empty, ", rx_invalid ", lost.kernel.rx_invalid, ", tx_invalid ",
                           lost.kernel.tx_invalid, ", too_long ", lost.too_long, ", damaged ", lost.damaged,
                           ", unsendable ", lost.unsendable);
    trace::notice(line.text());
}

void XdpPort::on_link_events() noexcept {
    link_events_.drain();
    if (!device_.exists()) lose();
}

void XdpPort::lose() noexcept {
    if (std::exchange(is_lost_, true)) return;
    retry_at_ = time::Instant::max();
    const trace::Line line("xdp: ", device_.name, ": the interface was taken away");
    trace::notice(line.text());
}

// --- receiving

// What a park has harvested costs no call; else the lane is looked at now and then.
void XdpPort::look_at_lane(time::Instant now) noexcept {
    if (!poller_.has_harvested() && now < next_lane_ && !is_watched_outside_) return;
    next_lane_ = now + lane_interval;
    if (!is_lost_) look_at_fill();
    poller_.dispatch(now);
}

Frame* XdpPort::take(const xdp_desc& packet, time::Instant now) noexcept {
    constexpr std::uint32_t continues = 1;  // XDP_PKT_CONTD of Linux 6.6, which we do not ask for
    constexpr std::uint32_t tag_bytes = 4;
    Frame* const frame = frames_.take_back(packet.addr, packet.len);
    const bool is_whole = (packet.options & continues) == 0;
    const bool is_short = packet.len <= device_.mtu + ETHER_HDR_LEN + tag_bytes;
    if (frame == nullptr || !is_whole || !is_short) [[unlikely]] {
        if (frame != nullptr) frame->drop();
        ++(frame != nullptr && is_whole ? stats_.too_long : stats_.damaged);
        return nullptr;
    }
    // The rest is as allocate() has left it.
    frame->data = frames_.at(packet.addr);
    frame->headroom = static_cast<std::uint16_t>(packet.addr & (Umem::chunk_bytes - 1));
    frame->length = static_cast<std::uint16_t>(packet.len);
    frame->hash = 0;
    if (device_.is_cable) frame->checksum = stack::checksum_of_cable(frame->bytes());
    frame->set_arrival(now, 0);
    return frame;
}

std::size_t XdpPort::receive(std::span<Frame*> out, time::Instant now) noexcept {
    now_ = now;
    look_at_lane(now);
    if (is_lost_) [[unlikely]]
        return 0;
    auto& ring = socket_.received();
    const std::uint32_t ready = ring.ready(static_cast<std::uint32_t>(std::min<std::size_t>(out.size(), burst_max)));
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < ready; ++i)
        if (Frame* const frame = take(ring.at(i), now); frame != nullptr) [[likely]]
            out[count++] = frame;
    if (ready != 0) {
        ring.take(ready);
        owed_ += ready;
        if (owed_ >= feed_at_once) feed();
    }
    if (in_flight_ != 0) look_at_sent();
    if (now >= retry_at_) [[unlikely]]
        retry();
    return count;
}

// Gives the kernel as many empty frames as it lacks. Where there are none the kernel drops what comes, and this is
// tried again soon: a core that sleeps is not woken by what was dropped.
void XdpPort::feed() noexcept {
    auto& ring = socket_.fill();
    const std::uint32_t wanted = std::min(owed_, ring.room(owed_));
    std::uint32_t count = 0;
    for (; count < wanted; ++count) {
        Frame* const frame = frames_.allocate();
        if (frame == nullptr) break;
        ring.at(count) = frames_.lend(*frame) & ~std::uint64_t{Umem::chunk_bytes - 1};
    }
    ring.publish(count);
    owed_ -= count;
    if (owed_ >= XdpSocket::receive_ring / 2) set_retry();
    look_at_fill();
}

// A driver that receives by itself, and found nothing to fill, waits to be called. It may say so a moment after the
// frames were given, and then nothing comes that would have this looked at: so it is before the core sleeps, too.
void XdpPort::look_at_fill() noexcept {
    if (socket_.fill().needs_wakeup()) (void)call_recv(socket_.fd(), nullptr, 0, MSG_DONTWAIT);
}

// --- sending

// What was sent comes back, and its handle goes.
void XdpPort::reap() noexcept {
    auto& ring = socket_.sent();
    const std::uint32_t count = ring.ready(in_flight_);
    if (count == 0) return;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (Frame* const frame = frames_.take_back(ring.at(i)); frame != nullptr) [[likely]]
            frame->drop();
        else
            ++stats_.damaged;
    }
    ring.take(count);
    in_flight_ -= count;
}

// A driver that sends by itself may have stopped to look while the last packets were written: that it wants to be
// called is seen here, before the core sleeps or goes on to spin.
void XdpPort::look_at_sent() noexcept {
    reap();
    if (in_flight_ != 0 && !is_unsent_ && socket_.to_send().needs_wakeup()) push();
}

// Makes the kernel send. It takes 32 in a call and then says that there are more; and it says the same when the device
// has no room, so a call that takes none is the last.
void XdpPort::push() noexcept {
    auto& ring = socket_.to_send();
    std::uint32_t left = ring.pending();
    while (left != 0) {
        const long answer = call_send(socket_.fd(), nullptr, 0, MSG_DONTWAIT);
        const std::uint32_t before = std::exchange(left, ring.pending());
        if (answer == -ENXIO || answer == -ENODEV) return lose();
        if (left == before || answer >= 0) break;
    }
    is_unsent_ = left != 0 && ring.needs_wakeup();
    if (is_unsent_) [[unlikely]]
        set_retry();
}

void XdpPort::set_retry() noexcept {
    if (retry_at_ == time::Instant::max()) retry_at_ = now_ + retry_after_;
}

// The wait doubles as long as it is in vain: a link may be down for hours.
void XdpPort::retry() noexcept {
    retry_at_ = time::Instant::max();
    retry_after_ = std::min(retry_after_ * 2, retry_late);
    if (owed_ != 0) feed();
    if (is_unsent_) push();
    if (retry_at_ == time::Instant::max()) retry_after_ = retry_soon;
}

// A datagram that was put together from pieces, or a frame of another port, is copied: it lies where the kernel cannot
// see it. Null: there is no frame for the copy now. One that fits none is dropped, which the caller sees by its length.
Frame* XdpPort::in_own_memory(Frame& packet) noexcept {
    Frame* const copy = frames_.allocate();
    if (copy == nullptr) return nullptr;
    if (packet.length <= copy->tailroom()) {
        std::memcpy(copy->data, packet.data, packet.length);
        copy->length = packet.length;
    } else {
        ++stats_.unsendable;
    }
    packet.drop();
    return copy;
}

std::size_t XdpPort::transmit(std::span<Frame*> packets) noexcept {
    if (is_lost_) [[unlikely]] {
        for (Frame* const packet : packets) packet->drop();
        return packets.size();
    }
    auto& ring = socket_.to_send();
    const auto wanted = static_cast<std::uint32_t>(packets.size());
    const std::uint32_t room = std::min(wanted, ring.room(wanted));
    std::uint32_t taken = 0;
    std::uint32_t count = 0;
    for (; taken < room; ++taken) {
        Frame* packet = packets[taken];
        if (!frames_.owns(*packet)) [[unlikely]] {
            packet = in_own_memory(*packet);
            if (packet == nullptr) break;
            if (packet->length == 0) {
                packet->drop();
                continue;
            }
        }
        ring.at(count++) = {frames_.lend(*packet), packet->length, 0};
    }
    ring.publish(count);
    in_flight_ += count;
    if (ring.needs_wakeup()) push();
    if (in_flight_ != 0) reap();
    return taken;
}

}  // namespace skerry::kernel_io::frame
