#pragma once

// One port: any ethdev, by PCI address or as a virtual device, with a queue pair for each core.

#include "mempool.hpp"

#include <skerry/backend/backend.hpp>
#include <skerry/base/result.hpp>
#include <skerry/dpdk/options.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace skerry::dpdk {

/// A port, attached and perhaps running.
class EthPort {
public:
    /// Takes the device, unless this process made it otherwise. Nothing is received yet.
    ///
    /// Errors: a line with the next step: unknown device, bound to the kernel, no rights, in use by another runtime,
    ///         what the device's driver says.
    [[nodiscard]] static Result<std::unique_ptr<EthPort>, backend::SetupError> attach(const Device& device);

    /// Gives it `queues` queue pairs, each with a pool, and starts it. It takes all frames, whatever their destination.
    /// Called once.
    ///
    /// Errors: a line with the next step: too few queues, no memory, what the device's driver says.
    [[nodiscard]] Result<void, backend::SetupError> start(std::uint16_t queues, const Options& options);

    EthPort(const EthPort&) = delete;
    EthPort& operator=(const EthPort&) = delete;

    /// As close(). The pools go last, with this object: frames of theirs may be in queues of other ports.
    ~EthPort();

    /// Stops the device and takes it off again. No core uses its queues any more.
    void close() noexcept;

    [[nodiscard]] std::uint16_t id() const noexcept { return id_; }
    [[nodiscard]] const BufferPool& pool(std::uint16_t queue) const noexcept { return pools_[queue]; }

    /// `net_memif0 (net_memif), node 0, checksums in software`
    [[nodiscard]] std::string description() const;

private:
    EthPort(const Device& device, std::uint16_t id, bool was_attached) noexcept;

    Result<void, backend::SetupError> look_at();
    Result<void, backend::SetupError> configure(std::uint16_t queues);
    Result<void, backend::SetupError> make_pools(std::uint16_t queues, const Options& options);
    Result<void, backend::SetupError> set_up_queues(std::uint16_t queues, const Options& options);
    [[nodiscard]] backend::SetupError refused(const std::string& step, int error) const;

    std::string name_;
    std::uint16_t id_;
    bool was_attached_;  // by attach(), so close() takes it off
    bool keeps_buffers_;  // its driver, when it closes
    bool is_open_ = true;
    bool is_started_ = false;
    std::string driver_;
    int node_ = -1;
    std::uint16_t queues_ = 0;
    std::uint16_t queues_max_ = 0;
    std::uint64_t hash_types_ = 0;
    std::uint64_t rx_offloads_ = 0;
    std::uint64_t tx_offloads_ = 0;
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
    [[nodiscard]] Result<void, backend::SetupError> start(std::uint16_t queues, const Options& options);

    [[nodiscard]] const std::vector<std::unique_ptr<EthPort>>& ports() const noexcept { return ports_; }

private:
    std::vector<std::unique_ptr<EthPort>> ports_;
};

}  // namespace skerry::dpdk
