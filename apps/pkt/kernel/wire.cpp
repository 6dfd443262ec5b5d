#include "wire.hpp"

#include "clock.hpp"
#include "internal_fd.hpp"
#include "os_reason.hpp"
#include "own_chatter.hpp"
#include "quiet_thread.hpp"

#include <skerry/base/assert.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace skerry::pkt::kernel {

namespace {

constexpr std::size_t packet_bytes_most = 65'575;  // IPv6 with its header
// Beyond that they stay in the device, which drops what is too much. No script expects nearly as many.
constexpr std::size_t packets_most = 65'536;

}  // namespace

Wire::Wire(OwnedFd device, net::IpFamily family, Bell& bell)
    : device_(std::move(device)),
      stop_(internal_fd(::eventfd(0, EFD_CLOEXEC))),
      family_(family),
      bell_(bell),
      room_(packet_bytes_most) {
    SKERRY_ASSERT(bool(stop_), "no descriptor is left");
    reader_ = quiet_thread([this] { listen(); });
}

Wire::~Wire() {
    const std::uint64_t one = 1;
    const bool is_told = ::write(stop_.get(), &one, sizeof one) == sizeof one;
    SKERRY_ASSERT(is_told, "the reader of a wire cannot be stopped");
    reader_.join();
}

std::optional<Unsupported> Wire::inject(std::span<const std::byte> packet) {
    ssize_t count;
    do count = ::write(device_.get(), packet.data(), packet.size());
    while (count < 0 && errno == EINTR);
    if (count < 0) return os_reason("the kernel takes no such packet");
    return {};
}

std::vector<SentPacket> Wire::take_sent() {
    const std::lock_guard lock(mutex_);
    read_all();
    return std::exchange(sent_, {});
}

bool Wire::read_all() {
    bool has_told = false;
    while (sent_.size() < packets_most) {
        const ssize_t count = ::read(device_.get(), room_.data(), room_.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        const time::Instant at = present();
        const auto packet = std::span(room_).first(static_cast<std::size_t>(count));
        if (!is_of_scripts(packet, family_)) continue;
        sent_.push_back({at, {packet.begin(), packet.end()}});
        has_told = true;
    }
    return has_told;
}

void Wire::listen() {
    std::array<pollfd, 2> watched{{{device_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    for (;;) {
        ::poll(watched.data(), watched.size(), -1);
        if (watched[1].revents != 0) return;
        bool has_told = false;
        {
            const std::lock_guard lock(mutex_);
            has_told = read_all();
        }
        if (has_told) bell_.ring();
    }
}

}  // namespace skerry::pkt::kernel
