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

RxInterrupt::RxInterrupt(std::uint16_t port, std::uint16_t queue) noexcept : port_(port), queue_(queue) {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) return;
    // A driver that has a descriptor but nothing to arm, as net_tap's, says that it does not know how.
    const int armed = rte_eth_dev_rx_intr_enable(port, queue);
    if ((armed == 0 || armed == -ENOTSUP) &&
        rte_eth_dev_rx_intr_ctl_q(port, queue, fd, RTE_INTR_EVENT_ADD, nullptr) == 0)
        epoll_fd_ = fd;
    else
        ::close(fd);
    if (armed == 0) (void)rte_eth_dev_rx_intr_disable(port, queue);
    eal_log::forget();  // that there is none is no error
}

RxInterrupt::~RxInterrupt() {
    if (!exists()) return;
    (void)rte_eth_dev_rx_intr_ctl_q(port_, queue_, epoll_fd_, RTE_INTR_EVENT_DEL, nullptr);
    ::close(epoll_fd_);
}

bool RxInterrupt::arm() noexcept {
    const int armed = rte_eth_dev_rx_intr_enable(port_, queue_);
    return armed == 0 || armed == -ENOTSUP;
}

void RxInterrupt::disarm() noexcept {
    (void)rte_eth_dev_rx_intr_disable(port_, queue_);
    // Reads the interrupt's own descriptor too, where it has a count.
    std::array<rte_epoll_event, 1> events{};
    (void)rte_epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()), 0);
}

void RxInterrupt::forget() noexcept {
    if (exists()) ::close(std::exchange(epoll_fd_, -1));
}

}  // namespace skerry::dpdk
