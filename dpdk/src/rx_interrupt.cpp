#include "rx_interrupt.hpp"

#include "eal_log.hpp"

#include <rte_config.h>
#include <rte_epoll.h>
#include <rte_ethdev.h>

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace skerry::dpdk {

namespace {

// A driver that has a descriptor but nothing to arm, as net_tap's, says that it does not know how.
bool is_armed(int answer) noexcept { return answer == 0 || answer == -ENOTSUP; }

}  // namespace

RxInterrupt::RxInterrupt(std::uint16_t port, OwnQueues queues) noexcept : port_(port), queues_(queues) {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return;
    bool is_watched = true;
    queues_.for_each([&](std::uint16_t queue) { is_watched = is_watched && watch(queue, fd); });
    if (is_watched) {
        epoll_fd_ = fd;
    } else {
        forget_queues(fd);
        ::close(fd);
    }
    eal_log::forget();  // that there is none is no error
}

RxInterrupt::~RxInterrupt() {
    if (!exists()) return;
    forget_queues(epoll_fd_);
    ::close(epoll_fd_);
}

bool RxInterrupt::watch(std::uint16_t queue, int fd) const noexcept {
    const int armed = rte_eth_dev_rx_intr_enable(port_, queue);
    const bool is_watched =
        is_armed(armed) && rte_eth_dev_rx_intr_ctl_q(port_, queue, fd, RTE_INTR_EVENT_ADD, nullptr) == 0;
    if (armed == 0) (void)rte_eth_dev_rx_intr_disable(port_, queue);
    return is_watched;
}

void RxInterrupt::forget_queues(int fd) const noexcept {
    queues_.for_each(
        [&](std::uint16_t queue) { (void)rte_eth_dev_rx_intr_ctl_q(port_, queue, fd, RTE_INTR_EVENT_DEL, nullptr); });
}

bool RxInterrupt::arm() noexcept {
    bool are_armed = true;
    queues_.for_each(
        [&](std::uint16_t queue) { are_armed = is_armed(rte_eth_dev_rx_intr_enable(port_, queue)) && are_armed; });
    return are_armed;
}

void RxInterrupt::disarm() noexcept {
    queues_.for_each([&](std::uint16_t queue) { (void)rte_eth_dev_rx_intr_disable(port_, queue); });
    // Reads the interrupts' own descriptors too, where they have a count.
    std::array<rte_epoll_event, 8> events{};
    int count = 0;
    do {
        count = rte_epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), 0);
    } while (count == static_cast<int>(events.size()));
}

void RxInterrupt::forget() noexcept {
    if (exists()) ::close(std::exchange(epoll_fd_, -1));
}

}  // namespace skerry::dpdk
