#include "tap_port.hpp"

#include "../os_socket.hpp"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace skerry::kernel_io::frame {

using backend::Frame;

// --- the device

namespace {

/// The kernel's MTU of the device; the usual one when it does not say.
std::uint16_t mtu_of(ifreq request) noexcept {
    const Fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    constexpr int largest = 1500;  // what our frames hold
    if (!any || ::ioctl(any.get(), SIOCGIFMTU, &request) != 0) return largest;
    return static_cast<std::uint16_t>(std::min(request.ifr_mtu, largest));
}

}  // namespace

Result<Tap> Tap::attach(std::string_view name) noexcept {
    ifreq request{};
    if (name.empty() || name.size() >= sizeof request.ifr_name) return Errc::invalid_argument;
    std::memcpy(request.ifr_name, name.data(), name.size());
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    Tap tap;
    tap.fd = Fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!tap.fd) return last_error();
    if (::ioctl(tap.fd.get(), TUNSETIFF, &request) != 0) return errno == EBUSY ? Errc::address_in_use : last_error();
    tap.mtu = mtu_of(request);
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

TapPort::TapPort(Tap tap, epoll::Poller poller) : tap_(std::move(tap)), poller_(std::move(poller)), lane_(poller_) {
    // Of this port alone, locally administered: two programs on one bridge must not share one.
    if (::getrandom(mac_.data(), mac_.size(), 0) != static_cast<ssize_t>(mac_.size())) mac_ = {0, 0x5e, 0, 0, 0, 1};
    mac_[0] = static_cast<std::uint8_t>((mac_[0] & 0xfcU) | 2U);
}

TapPort::~TapPort() {
    if (watch_ != nullptr) poller_.retire(watch_);
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
    return info;
}

bool TapPort::read_into(Frame& frame) noexcept {
    const ssize_t count = ::read(tap_.fd.get(), frame.data, frame.tailroom());
    if (count > 0) {
        frame.length = static_cast<std::uint16_t>(count);
        return true;
    }
    // EIO and EBADFD: the device is down; it says by an event when it is up again.
    is_readable_ = count < 0 && errno == EINTR;
    return false;
}

std::size_t TapPort::receive(std::span<Frame*> out, time::Instant now) noexcept {
    poller_.dispatch();
    std::size_t count = 0;
    while (count < out.size() && is_readable_) {
        Frame* const frame = frames_.allocate();
        if (frame == nullptr) break;  // they stay in the device, and it drops what is too much
        if (!read_into(*frame)) {
            frame->drop();
            continue;
        }
        frame->rx_time_ns = now.as_nanos();
        frame->time_source = backend::TimeSource::burst;
        frame->queue = 0;
        out[count++] = frame;
    }
    return count;
}

std::size_t TapPort::transmit(std::span<Frame*> packets) noexcept {
    for (std::size_t i = 0; i < packets.size(); ++i) {
        Frame& packet = *packets[i];
        ssize_t sent;
        do sent = ::write(tap_.fd.get(), packet.data, packet.length);
        while (sent < 0 && errno == EINTR);
        if (sent < 0) {
            if (errno == EAGAIN || errno == ENOBUFS) return i;
            ++transmit_errors_;
        }
        packet.drop();
    }
    return packets.size();
}

}  // namespace skerry::kernel_io::frame
