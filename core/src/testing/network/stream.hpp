#pragma once

// One end of a connection.
//
//   write -> unsent_ -> [credit] -> on the wire -> received_ -> read
//                          ^   acknowledge  |          |
//                          +--- credit ---------------+
//
// The send buffer holds what is unsent or not yet acknowledged; the credit is what the peer's window still
// takes. An end that a program has dropped lives on without an owner until its bytes and its FIN have arrived.

#include "network_state.hpp"

#include <deque>

namespace skerry::testing {

class Stream final : public Socket, public backend::StreamSocket {
public:
    enum class State : std::uint8_t { connecting, open, dead };

    Stream(NetworkState& network, const net::SocketAddr& local, const net::SocketAddr& remote, End end) noexcept;

    void orphan() noexcept override;

    // --- connecting

    void send_syn();
    /// The SYN found nobody who would take it: tries again later.
    void lose_syn();
    void connected_to(SocketId peer_id, std::size_t peer_window) noexcept;
    void connect_failed(Error error) noexcept;

    // --- what arrives

    void handle(Event&& event) noexcept;
    /// Sends `event`, behind everything that was sent before.
    void schedule_in_order(Event&& event);
    /// Keeps what cannot pass now, in order.
    void hold(Event&& event);
    [[nodiscard]] bool is_held_incoming() const noexcept;
    [[nodiscard]] bool is_held_outgoing() const noexcept;
    /// Lets everything go that is not held any more.
    void release_held();

    // --- faults

    /// Ends the connection at this end with `error`; deletes it when nobody owns it.
    void fail(Error error) noexcept;
    void set_stalled(bool on) noexcept { is_stalled_ = on; }
    void reset_after(std::uint64_t bytes) noexcept { receives_until_reset_ = bytes; }

    [[nodiscard]] const net::SocketAddr& local() const noexcept { return local_; }
    [[nodiscard]] const net::SocketAddr& remote() const noexcept { return remote_; }
    [[nodiscard]] SocketId peer_id() const noexcept { return peer_id_; }
    [[nodiscard]] State state() const noexcept { return state_; }
    [[nodiscard]] std::size_t window() const noexcept { return window_; }
    [[nodiscard]] Connection connection() const noexcept;
    [[nodiscard]] bool is_client() const noexcept { return end_ == End::client; }
    [[nodiscard]] bool is_stale(const Event& timer) const noexcept;

    backend::ConnectRequest* connecting = nullptr;  ///< waits for the end of the connect
    bool shows_mapped = false;                      ///< accepted by an IPv6 listener: shows IPv4 as IPv6

    static void close(backend::StreamSocket* socket) noexcept;
    static const backend::StreamOps operations;

private:
    static constexpr std::uint64_t never = ~std::uint64_t{0};

    backend::Step read_now(backend::ReadRequest& request) noexcept;
    backend::Step write_now(backend::WriteRequest& request) noexcept;
    void serve_reader() noexcept;
    void serve_writer() noexcept;
    void pump();
    [[nodiscard]] IoBuf next_segment();
    void send(EventKind kind, std::uint64_t bytes = 0, IoBuf payload = {});
    void take_data(IoBuf payload);
    void take_acknowledge(std::uint64_t bytes) noexcept;
    void finish_if_done() noexcept;
    void reset_both() noexcept;
    void watch_progress();
    void progressed() noexcept;
    [[nodiscard]] bool has_outstanding() const noexcept;
    [[nodiscard]] backend::TcpState told_state() const noexcept;
    [[nodiscard]] std::size_t send_limit() const noexcept;
    [[nodiscard]] std::chrono::nanoseconds user_timeout() const noexcept;

    static backend::Step read(backend::StreamSocket& socket, backend::ReadRequest& request) noexcept;
    static backend::Step write(backend::StreamSocket& socket, backend::WriteRequest& request) noexcept;
    static backend::Step write_vectored(backend::StreamSocket& socket, backend::WriteRequest& request,
                                        backend::IoSlices slices) noexcept;
    static bool has_room(backend::StreamSocket& socket) noexcept;
    static Result<> shutdown(backend::StreamSocket& socket, backend::ShutdownHow how) noexcept;
    static Result<> set_option(backend::StreamSocket& socket, backend::SocketOption option, int value) noexcept;
    static Result<int> get_option(backend::StreamSocket& socket, backend::SocketOption option) noexcept;
    static Error take_error(backend::StreamSocket& socket) noexcept;
    static Result<net::SocketAddr> local_address(backend::StreamSocket& socket) noexcept;
    static Result<backend::TcpInfo> info(backend::StreamSocket& socket) noexcept;

    net::SocketAddr local_;
    net::SocketAddr remote_;
    SocketId peer_id_ = 0;
    State state_ = State::connecting;
    End end_;
    bool is_owned_ = true;  // by a program, or by a listener's queue
    bool is_stalled_ = false;
    std::uint8_t syn_attempts_ = 0;

    std::deque<IoBuf> unsent_;
    std::size_t unsent_bytes_ = 0;
    std::size_t unacknowledged_ = 0;
    std::size_t credit_ = 0;
    time::Instant last_arrival_;  // at the peer, of what was sent last: order is kept
    bool fin_sent_ = false;
    bool fin_acknowledged_ = false;

    std::deque<IoBuf> received_;
    std::size_t window_;
    bool fin_received_ = false;
    Error pending_error_;  // reported once, as the kernel does
    std::uint64_t receives_until_reset_ = never;

    std::deque<Event> held_;
    std::uint32_t timer_generation_ = 0;
    bool timer_runs_ = false;
};

}  // namespace skerry::testing
