#pragma once

// The other end of a port of DPDK, on a thread of its own: sends back what comes for one receiver, as it came. What is
// for many (ARP's questions, groups) it keeps, since a wire does not return it.

#include <skerry/dpdk/backend.hpp>
#include <skerry/dpdk/native.hpp>
#include <skerry/runtime/builder.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <thread>
#include <utility>

namespace skerry::tests {

/// Threads: one makes it, resumes, pauses and ends it.
class PortReflector {
public:
    /// Opens the devices that `dpdk` names, and rests.
    explicit PortReflector(std::string dpdk) : thread_([this, dpdk = std::move(dpdk)] { run(dpdk); }) {
        while (state_.load() == State::starting) std::this_thread::yield();
    }
    PortReflector(const PortReflector&) = delete;
    PortReflector& operator=(const PortReflector&) = delete;
    ~PortReflector() {
        state_.store(State::ending);
        thread_.join();
    }

    /// Why it does not run; empty when it does.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

    /// Looks into the port from now on.
    void resume() { state_.store(State::active); }

    /// Returns when it does not look any more.
    void pause() {
        if (state_.load() != State::active) return;
        state_.store(State::pausing);
        while (state_.load() == State::pausing) std::this_thread::yield();
    }

    /// Whether the link gets so within ten seconds.
    [[nodiscard]] bool wait_for_link(bool is_up) const {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (std::chrono::steady_clock::now() < until) {
            rte_eth_link link{};
            if (rte_eth_link_get_nowait(port_id_, &link) == 0 && (link.link_status == RTE_ETH_LINK_UP) == is_up)
                return true;
            std::this_thread::yield();
        }
        return false;
    }

private:
    enum class State : std::uint8_t { starting, resting, active, pausing, ending };

    void run(const std::string& dpdk) {
        runtime::Config config;
        config.dpdk = dpdk;
        config.flavour = runtime::Flavour::current_thread;
        config.pin = false;
        auto runtime = runtime::Builder(config).offer(dpdk::make_backend()).build();
        if (!runtime) {
            failure_ = runtime.error().message;
            state_.store(State::resting);
            return;
        }
        runtime->block_on(reflect());
    }

    // Polls by itself, without the runtime's loop, so that a pause is one.
    Task<> reflect() {
        const dpdk::Port port = *dpdk::Port::open(0);
        port_id_ = port.port_id();
        state_.store(State::resting);
        for (State state = State::resting; state != State::ending; state = state_.load()) {
            if (state == State::pausing) state_.compare_exchange_strong(state, State::resting);
            if (state != State::active || !reflect_burst(port)) std::this_thread::yield();
        }
        co_return;
    }

    /// False when there was none.
    bool reflect_burst(dpdk::Port port) noexcept {
        std::array<rte_mbuf*, dpdk::burst_max> frames;
        const auto got = rte_eth_rx_burst(port.port_id(), port.queue_id(), frames.data(), frames.size());
        for (rte_mbuf* frame : std::span(frames).first(got)) {
            const bool is_for_many = (std::to_integer<unsigned>(dpdk::bytes(*frame)[0]) & 1U) != 0;
            if (is_for_many || !send(port, frame)) rte_pktmbuf_free(frame);
        }
        return got != 0;
    }

    // Waits for room: nothing is lost on this wire. net_memif has none before the other end's first look, which may
    // come after what that end sends as soon as it is connected.
    bool send(dpdk::Port port, rte_mbuf* frame) noexcept {
        while (rte_eth_tx_burst(port.port_id(), port.queue_id(), &frame, 1) != 1) {
            if (state_.load() != State::active) return false;
            std::this_thread::yield();
        }
        return true;
    }

    std::atomic<State> state_{State::starting};
    std::uint16_t port_id_ = 0;
    std::string failure_;
    std::thread thread_;  // last: it uses the others
};

}  // namespace skerry::tests
