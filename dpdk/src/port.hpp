#pragma once

// One port: any ethdev, by PCI address or as a virtual device, with a queue pair for each core, for as many as it has,
// or with several for a core.

#include "mempool.hpp"
#include "own_queues.hpp"
#include "port_events.hpp"
#include "rss.hpp"

#include <skerry/backend/backend.hpp>
#include <skerry/base/result.hpp>
#include <skerry/dpdk/options.hpp>
#include <skerry/stack/segment_run.hpp>
#include <skerry/stack/steering/steering.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace skerry::dpdk {

/// Who will use a port.
struct PortUsers {
    std::uint16_t cores = 1;
    bool may_steer = false;  ///< fewer queue pairs than cores will do: the others send and receive by these
    bool may_sleep = false;  ///< so it should have interrupts
    std::uint64_t seed = 0;  ///< of the hash that chooses queues
};

/// A port, attached and perhaps running.
class EthPort {
public:
    /// Takes the device, unless this process made it otherwise. Nothing is received yet.
    ///
    /// Errors: a line with the next step: unknown device, bound to the kernel, no rights, in use by another runtime,
    ///         what the device's driver says.
    [[nodiscard]] static Result<std::unique_ptr<EthPort>, backend::SetupError> attach(const Device& device,
                                                                                      const Options& options);

    /// Gives it as many queue pairs as `options.queues` says, or one for each core, as far as it has them, and a pool
    /// for each core, and starts it. It takes all frames, whatever their destination. Called once. A card is waited for
    /// until its link is up, link_patience at most.
    ///
    /// Errors: a line with the next step: too few queues, no memory, what the device's driver says.
    [[nodiscard]] Result<void, backend::SetupError> start(const PortUsers& users, const Options& options);

    EthPort(const EthPort&) = delete;
    EthPort& operator=(const EthPort&) = delete;

    /// As close(). The pools go last, with this object: frames of theirs may be in queues of other ports.
    ~EthPort();

    /// Stops the device and takes it off again. No core uses its queues any more.
    void close() noexcept;

    [[nodiscard]] std::uint16_t id() const noexcept { return id_; }
    [[nodiscard]] const BufferPool& pool(std::uint16_t core) const noexcept { return pools_[core]; }
    /// Queue pairs that it runs with.
    [[nodiscard]] std::uint16_t queues() const noexcept { return queues_; }
    /// Those of one core.
    [[nodiscard]] OwnQueues queues_of(std::uint16_t core) const noexcept {
        return {core, static_cast<std::uint16_t>(pools_.size()), queues_};
    }
    [[nodiscard]] const Rss& rss() const noexcept { return rss_; }
    /// Whether it chooses queues by our key and table.
    [[nodiscard]] bool hash_predicts() const noexcept { return hash_predicts_; }

    /// One core uses its queue no more, as the device is gone; the last one closes it. Threads: any core.
    void leave() noexcept;

    [[nodiscard]] PortEvents& events() noexcept { return events_; }
    /// Whether a core can sleep on its receive queue.
    [[nodiscard]] bool has_interrupts() const noexcept { return has_interrupts_; }
    /// Whether such an interrupt may come before its frame can be seen.
    [[nodiscard]] bool interrupts_late() const noexcept { return driver_ == "net_tap"; }
    /// Bytes of a frame beyond which it takes neither this one nor any behind it; most drop what is too long.
    [[nodiscard]] std::uint32_t frame_bytes_max() const noexcept;
    /// Whether it sends buffers that somebody holds too. The virtio driver of DPDK 22.11 puts the header of such a
    /// frame apart, and in a packed ring calls it the device's to write: the device stops there for good.
    [[nodiscard]] bool sends_shared() const noexcept { return !driver_.starts_with("net_virtio"); }
    /// Whether it finishes the checksums of UDP and TCP.
    [[nodiscard]] bool sends_checksums() const noexcept;
    /// Bytes of an IP packet, as long as it takes and we want.
    [[nodiscard]] std::uint16_t mtu() const noexcept;
    /// What it takes as one long segment of TCP, to be cut by it: Options::cuts_segments.
    [[nodiscard]] const stack::RunLimits& run_limits() const noexcept { return run_limits_; }
    /// Whether it finishes IPv4's checksum of such a segment; else it wants it made.
    [[nodiscard]] bool sends_ipv4_checksums() const noexcept;
    /// The node of the machine's memory that it is nearest to; negative: none is.
    [[nodiscard]] int node() const noexcept { return node_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Igb and e1000e take 2 to 3 s, also on hardware.
    static constexpr auto link_patience = std::chrono::seconds{10};

    /// `net_memif0 (net_memif), node 0, 1 queue pair, checksums in software`, for so many cores.
    [[nodiscard]] std::string description(std::uint16_t cores) const;

private:
    EthPort(const Device& device, std::uint16_t id, bool was_attached);

    Result<void, backend::SetupError> look_at(const Options& options);
    void shut_down() const noexcept;
    [[nodiscard]] bool cuts_segments(std::uint64_t offloads) const noexcept;
    [[nodiscard]] backend::SetupError not_symmetric() const;
    Result<void, backend::SetupError> run(const PortUsers& users, const Options& options, bool wants_interrupts);
    Result<void, backend::SetupError> configure(const stack::Toeplitz::Key& key, bool wants_interrupts);
    Result<void, backend::SetupError> set_mtu();
    Result<void, backend::SetupError> make_pools(std::uint16_t cores, const Options& options);
    Result<void, backend::SetupError> set_up_queues(const Options& options);
    [[nodiscard]] Result<void, backend::SetupError> room_for_rings(std::uint16_t rx_ring, const Options& options) const;
    [[nodiscard]] backend::SetupError refused(const std::string& step, int error) const;

    std::string name_;
    std::uint16_t id_;
    bool is_pci_;
    bool was_attached_;  // by attach(), so close() takes it off
    bool keeps_buffers_;  // its driver, when it closes
    bool has_interrupts_ = false;
    bool tells_link_ = false;
    bool tells_removal_ = false;
    std::atomic<std::uint16_t> users_{0};  // cores that may use a queue; the last one's release pairs with its acquire
    PortEvents events_;
    bool is_open_ = true;
    bool is_started_ = false;
    std::string driver_;
    int node_ = -1;
    std::uint16_t wanted_mtu_ = 0;  // 0: its own
    std::uint16_t queues_ = 0;
    std::uint16_t queues_max_ = 0;
    Rss rss_;
    bool hash_predicts_ = false;
    std::uint64_t rx_offloads_ = 0;
    std::uint64_t tx_offloads_ = 0;
    stack::RunLimits run_limits_;
    std::vector<BufferPool> pools_;
};

/// The ports of one runtime. Its cores share it; the last one closes them.
class PortSet {
public:
    /// Takes all devices, or none.
    ///
    /// Errors: as EthPort::attach.
    [[nodiscard]] static Result<std::shared_ptr<PortSet>, backend::SetupError> attach(const Options& options);

    PortSet() = default;
    PortSet(const PortSet&) = delete;
    PortSet& operator=(const PortSet&) = delete;
    ~PortSet();

    /// Errors: as EthPort::start.
    [[nodiscard]] Result<void, backend::SetupError> start(const PortUsers& users, const Options& options);

    /// What the cores of one port's address share; null for one core, or when they take raw frames.
    [[nodiscard]] std::shared_ptr<stack::Steering> steering(std::size_t port) const noexcept {
        return steerings_.empty() ? nullptr : steerings_[port];
    }

    [[nodiscard]] const std::vector<std::unique_ptr<EthPort>>& ports() const noexcept { return ports_; }

private:
    std::vector<std::unique_ptr<EthPort>> ports_;
    std::vector<std::shared_ptr<stack::Steering>> steerings_;  // of each, or none
};

}  // namespace skerry::dpdk
