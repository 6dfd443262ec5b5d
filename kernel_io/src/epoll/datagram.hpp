#pragma once

// Hot path. A UDP socket of the kernel. Batches go through recvmmsg and sendmmsg; one datagram takes
// recvfrom or sendto, which cost less than a batch of one.

#include "core_sockets.hpp"

#include <sys/socket.h>

#include <array>
#include <span>

namespace skerry::kernel_io::epoll {

class DatagramPort final : public Socket, public backend::DatagramSocket {
public:
    /// The least a batch asks for: with two, one datagram that comes alone also shows that no other waits.
    static constexpr std::size_t expected_min = 2;

    DatagramPort(CoreSockets& core, Fd fd) noexcept;

    void on_events(std::uint32_t events) noexcept override;
    void orphan() noexcept override;

    static const backend::DatagramOps operations;
    static const backend::DatagramOps orphaned_operations;

private:
    backend::Step receive_now(backend::RecvRequest& request) noexcept;
    backend::Step receive_one(backend::RecvRequest& request) noexcept;
    backend::Step receive_batch(backend::RecvRequest& request) noexcept;
    int receive_into(std::span<backend::Datagram>& slots) noexcept;
    backend::Step send_now(backend::SendRequest& request) noexcept;
    backend::Step send_one(backend::SendRequest& request) noexcept;
    backend::Step send_batch(backend::SendRequest& request) noexcept;
    backend::Step nothing_received(backend::RecvRequest& request) noexcept;
    backend::Step no_room(backend::SendRequest& request) noexcept;
    void drained() noexcept;
    void guess_failed() noexcept;

    static backend::Step receive(backend::DatagramSocket& socket, backend::RecvRequest& request) noexcept;
    static backend::Step send(backend::DatagramSocket& socket, backend::SendRequest& request) noexcept;
    static Result<> connect(backend::DatagramSocket& socket, const net::SocketAddr& peer) noexcept;
    static Result<> join(backend::DatagramSocket& socket, const net::IpAddr& group, std::uint32_t interface_index,
                         bool join) noexcept;
    static void close(backend::DatagramSocket* socket) noexcept;
    static Result<> set_option(backend::DatagramSocket& socket, backend::SocketOption option, int value) noexcept;
    static Result<int> get_option(backend::DatagramSocket& socket, backend::SocketOption option) noexcept;

    /// Wrong guesses in a row that are told apart: the last makes the longest pause, 32 batches; see drained().
    static constexpr std::uint8_t wrong_guesses_max = 7;

    bool guessing_ = false;  // may_receive is a guess
    std::uint8_t wrong_guesses_ = wrong_guesses_max;
    std::uint8_t guess_in_ = 32;  // batches until the next guess
    std::size_t expected_ = expected_min;  // datagrams that the next batch asks for first
};

}  // namespace skerry::kernel_io::epoll
