#include "doorbell.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>

namespace skerry::dpdk {

Result<Doorbell> Doorbell::make() noexcept {
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) return Error::from_os(errno);
    return Doorbell(fd);
}

Doorbell::~Doorbell() {
    if (fd_ >= 0) ::close(fd_);
}

void Doorbell::wait(time::Instant wake_at, int other, int another) noexcept {
    std::array<pollfd, 3> watched{{{fd_, POLLIN, 0}, {other, POLLIN, 0}, {another, POLLIN, 0}}};
    timespec timeout{};
    const bool is_bounded = wake_at != time::Instant::max();
    if (is_bounded) {
        const auto left = std::max(wake_at - time::Instant::now(), std::chrono::nanoseconds{0});
        timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
        timeout.tv_nsec = (left % std::chrono::seconds{1}).count();
    }
    if (::ppoll(watched.data(), watched.size(), is_bounded ? &timeout : nullptr, nullptr) <= 0) return;
    std::uint64_t rings = 0;
    [[maybe_unused]] const auto taken = ::read(fd_, &rings, sizeof rings);
}

void Doorbell::ring() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

}  // namespace skerry::dpdk
