#include "tap_port.hpp"

#include "../os_socket.hpp"

#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ip_protocol.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/ipv6.hpp>
#include <skerry/trace/line.hpp>
#include <skerry/trace/notice.hpp>

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace skerry::kernel_io::frame {

using backend::Frame;

namespace {

/// A run's frames, the headers that are made for it, and virtio's in front.
constexpr std::size_t run_segments_max = 32;
constexpr std::size_t parts_max = run_segments_max + 2;

// What the kernel leaves to us. Not TUN_F_TSO_ECN: it then cuts itself what has CWR, which is for the first segment.
constexpr unsigned long left_to_us = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

}  // namespace

// --- the device

namespace {

/// The kernel's MTU of the device; the usual one when it does not say.
std::uint16_t mtu_of(ifreq request) noexcept {
    const OwnedFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!any || ::ioctl(any.get(), SIOCGIFMTU, &request) != 0) return backend::mtu_usual;
    return static_cast<std::uint16_t>(std::min<int>(request.ifr_mtu, backend::mtu_max));
}

}  // namespace

Result<Tap> Tap::attach(std::string_view name, TapOffloads offloads) noexcept {
    ifreq request{};
    if (name.empty() || name.size() >= sizeof request.ifr_name) return Errc::invalid_argument;
    std::memcpy(request.ifr_name, name.data(), name.size());
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (offloads.sent) request.ifr_flags |= IFF_VNET_HDR;
    Tap tap;
    tap.fd = OwnedFd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!tap.fd) return last_error();
    if (::ioctl(tap.fd.get(), TUNSETIFF, &request) != 0) return errno == EBUSY ? Errc::address_in_use : last_error();
    std::memcpy(tap.name.data(), request.ifr_name, tap.name.size());
    tap.mtu = mtu_of(request);
    tap.offloads = offloads;
    // Asked for anew each time: a program before this one may have left the device another way.
    int header_bytes = sizeof(VirtioHeader);
    if (offloads.sent && ::ioctl(tap.fd.get(), TUNSETVNETHDRSZ, &header_bytes) != 0) return last_error();
    if (::ioctl(tap.fd.get(), TUNSETOFFLOAD, offloads.received ? left_to_us : 0) != 0) tap.offloads.received = false;
    return tap;
}

// --- the port

/// Remembers that there is something to read: edge-triggered.
class TapPort::Watch final : public epoll::Watched {
public:
    explicit Watch(bool& is_readable) noexcept : is_readable_(is_readable) {}
    void on_events(std::uint32_t) noexcept override { is_readable_ = true; }

private:
    bool& is_readable_;
};

TapPort::TapPort(Tap tap, epoll::Poller poller)
    : tap_(std::move(tap)),
      poller_(std::move(poller)),
      lane_(poller_),
      frames_(backend::HeapFramesOptions::for_mtu(tap_.mtu)) {
    // Of this port alone, locally administered: two programs on one bridge must not share one.
    if (::getrandom(mac_.data(), mac_.size(), 0) != static_cast<ssize_t>(mac_.size())) mac_ = {0, 0x5e, 0, 0, 0, 1};
    mac_[0] = static_cast<std::uint8_t>((mac_[0] & 0xfcU) | 2U);
    if (tap_.offloads.sent) run_limits_.segments_max = run_segments_max;
    if (tap_.offloads.received) long_ = std::make_unique<LongSegment>();
}

TapPort::~TapPort() {
    say_what_was_long();
    if (tap_.offloads.received) (void)::ioctl(tap_.fd.get(), TUNSETOFFLOAD, 0UL);
    if (watch_ != nullptr) poller_.retire(watch_);
}

void TapPort::say_what_was_long() const noexcept {
    if (counters_.runs_sent + counters_.long_received + counters_.received_damaged == 0) return;
    const trace::Line line("tap: ", counters_.segments_in_runs, " segments left as ", counters_.runs_sent, " packets, ",
                           counters_.segments_received, " came as ", counters_.long_received, ", ",
                           counters_.received_damaged, " were damaged");
    trace::notice(line.text());
}

Result<> TapPort::start() noexcept {
    auto* const watch = new (std::nothrow) Watch(is_readable_);
    if (watch == nullptr) return Errc::no_memory;
    if (auto added = poller_.add(tap_.fd.get(), *watch, EPOLLIN | EPOLLET); !added) {
        delete watch;
        return added;
    }
    watch_ = watch;
    return {};
}

backend::PortInfo TapPort::info() const noexcept {
    backend::PortInfo info;
    info.mac = mac_;
    info.mtu = tap_.mtu;
    info.checksums_sent = tap_.offloads.sent;
    return info;
}

// --- the device's end

// What is left of a long packet was received before.
void TapPort::lose() noexcept {
    if (std::exchange(is_lost_, true)) return;
    const trace::Line line("tap: ", std::string_view(tap_.name.data()), ": the device was taken away");
    trace::notice(line.text());
}

// --- receiving

// EIO is a device that is down: it says by an event when it is up again. EBADFD is a descriptor without a device, which
// it stays.
void TapPort::note_no_packet(int os_error) noexcept {
    is_readable_ = os_error == EINTR;
    if (os_error == EBADFD) [[unlikely]]
        lose();
}

bool TapPort::begin_long(Frame& first, std::size_t bytes, const VirtioHeader& header) noexcept {
    const std::size_t room = first.tailroom();
    std::memcpy(long_->memory().data(), first.data, std::min(bytes, room));  // the rest is there
    if (!long_->begin(bytes, header, room)) return false;
    ++counters_.long_received;
    return true;
}

// A packet as long as a frame is read where it is to be; of a longer one the rest goes where it will be cut.
bool TapPort::read_behind_header(Frame& frame) noexcept {
    VirtioHeader header;
    const std::size_t room = frame.tailroom();
    std::byte too_much{};
    std::array<iovec, 3> parts{iovec{&header, sizeof header}, iovec{frame.data, room}, iovec{&too_much, 1}};
    if (long_ != nullptr) {
        const auto rest = long_->memory().subspan(room);
        parts[2] = {rest.data(), rest.size()};
    }
    const ssize_t got = ::readv(tap_.fd.get(), parts.data(), parts.size());
    if (got <= 0) {
        note_no_packet(got < 0 ? errno : 0);
        return false;
    }
    bool is_sound = static_cast<std::size_t>(got) > sizeof header;
    const std::size_t bytes = is_sound ? static_cast<std::size_t>(got) - sizeof header : 0;
    if (is_sound && header.kind != VirtioHeader::whole) {
        if (long_ != nullptr && begin_long(frame, bytes, header)) return take_into(frame);
        is_sound = false;
    }
    is_sound = is_sound && bytes <= room;
    if (is_sound) {
        frame.length = static_cast<std::uint16_t>(bytes);
        is_sound = (header.flags & VirtioHeader::sum_missing) == 0 || settle_checksum(frame, header);
    }
    if (!is_sound) ++counters_.received_damaged;
    return is_sound;
}

bool TapPort::read_into(Frame& frame) noexcept {
    if (tap_.offloads.sent) return read_behind_header(frame);
    const ssize_t count = ::read(tap_.fd.get(), frame.data, frame.tailroom());
    if (count > 0) {
        frame.length = static_cast<std::uint16_t>(count);
        return true;
    }
    note_no_packet(count < 0 ? errno : 0);
    return false;
}

bool TapPort::take_into(Frame& frame) noexcept {
    if (!has_rest()) return read_into(frame);
    long_->next(frame);
    ++counters_.segments_received;
    return true;
}

std::size_t TapPort::receive(std::span<Frame*> out, time::Instant now) noexcept {
    poller_.dispatch();
    std::size_t count = 0;
    // What is damaged counts, too: who sends nothing else must not keep the tasks waiting.
    for (std::size_t taken = 0; taken < out.size() && is_readable_; ++taken) {
        Frame* const frame = frames_.allocate();
        if (frame == nullptr) break;  // they stay in the device, and it drops what is too much
        if (!take_into(*frame)) {
            frame->drop();
            continue;
        }
        frame->set_arrival(now, 0);
        out[count++] = frame;
    }
    return count;
}

// --- sending

namespace {

namespace wire = stack::wire;

/// What the kernel has to do with a packet that asks for its checksum.
void ask_for_checksum(VirtioHeader& header, const Frame& packet) noexcept {
    if ((packet.flags & backend::frame_flag::sum_missing) == 0) return;
    const std::byte* const ip = packet.data + wire::ethernet_bytes;
    const bool is_v6 = wire::load_8(ip) >> 4U == 6;
    const bool is_tcp = wire::load_8(ip + (is_v6 ? wire::ipv6_next_header_at : 9U)) == wire::ip_protocol::tcp;
    header.flags = VirtioHeader::sum_missing;
    header.checksum_start =
        static_cast<std::uint16_t>(wire::ethernet_bytes + (is_v6 ? wire::ipv6_bytes : wire::ipv4_bytes));
    header.checksum_offset = is_tcp ? 16 : 6;
}

iovec part(std::byte* at, std::size_t bytes) noexcept { return {at, bytes}; }

}  // namespace

// The payloads leave from where they are; the headers of all are made beside them, because the frames' own are what a
// port that takes them later will send.
ssize_t TapPort::send_run(std::span<Frame* const> burst, const stack::SegmentRun& run) noexcept {
    std::array<std::byte, stack::run_header_bytes_max> headers;
    stack::write_run_headers(headers.data(), burst, run);
    VirtioHeader header;
    ask_for_checksum(header, *burst[0]);
    header.kind = run.is_v6 ? VirtioHeader::long_tcp6 : VirtioHeader::long_tcp4;
    header.header_bytes = static_cast<std::uint16_t>(run.header_bytes);
    header.segment_bytes = static_cast<std::uint16_t>(run.segment_bytes);
    std::array<iovec, parts_max> parts;
    parts[0] = {&header, sizeof header};
    parts[1] = part(headers.data(), run.header_bytes);
    for (std::size_t i = 0; i < run.segments; ++i)
        parts[i + 2] = part(burst[i]->data + run.header_bytes, burst[i]->length - run.header_bytes);
    return ::writev(tap_.fd.get(), parts.data(), static_cast<int>(run.segments + 2));
}

ssize_t TapPort::send(std::span<Frame* const> run_and_more, const stack::SegmentRun& run) noexcept {
    if (run.segments > 1) return send_run(run_and_more, run);
    Frame& packet = *run_and_more[0];
    if (!tap_.offloads.sent) return ::write(tap_.fd.get(), packet.data, packet.length);
    VirtioHeader header;
    ask_for_checksum(header, packet);
    const std::array<iovec, 2> parts{iovec{&header, sizeof header}, part(packet.data, packet.length)};
    return ::writev(tap_.fd.get(), parts.data(), parts.size());
}

std::size_t TapPort::transmit(std::span<Frame*> packets) noexcept {
    if (is_lost_) [[unlikely]] {
        for (Frame* const packet : packets) packet->drop();
        return packets.size();
    }
    std::size_t count = 0;
    while (count < packets.size()) {
        const auto rest = packets.subspan(count);
        const stack::SegmentRun run = stack::run_at(rest, run_limits_);
        ssize_t sent;
        do sent = send(rest, run);
        while (sent < 0 && errno == EINTR);
        if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) return count;
        if (sent < 0 && errno == EINVAL && run.segments > 1) {  // it has never; they would be sent again for nothing
            run_limits_.segments_max = 1;
            continue;
        }
        if (sent < 0) counters_.transmit_errors += run.segments;
        if (sent >= 0 && run.segments > 1) {
            ++counters_.runs_sent;
            counters_.segments_in_runs += run.segments;
        }
        for (Frame* const packet : rest.first(run.segments)) packet->drop();
        count += run.segments;
    }
    return count;
}

}  // namespace skerry::kernel_io::frame
