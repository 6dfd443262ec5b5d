#define ALLOW_EXPERIMENTAL_API  // DPDK 22.11 counts the events of devices as such
#include "port_events.hpp"

#include <skerry/trace/notice.hpp>

#include <rte_config.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace skerry::dpdk {

namespace {

int on_port_event(std::uint16_t, rte_eth_event_type type, void* events, void*) {
    auto& self = *static_cast<PortEvents*>(events);
    if (type == RTE_ETH_EVENT_INTR_LSC)
        self.look_at_link();
    else
        self.on_gone();
    return 0;
}

void on_device_event(const char*, rte_dev_event_type type, void* events) {
    if (type == RTE_DEV_EVENT_REMOVE) static_cast<PortEvents*>(events)->on_gone();
}

rte_eth_link link_of(std::uint16_t port) noexcept {
    rte_eth_link link{};
    (void)rte_eth_link_get_nowait(port, &link);
    return link;
}

std::string text_of(const rte_eth_link& link) {
    if (link.link_status != RTE_ETH_LINK_UP) return "link is down";
    if (link.link_speed == RTE_ETH_SPEED_NUM_NONE || link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN) return "link is up";
    return "link is up, " + std::to_string(link.link_speed) + " Mb/s";
}

// DPDK says try again while the callback runs.
template <class Function>
void until_done(Function function) noexcept {
    while (function() == -EAGAIN) std::this_thread::yield();
}

}  // namespace

void PortEvents::start() {
    is_started_ = true;
    is_up_.store(link_of(id_).link_status == RTE_ETH_LINK_UP, std::memory_order_relaxed);
    (void)rte_eth_dev_callback_register(id_, RTE_ETH_EVENT_INTR_LSC, &on_port_event, this);
    (void)rte_eth_dev_callback_register(id_, RTE_ETH_EVENT_INTR_RMV, &on_port_event, this);
    (void)rte_dev_event_callback_register(name_.c_str(), &on_device_event, this);
}

void PortEvents::stop() noexcept {
    if (!std::exchange(is_started_, false)) return;
    until_done([this] { return rte_dev_event_callback_unregister(name_.c_str(), &on_device_event, this); });
    for (const auto type : {RTE_ETH_EVENT_INTR_RMV, RTE_ETH_EVENT_INTR_LSC})
        until_done([this, type] { return rte_eth_dev_callback_unregister(id_, type, &on_port_event, this); });
}

void PortEvents::wait_for_link(std::chrono::nanoseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (link_of(id_).link_status != RTE_ETH_LINK_UP && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    const rte_eth_link link = link_of(id_);
    is_up_.store(link.link_status == RTE_ETH_LINK_UP, std::memory_order_relaxed);
    if (!is_up()) trace::notice("dpdk: " + name_ + ": link is down; frames go nowhere until it is up");
}

void PortEvents::look_at_link() {
    const rte_eth_link link = link_of(id_);
    const bool is_up = link.link_status == RTE_ETH_LINK_UP;
    if (is_up_.exchange(is_up, std::memory_order_relaxed) == is_up) return;
    trace::notice("dpdk: " + name_ + ": " + text_of(link));
    if (is_up) ring();
}

void PortEvents::ring() {
    const std::lock_guard guard(mutex_);
    for (Doorbell* const doorbell : doorbells_) doorbell->ring();
}

void PortEvents::on_gone() {
    if (is_gone_.exchange(true, std::memory_order_acq_rel)) return;
    trace::notice("dpdk: " + name_ + ": the device is being taken away; what runs over it ends");
    ring();
}

void PortEvents::add(Doorbell& doorbell) {
    const std::lock_guard guard(mutex_);
    doorbells_.push_back(&doorbell);
}

void PortEvents::remove(Doorbell& doorbell) noexcept {
    const std::lock_guard guard(mutex_);
    doorbells_.erase(std::remove(doorbells_.begin(), doorbells_.end(), &doorbell), doorbells_.end());
}

}  // namespace skerry::dpdk
