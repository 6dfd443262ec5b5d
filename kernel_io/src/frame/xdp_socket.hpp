#pragma once

// A socket of AF_XDP on queue 0 of an interface: memory shared with the kernel (UMEM) and four rings of it. Empty
// frames go to the kernel by `fill`, what came by `received`; packets to be sent go by `to_send`, and come back by
// `sent`.
//
// The rings are driven here, by their addresses: libxdp's functions for them are as many lines, and with it would come
// libbpf and libelf (see xdp_program.hpp).

#include "../os_socket.hpp"
#include "ethernet_device.hpp"
#include "xdp_ring.hpp"

#include <skerry/backend/backend.hpp>
#include <skerry/base/result.hpp>

#include <linux/if_xdp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace skerry::kernel_io::frame {

/// What the kernel counts of a socket.
struct XdpKernelStats {
    std::uint64_t rx_dropped = 0;          ///< too long for a chunk, or there was no empty frame
    std::uint64_t rx_ring_full = 0;        ///< the core did not come in time
    std::uint64_t rx_fill_ring_empty = 0;  ///< how often there was none
    std::uint64_t rx_invalid = 0;          ///< empty frames that the kernel did not accept
    std::uint64_t tx_invalid = 0;          ///< packets that the kernel did not accept
};

class XdpSocket {
public:
    static constexpr std::uint32_t receive_ring = 2048;  ///< entries; of the ring of empty frames too
    static constexpr std::uint32_t send_ring = 1024;     ///< entries; of the ring of sent frames too

    /// A socket that has `memory`, in chunks of `chunk_bytes`, and its rings. Memory that was locked a moment ago is
    /// waited for, as bind() does.
    ///
    /// Errors:   a line with the next step: the capability is missing, the kernel has no AF_XDP, too little memory may
    ///           be locked.
    /// Lifetime: `memory` outlives it.
    [[nodiscard]] static Result<XdpSocket, backend::SetupError> open(const EthernetDevice& device,
                                                                     std::span<std::byte> memory,
                                                                     std::uint32_t chunk_bytes);

    XdpSocket(XdpSocket&&) noexcept = default;
    XdpSocket& operator=(XdpSocket&&) = delete;
    ~XdpSocket() { close(); }

    /// Binds it to queue 0, so that the driver reads and writes the memory itself if it can, else by the kernel's copy.
    /// Whoever had the queue a moment ago is waited for, up to two seconds: the kernel gives it back behind its close.
    ///
    /// Errors: a line with the next step: another program has the queue, or what the device says.
    [[nodiscard]] Result<void, backend::SetupError> bind(const EthernetDevice& device);

    /// The kernel touches the memory no more.
    void close() noexcept;

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    /// Whether the driver reads and writes the memory itself.
    [[nodiscard]] bool is_zero_copy() const noexcept;
    [[nodiscard]] XdpKernelStats stats() const noexcept;

    XdpProducer<std::uint64_t>& fill() noexcept { return rings_->fill; }
    XdpConsumer<xdp_desc>& received() noexcept { return rings_->received; }
    XdpProducer<xdp_desc>& to_send() noexcept { return rings_->to_send; }
    XdpConsumer<std::uint64_t>& sent() noexcept { return rings_->sent; }

private:
    /// A part of the kernel's memory, mapped here.
    class Mapping {
    public:
        Mapping(int fd, std::size_t bytes, std::uint64_t offset) noexcept;
        Mapping(const Mapping&) = delete;
        Mapping& operator=(const Mapping&) = delete;
        ~Mapping();
        [[nodiscard]] bool exists() const noexcept { return memory_ != nullptr; }
        [[nodiscard]] XdpRingMemory ring(const xdp_ring_offset& offset, std::uint32_t size) const noexcept;

    private:
        std::byte* memory_;
        std::size_t bytes_;
    };
    struct Mappings;

    struct Rings {
        explicit Rings(std::unique_ptr<Mappings>&& mapped) noexcept;
        ~Rings();
        std::unique_ptr<Mappings> mappings;
        XdpProducer<std::uint64_t> fill;
        XdpConsumer<xdp_desc> received;
        XdpProducer<xdp_desc> to_send;
        XdpConsumer<std::uint64_t> sent;
    };

    explicit XdpSocket(OwnedFd fd) noexcept : fd_(std::move(fd)) {}
    [[nodiscard]] Result<> make_rings();

    OwnedFd fd_;
    std::unique_ptr<Rings> rings_;
};

}  // namespace skerry::kernel_io::frame
