#pragma once

// Hot path. A UDP socket of the kernel. One receive stays with the kernel; each of its answers brings a buffer with a
// datagram behind the address it came from. What nobody waits for is kept; with so many datagrams the receive is
// ended until they are read, and the kernel's own queue fills. Where the core has no buffer left, who receives into
// memory of its own is served by a call of the kernel.

#include "../datagram_sending.hpp"
#include "core_sockets.hpp"

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <deque>

namespace skerry::kernel_io::uring {

class DatagramPort final : public Socket, public backend::DatagramSocket, private DatagramSending<DatagramPort> {
public:
    using DatagramSending::forget_refusals;
    using DatagramSending::is_marked_by;
    using DatagramSending::mark_by;

    DatagramPort(CoreSockets& core, OwnedFd fd) noexcept;

    void orphan() noexcept override;
    Result<> tell(std::uint8_t what, bool on) noexcept;

    /// Wakes the receive that has got what came.
    void complete_receive() noexcept {
        if (receiver != nullptr && receiver->count != 0) complete(*this, *receiver);
    }

    /// The next one whose receive is to be woken.
    DatagramPort* next_to_complete = nullptr;
    bool will_complete = false;

    int multicast_interface = 0;  ///< as it was set

    static const backend::DatagramOps operations;
    static const backend::DatagramOps operations_marked;  // of one whose Datagrams tell how they leave

private:
    friend DatagramSending<DatagramPort>;

    static constexpr unsigned receiving = 0;  // purposes
    static constexpr unsigned room = 1;
    static constexpr unsigned data = 2;
    static constexpr std::size_t batch_max = 64;
    static constexpr std::size_t unread_max = 64;

    void on_answer(unsigned purpose, int result, std::uint32_t flags) noexcept override;
    void try_again() noexcept override;

    void on_received(int result, std::uint32_t flags) noexcept;
    void on_not_received(int error) noexcept;
    void on_no_buffers() noexcept;
    void watch_data() noexcept;
    backend::Step receive_without_buffer(backend::RecvRequest& request) noexcept;
    [[nodiscard]] static bool can_take(const backend::RecvRequest& request) noexcept {
        return request.count < batch_max && (request.batch.empty() || request.count < request.batch.size());
    }
    [[nodiscard]] bool hand_out(IoBuf buffer) noexcept;
    [[nodiscard]] bool hand_out_otherwise(IoBuf buffer) noexcept;
    [[nodiscard]] bool open(IoBuf buffer, backend::Datagram& datagram) noexcept;
    [[nodiscard]] bool open_told(IoBuf buffer, backend::Datagram& datagram) noexcept;
    [[nodiscard]] bool open_parts(IoBuf buffer, std::size_t payload_offset, backend::Datagram& datagram) noexcept;
    void receive() noexcept;
    void receive_more() noexcept {
        if (failure_.code() == Errc::ok && unread_.size() < unread_max) receive();
    }
    void keep(backend::Datagram datagram) noexcept;
    void give(backend::RecvRequest& request, backend::Datagram datagram) noexcept;
    void take(backend::RecvRequest& request) noexcept;
    backend::Step receive_now(backend::RecvRequest& request) noexcept;
    Result<> ask_for_room() noexcept;

    static backend::Step receive(backend::DatagramSocket& socket, backend::RecvRequest& request) noexcept;
    static backend::Step send(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static constexpr backend::DatagramOps operations_with(decltype(backend::DatagramOps::send) sends) noexcept;
    static backend::Step send_marked(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static backend::Step send_segmented(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static void close(backend::DatagramSocket* socket) noexcept;

    std::uint8_t told_ = 0;  // what the kernel is to tell beside the datagrams
    bool is_told_ = false;   // whether the receive under way leaves room for it
    std::deque<backend::Datagram> unread_;
    Error failure_;  // of an earlier send
};

}  // namespace skerry::kernel_io::uring
