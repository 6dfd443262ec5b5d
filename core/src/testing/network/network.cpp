#include <skerry/testing/network.hpp>

#include "network_state.hpp"
#include "stream.hpp"

#include <skerry/base/assert.hpp>

#include <utility>

namespace skerry::testing {

namespace {

Stream& end_of(const NetworkState& state, const Connection& connection, End end) {
    Stream* const stream = end == End::client ? state.find_end(connection.client, connection.server)
                                              : state.find_end(connection.server, connection.client);
    SKERRY_ASSERT(stream != nullptr, "the network knows no such connection");
    return *stream;
}

}  // namespace

void Network::set_link(const Link& link) { state_->set_link(link); }

void Network::set_link(const net::IpAddr& from, const net::IpAddr& to, const Link& link) {
    state_->set_link(from, to, link);
}

Link Network::link(const net::IpAddr& from, const net::IpAddr& to) const { return state_->wire().link(from, to); }

void Network::set_down(const net::IpAddr& one, const net::IpAddr& other, bool is_down) {
    for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)}) {
        Link changed = link(from, to);
        changed.is_down = is_down;
        state_->set_link(from, to, changed);
    }
}

void Network::set_limits(const NetworkLimits& limits) { state_->set_limits(limits); }
const NetworkLimits& Network::limits() const noexcept { return state_->limits(); }
void Network::set_source(const net::IpAddr& address) { state_->set_source(address); }

void Network::set_answer(const net::SocketAddr& address, Answer answer) { state_->set_answer(address, answer); }
void Network::fail_next_connect(Error error) { state_->fail_next_connect(error); }
void Network::fail_next_bind(Error error) { state_->fail_next_bind(error); }
void Network::set_no_buffers(bool on) { state_->set_no_buffers(on); }
void Network::set_sends_blocked(bool on) { state_->set_sends_blocked(on); }

std::vector<Connection> Network::connections() const { return state_->connections(); }

Connection Network::connection_of(const net::TcpStream& stream) const {
    const auto local = stream.local_addr();
    Stream* const end = local ? state_->find_end(*local, stream.peer_addr()) : nullptr;
    SKERRY_ASSERT(end != nullptr, "the stream is not an open one of this network");
    return end->connection();
}

void Network::set_on_connect(std::function<void(const Connection&)> call) { state_->set_on_connect(std::move(call)); }

void Network::reset(const Connection& connection) {
    for (const End end : {End::client, End::server}) {
        const bool is_client = end == End::client;
        Stream* const stream = state_->find_end(is_client ? connection.client : connection.server,
                                                is_client ? connection.server : connection.client);
        if (stream == nullptr) continue;  // dropped by its program already
        ++state_->counters().resets;
        stream->fail(Errc::connection_reset);
    }
}

void Network::reset_after(const Connection& connection, End receiver, std::uint64_t bytes) {
    end_of(*state_, connection, receiver).reset_after(bytes);
}

void Network::stall(const Connection& connection, bool on) {
    state_->set_stalled(end_of(*state_, connection, End::client), on);
}

void Network::forget(const Connection& connection, End gone) {
    end_of(*state_, connection, gone).fail(Errc::connection_reset);
}

const NetworkCounters& Network::counters() const noexcept { return state_->counters(); }
std::size_t Network::open_sockets() const noexcept { return state_->open_sockets(); }

}  // namespace skerry::testing
