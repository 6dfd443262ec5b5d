#pragma once

// Hot path. A UDP socket of the kernel. Batches go through recvmmsg and sendmmsg; one datagram takes
// recvfrom or sendto, which cost less than a batch of one.

#include "../datagram_sending.hpp"
#include "arrivals.hpp"
#include "core_sockets.hpp"

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <span>

namespace skerry::kernel_io::epoll {

class DatagramPort final : public Socket, public backend::DatagramSocket, private DatagramSending<DatagramPort> {
public:
    using DatagramSending::forget_refusals;
    using DatagramSending::is_marked_by;
    using DatagramSending::mark_by;

    DatagramPort(CoreSockets& core, OwnedFd fd) noexcept;

    void on_events(std::uint32_t events) noexcept override;
    void orphan() noexcept override;
    Result<> tell(std::uint8_t what, bool on) noexcept;

    int multicast_interface = 0;  ///< as it was set

    static const backend::DatagramOps operations;
    static const backend::DatagramOps operations_marked;  // of one whose Datagrams tell how they leave

private:
    friend DatagramSending<DatagramPort>;
    struct Sender;

    void on_any_events(std::uint32_t events) noexcept;
    void on_readable() noexcept;
    [[nodiscard]] bool can_receive_single(const backend::RecvRequest& request) const noexcept;
    void receive_single(backend::RecvRequest& request) noexcept;
    long receive_single_into(Sender& from, backend::Datagram& datagram) noexcept;
    void complete_single(backend::RecvRequest& request, const Sender& from, std::size_t bytes) noexcept;
    void complete_other_family(const Sender& from) noexcept;
    void lost_single(long answer) noexcept;
    void receive_awaited(backend::RecvRequest& request) noexcept;
    backend::Step receive_one_told(backend::RecvRequest& request) noexcept;
    long receive_told_into(std::span<backend::Datagram> slots) noexcept;
    backend::Step receive_one(backend::RecvRequest& request) noexcept;
    backend::Step receive_batch(backend::RecvRequest& request) noexcept;
    long receive_into(std::span<backend::Datagram>& slots) noexcept;
    backend::Step nothing_received(backend::RecvRequest& request, long answer) noexcept;
    backend::Step without_buffer(backend::RecvRequest& request) noexcept;
    void count_arrival(const backend::RecvRequest& request) noexcept;
    void came_alone() noexcept;
    void came_together() noexcept;
    Result<> ask_for_room() noexcept;
    Result<> watch(std::uint32_t events) noexcept;

    static backend::Step receive(backend::DatagramSocket& socket, backend::RecvRequest& request) noexcept;
    static backend::Step send(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static constexpr backend::DatagramOps operations_with(decltype(backend::DatagramOps::send) sends) noexcept;
    static backend::Step send_marked(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static backend::Step send_segmented(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static void close(backend::DatagramSocket* socket) noexcept;

    Arrivals arrivals_;
    long failure_ = 0;  // came behind datagrams, and is told when there are no more
    std::uint8_t told_ = 0;  // what the kernel tells beside the datagrams; then all are received by recvmsg or recvmmsg
    bool may_be_alone_ = false;  // an edge brought one that was taken; whether another waits is not known
};

}  // namespace skerry::kernel_io::epoll
