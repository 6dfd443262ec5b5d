#pragma once

// The network behind testing::Network and behind the sockets: who has which address, what is under way, and
// what goes wrong on purpose.

#include "event_queue.hpp"
#include "socket.hpp"
#include "wire.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/testing/network.hpp>
#include <skerry/testing/virtual_clock.hpp>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace skerry::testing {

class DatagramPort;
class Listener;
class Stream;

class NetworkState final : public backend::SocketFactory {
public:
    NetworkState(const VirtualClock& clock, std::uint64_t seed) noexcept : clock_(clock), wire_(seed) {}
    ~NetworkState();
    NetworkState(const NetworkState&) = delete;
    NetworkState& operator=(const NetworkState&) = delete;

    // --- SocketFactory

    [[nodiscard]] backend::Capabilities capabilities() const noexcept override;
    [[nodiscard]] backend::SocketStats stats() const noexcept override;
    [[nodiscard]] backend::Step connect(backend::ConnectRequest& request) noexcept override;
    void cancel_connect(backend::ConnectRequest& request) noexcept override;
    [[nodiscard]] Result<backend::ListenerSocket*> listen(const net::SocketAddr& address,
                                                          const backend::ListenOptions& options,
                                                          const backend::StreamSetup* setup) noexcept override;
    [[nodiscard]] Result<backend::DatagramSocket*> bind(const net::SocketAddr& address,
                                                        const backend::BindOptions& options) noexcept override;

    // --- the driver

    /// Lets what is due at `now` happen; what that sets off waits for the next call. True when something did.
    bool deliver(time::Instant now) noexcept;
    [[nodiscard]] time::Instant next_deadline() noexcept;

    // --- for sockets

    [[nodiscard]] time::Instant now() const noexcept { return clock_.now(); }
    [[nodiscard]] std::uint16_t home() const noexcept { return home_; }
    void set_home(std::uint16_t home) noexcept { home_ = home; }
    [[nodiscard]] Wire& wire() noexcept { return wire_; }
    [[nodiscard]] const NetworkLimits& limits() const noexcept { return limits_; }
    [[nodiscard]] NetworkCounters& counters() noexcept { return counters_; }
    [[nodiscard]] bool no_buffers() const noexcept { return no_buffers_; }
    [[nodiscard]] bool sends_blocked() const noexcept { return sends_blocked_; }
    void schedule(time::Instant at, Event&& event) { events_.push(at, std::move(event)); }

    [[nodiscard]] SocketId enroll(Socket& socket) noexcept;
    /// Takes a socket out of all tables and deletes it.
    void discard(Stream* stream) noexcept;
    void discard(Listener* listener) noexcept;
    void discard(DatagramPort* port) noexcept;

    [[nodiscard]] bool take_descriptor(Socket& socket) noexcept;
    void release_descriptor(Socket& socket) noexcept;

    [[nodiscard]] Stream* find_stream(SocketId id) const noexcept;
    [[nodiscard]] DatagramPort* find_port(SocketId id) const noexcept;
    [[nodiscard]] net::IpAddr source_for(const net::IpAddr& destination) const noexcept;

    /// A connected stream has both its addresses: makes it findable by them.
    void note_addresses(Stream& stream);

    [[nodiscard]] Answer answer_of(const net::SocketAddr& address) const noexcept;

    // --- for Network; what they do is written there

    void set_link(const Link& link);
    void set_link(const net::IpAddr& from, const net::IpAddr& to, const Link& link);
    void set_stalled(Stream& stream, bool on);
    void set_limits(const NetworkLimits& limits);
    void set_source(const net::IpAddr& address);
    void set_answer(const net::SocketAddr& address, Answer answer);
    void set_no_buffers(bool on) noexcept { no_buffers_ = on; }
    void set_sends_blocked(bool on);
    void fail_next_connect(Error error) noexcept { next_connect_error_ = error; }
    void fail_next_bind(Error error) noexcept { next_bind_error_ = error; }
    void set_on_connect(std::function<void(const Connection&)> call) { on_connect_ = std::move(call); }
    [[nodiscard]] std::vector<Connection> connections() const;
    [[nodiscard]] Stream* find_end(const net::SocketAddr& local, const net::SocketAddr& peer) const noexcept;
    [[nodiscard]] std::size_t open_sockets() const noexcept;

private:
    template <class T>
    using ByAddress = std::map<net::SocketAddr, std::vector<T*>>;

    void handle(Event&& event) noexcept;
    void handle_syn(Event&& event) noexcept;
    void handle_datagram(Event&& event) noexcept;
    void refuse(Stream& client, Error error) noexcept;
    void retry_accepts() noexcept;
    void release_held() noexcept;
    [[nodiscard]] bool is_stale(const Event& event) const noexcept;
    [[nodiscard]] Listener* find_listener(const net::SocketAddr& address) noexcept;
    void receivers_of(const Event& datagram, std::vector<DatagramPort*>& out) const;
    template <class T>
    [[nodiscard]] Error check_free(const ByAddress<T>& table, const net::SocketAddr& address, bool reuse_port,
                                   bool v6_only) const noexcept;
    template <class T>
    [[nodiscard]] std::uint16_t free_port(const ByAddress<T>& table, const net::SocketAddr& address) noexcept;
    [[nodiscard]] std::uint16_t next_ephemeral_port() noexcept;
    /// Where a connection begins: as it asks, or a free port of ours.
    [[nodiscard]] Result<net::SocketAddr> local_end(const backend::ConnectRequest& request,
                                                    const net::SocketAddr& to) noexcept;

    const VirtualClock& clock_;
    Wire wire_;
    EventQueue events_;
    NetworkLimits limits_;
    NetworkCounters counters_;
    std::uint16_t home_ = 0;
    SocketId next_id_ = 1;
    std::uint16_t next_port_ = 0;
    std::uint64_t turn_ = 0;
    std::size_t descriptors_used_ = 0;
    bool retry_accepts_ = false;
    bool no_buffers_ = false;
    bool sends_blocked_ = false;
    std::optional<Error> next_connect_error_;
    std::optional<Error> next_bind_error_;
    std::function<void(const Connection&)> on_connect_;
    std::map<net::SocketAddr, Answer> answers_;
    net::IpAddr source_v4_ = net::IpAddr::v4(198, 18, 0, 1);
    net::IpAddr source_v6_ = net::IpAddr::v6({0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});

    IntrusiveList<Socket> sockets_;
    std::unordered_map<SocketId, Stream*> streams_;
    std::unordered_map<SocketId, DatagramPort*> ports_by_id_;
    std::map<std::pair<net::SocketAddr, net::SocketAddr>, Stream*> ends_;  // by local and peer address
    ByAddress<Listener> listeners_;
    ByAddress<DatagramPort> ports_;
};

}  // namespace skerry::testing
