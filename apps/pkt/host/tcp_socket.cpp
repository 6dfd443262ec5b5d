#include "tcp_socket.hpp"

#include <sys/socket.h>

#include <utility>

namespace skerry::pkt {

using stack::tcp::State;
using stack::tcp::Tcb;
using stack::tcp::Tcp;
using stack::wire::Ipv4Addr;

namespace {

Attempt named(const net::SocketAddr& address) {
    Returned result = success();
    result.output.address = address;
    return result;
}

}  // namespace

TcpSocket::~TcpSocket() {
    if (door_ != nullptr) tcp().close(*door_, home_.engine.now());
    if (tcb() != nullptr) tcp().close(*link_, home_.engine.now());
    if (claim_) home_.ports.leave(*claim_);
}

// --- names

bool TcpSocket::claim_port(Ipv4Addr local, std::uint16_t port) {
    PortClaim claim;
    claim.local = local;
    claim.v6_only = family_.v6_only;
    claim.may_share = wishes_.may_share_port;
    claim.port = port != 0 ? port : home_.ports.free_port();
    if (claim.port == 0 || !home_.ports.may_bind(claim)) return false;
    claim_ = home_.ports.add(claim);
    is_bound_ = true;
    return true;
}

Attempt TcpSocket::bind(const net::SocketAddr& address) {
    if (is_bound_ || link_ != nullptr || door_ != nullptr) return failure(EINVAL);
    if (!family_.takes(address.ip())) return failure(EAFNOSUPPORT);
    if (!family_.speaks(address.ip())) return failure(EINVAL);
    const auto named = family_.name(home_.engine.stack().hosts(), address.ip());
    const stack::StackConfig& config = home_.engine.config();
    const bool is_many = named && (home_.engine.stack().hosts().is_multicast(*named) || config.is_broadcast(*named));
    if (!named || address.ip().unmapped().is_loopback() || is_many)
        return unsupported("bind to " + to_string(address.ip()) + ": the machine has one address, and no loopback");
    const bool is_own = stack::is_any(*named) || *named == config.address || stack::Hosts::is_own_v6(*named);
    if (!is_own) return failure(EADDRNOTAVAIL);
    return claim_port(*named, address.port()) ? success() : failure(EADDRINUSE);
}

Attempt TcpSocket::local_address() {
    if (const auto ends = tuple()) return named(shown(ends->local, ends->local_port));
    return claim_ ? named(shown((*claim_)->local, (*claim_)->port)) : named(shown({}, 0));
}

Attempt TcpSocket::peer_address() {
    const Tcb* const connection = tcb();
    if (connection == nullptr || is_opening(*connection) || connection->state == State::closed)
        return failure(ENOTCONN);
    return named(shown(connection->tuple.remote, connection->tuple.remote_port));
}

std::optional<stack::tcp::Tuple> TcpSocket::tuple() const {
    if (const Tcb* const connection = tcb()) return connection->tuple;
    return {};
}

std::string_view TcpSocket::state_name() {
    if (door_ != nullptr) return "LISTEN";
    const Tcb* const connection = tcb();
    if (connection == nullptr) return "CLOSED";
    // One in TIME-WAIT has left its socket.
    return backend::to_string(tcp().state_of(connection->tuple).value_or(backend::TcpState::closed));
}

// --- listening

Attempt TcpSocket::listen(int backlog) {
    if (link_ != nullptr) return failure(EINVAL);
    if (door_ != nullptr) {
        if (backlog == backlog_) return success();
        return unsupported("listen() again with another backlog: the stack sets it once");
    }
    if (!claim_ && !claim_port(family_.any(), 0)) return failure(EADDRINUSE);
    auto door = std::make_unique<Door>(*this);
    door->opening = opening_of(wishes_, home_.flavour);
    door->opening.marks = wishes_.marks_to(family_.any());
    door->v6_only = family_.v6_only;
    const PortClaim& claim = **claim_;
    if (auto opened = tcp().listen(*door, claim.local, claim.port, accept_queue(backlog, home_.flavour)); !opened)
        return failed_with(opened.error().code(), home_.flavour);
    (*claim_)->is_listening = true;
    door_ = std::move(door);
    backlog_ = backlog;
    return success();
}

Attempt TcpSocket::accept(std::shared_ptr<Description>& made) {
    if (door_ == nullptr) return failure(EINVAL);
    if (!door_->has_waiting()) return WouldBlock{};
    auto socket = std::make_shared<TcpSocket>(home_, family_);
    socket->link_ = std::make_unique<Link>(*socket);
    (void)tcp().accept(*door_, *socket->link_);
    socket->inherit(*this);
    const stack::tcp::Tuple& ends = socket->link_->tcb->tuple;
    made = std::move(socket);
    return named(shown(ends.remote, ends.remote_port));
}

void TcpSocket::inherit(const TcpSocket& listener) {
    wishes_ = listener.wishes_;
    is_nonblocking = is_freebsd() && listener.is_nonblocking;
    claim_connection();
    on_link_ready();
}

// The port is the connection's too, for as long as the stack has that.
void TcpSocket::claim_connection() {
    const stack::tcp::Tuple& ends = tcb()->tuple;
    if (!claim_) {
        PortClaim claim;
        claim.local = ends.local;
        claim.port = ends.local_port;
        claim.may_share = wishes_.may_share_port;
        claim_ = home_.ports.add(claim);
    }
    (*claim_)->is_connected = true;
    (*claim_)->tuple = ends;
}

// --- connecting

Attempt TcpSocket::connect(const net::SocketAddr& to) {
    if (is_connecting_) return connect_again();
    if (door_ != nullptr) return failure(is_freebsd() ? EOPNOTSUPP : EISCONN);
    if (link_ != nullptr) {
        if (tcb()->state != State::closed) return failure(EISCONN);
        return unsupported("connect() on a socket whose connection is over");
    }
    return begin_to_connect(to);
}

Attempt TcpSocket::begin_to_connect(const net::SocketAddr& to) {
    if (!family_.takes(to.ip())) return failure(EAFNOSUPPORT);
    if (!family_.speaks(to.ip())) return failure(ENETUNREACH);
    if (to.port() == 0 || to.is_unspecified())
        return unsupported("connect() to " + to_string(to) + ": the stack connects to hosts and ports only");
    stack::tcp::LocalEnd from;
    if (claim_) from = {(*claim_)->local, (*claim_)->port, 0};
    from.user_timeout_ms = wishes_.user_timeout_ms;
    from.opening = opening_of(wishes_, home_.flavour);
    const auto host = family_.name(home_.engine.stack().hosts(), to.ip());
    if (!host) return failure(ENETUNREACH);
    from.opening.marks = wishes_.marks_to(*host);
    auto link = std::make_unique<Link>(*this);
    if (auto begun = tcp().connect(*link, *host, to.port(), home_.engine.now(), from); !begun)
        return refuse_connect(begun.error().code());
    link_ = std::move(link);
    is_connecting_ = true;
    claim_connection();
    note_progress(*tcb());
    return WouldBlock{};
}

// It did not even begin: no way there, or its addresses are in use.
Attempt TcpSocket::refuse_connect(Errc why) {
    if (why == Errc::unreachable) return failure(ENETUNREACH);
    if (why == Errc::address_in_use && !is_freebsd()) return failure(EADDRNOTAVAIL);
    return failed_with(why, home_.flavour);
}

Attempt TcpSocket::connect_again() {
    if (is_opening(*tcb())) return failure(EALREADY);
    if (is_freebsd()) {
        if (tcb()->state == State::closed) return unsupported("connect() after one that failed");
        is_connecting_ = false;
        return failure(EISCONN);
    }
    return connected();
}

Attempt TcpSocket::connected() {
    if (!is_connecting_) return failure(EISCONN);
    Tcb& connection = *tcb();
    if (is_opening(connection)) return WouldBlock{};
    is_connecting_ = false;
    if (connection.state != State::closed) return success();
    const Error why = Tcp::take_error(connection);
    drop_link();
    if (why == Errc::ok) return failure(ECONNABORTED);  // somebody was told of the error already
    return failed_with(why, home_.flavour);
}

// A socket whose connect() failed is as before.
void TcpSocket::drop_link() {
    tcp().forget(*link_);
    link_.reset();
    is_wished_ = false;
    if (is_bound_) {
        (*claim_)->is_connected = false;
    } else {
        home_.ports.leave(*claim_);
        claim_.reset();
    }
}

// --- events

void TcpSocket::on_link_ready() {
    Tcb& connection = *tcb();
    if (!is_wished_ && !is_opening(connection) && connection.state != State::closed) {
        is_wished_ = true;
        apply(wishes_, tcp(), connection, home_.engine.now());
    }
    note_progress(connection);
}

// Beginnings and ends wake everybody, as in a kernel.
void TcpSocket::note_progress(const Tcb& connection) {
    const bool has_turned = connection.has_fin != seen_fin_ || connection.state != seen_state_;
    const bool has_room_now = waits_for_room_ && !connection.wants_room;
    if (has_turned || connection.rcv_nxt != seen_rcv_nxt_) ++wakeups.in;
    if (has_turned || has_room_now) ++wakeups.out;
    if (has_room_now) waits_for_room_ = false;
    seen_fin_ = connection.has_fin;
    seen_state_ = connection.state;
    seen_rcv_nxt_ = connection.rcv_nxt;
}

// --- ends

Attempt TcpSocket::shutdown(int how) {
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR) return failure(EINVAL);
    if (door_ != nullptr) return unsupported("shutdown() of a socket that listens");
    Tcb* const connection = tcb();
    if (connection == nullptr || connection->state == State::closed) return failure(ENOTCONN);
    if (connection->state == State::syn_sent) return unsupported("shutdown() of a connection in SYN-SENT");
    if (how != SHUT_WR) {
        if (is_freebsd() && connection->received_bytes != 0)
            return unsupported("shutdown(SHUT_RD) with unread data, which FreeBSD discards");
        is_read_shut_ = true;
        Tcp::shut_read(*connection);
    }
    if (how != SHUT_RD) {
        is_write_shut_ = true;
        tcp().finish(*connection, home_.engine.now());
    }
    return success();
}

}  // namespace skerry::pkt
