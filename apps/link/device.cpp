#include "device.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace skerry::link {

namespace {

Unexpected<DeviceError> failed(const DeviceName& name, const char* what) {
    return Unexpected(DeviceError{name.device + ": " + what + ": " + std::strerror(errno)});
}

/// Puts the thread into a network namespace while it lives.
class Visit {
public:
    explicit Visit(const std::string& network) {
        if (network.empty()) return;
        home_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        const int there = ::open(network.c_str(), O_RDONLY | O_CLOEXEC);
        has_failed_ = home_ < 0 || there < 0 || ::setns(there, CLONE_NEWNET) != 0;
        if (there >= 0) ::close(there);
    }
    ~Visit() {
        if (home_ < 0) return;
        if (!has_failed_) (void)::setns(home_, CLONE_NEWNET);
        ::close(home_);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    [[nodiscard]] bool has_failed() const noexcept { return has_failed_; }

private:
    int home_ = -1;
    bool has_failed_ = false;
};

bool attach_tap(int fd, const std::string& device) {
    ifreq request{};
    device.copy(request.ifr_name, sizeof request.ifr_name - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    return ::ioctl(fd, TUNSETIFF, &request) == 0;
}

// What we send ourselves comes back to no packet socket of ours, and goes to the device past queues of the kernel: the
// queue of the link is the only one.
bool attach_packets(int fd, const std::string& device) {
    constexpr int room = 16 << 20;  // while the machine runs something else
    constexpr int on = 1;
    if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0 ||
        ::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0 ||
        ::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
        ::setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0)
        return false;
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
    return address.sll_ifindex != 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Result<Device, DeviceError> Device::open(const DeviceName& name) {
    const Visit visit(name.network);
    if (visit.has_failed()) return failed(name, ("cannot enter " + name.network).c_str());
    const bool is_tap = name.kind == DeviceKind::tap;
    Device device(is_tap ? ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
                         : ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                  name.device);
    if (device.fd_ < 0) return failed(name, is_tap ? "cannot open /dev/net/tun" : "cannot make a packet socket");
    if (!(is_tap ? attach_tap(device.fd_, name.device) : attach_packets(device.fd_, name.device)))
        return failed(name, "cannot attach");
    return device;
}

Device::Device(Device&& other) noexcept : fd_(std::exchange(other.fd_, -1)), name_(std::move(other.name_)) {}

Device::~Device() {
    if (fd_ >= 0) ::close(fd_);
}

std::size_t Device::read(std::span<std::byte> into) noexcept {
    const ssize_t count = ::read(fd_, into.data(), into.size());
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

DeviceError Device::gone(int error) const { return {name_ + ": the device is gone: " + std::strerror(error)}; }

bool Device::write(std::span<const std::byte> frame) noexcept {
    return ::write(fd_, frame.data(), frame.size()) == static_cast<ssize_t>(frame.size());
}

}  // namespace skerry::link
