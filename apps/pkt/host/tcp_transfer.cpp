// Reading, writing, and whether one could.

#include "readiness.hpp"
#include "tcp_socket.hpp"

#include <skerry/stack/sequence.hpp>

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>

#include <algorithm>
#include <string>
#include <utility>

namespace skerry::pkt {

using stack::tcp::State;
using stack::tcp::Tcb;
using stack::tcp::Tcp;

namespace {

Attempt with_number(int number) {
    Returned result = success();
    result.output.integer = number;
    return result;
}

}  // namespace

// --- reading

// The FIN counted: what came before it is all.
bool TcpSocket::has_ended_by_peer(const Tcb& tcb) const {
    return tcb.has_fin && stack::seq_after(tcb.rcv_nxt, tcb.fin_seq);
}

Attempt TcpSocket::error_or(Error error, Attempt otherwise) const {
    return error == Errc::ok ? std::move(otherwise) : failed_with(error, home_.flavour);
}

// Linux looks at the peer's FIN before it looks for an error, FreeBSD the other way round.
Attempt TcpSocket::end_of_data(Tcb& tcb) {
    if (!is_freebsd() && has_ended_by_peer(tcb)) return success();
    return error_or(Tcp::take_error(tcb), success());
}

Attempt TcpSocket::receive(const ReceiveAsk& ask) {
    Tcb* const connection = tcb();
    if (connection == nullptr) return failure(ENOTCONN);
    if (is_opening(*connection)) return WouldBlock{};
    if (ask.bytes == 0) return success();
    if (connection->received_bytes == 0) {
        if (Tcp::is_at_end(*connection) || is_read_shut_) return end_of_data(*connection);
        return WouldBlock{};
    }
    if (ask.truncate && (ask.peek || is_freebsd())) return unsupported("MSG_TRUNC of a stream but as Linux has it");
    std::vector<std::byte> data(std::min<std::size_t>(ask.bytes, connection->received_bytes));
    const std::size_t count =
        ask.peek ? Tcp::peek(*connection, data) : tcp().read(*connection, data, home_.engine.now());
    data.resize(count);
    Returned result = success(static_cast<std::int64_t>(count));
    if (!ask.truncate) result.output.data = std::move(data);
    return result;
}

// --- writing

Attempt TcpSocket::send_unconnected() { return failure(is_freebsd() ? ENOTCONN : EPIPE); }

// FreeBSD says EPIPE as soon as nothing more can be sent, and leaves the error for a read.
Attempt TcpSocket::send_after_end(Tcb& tcb) {
    if (is_freebsd()) return failure(EPIPE);
    return error_or(Tcp::take_error(tcb), failure(EPIPE));
}

Attempt TcpSocket::send(const SendAsk& ask, bool has_waited) {
    if (ask.to) return unsupported("sendto() with an address on a stream");
    Tcb* const connection = tcb();
    if (connection == nullptr) return send_unconnected();
    if (is_opening(*connection)) return is_freebsd() ? Attempt(failure(ENOTCONN)) : Attempt(WouldBlock{});
    if (is_write_shut_ || !Tcp::is_writable(*connection))
        return ask.has_taken_some ? Attempt(success()) : send_after_end(*connection);
    if (ask.data.empty()) return success();
    // A writer that waits is woken when there is room that is worth it; the stack says when.
    if (has_waited && connection->wants_room) return WouldBlock{};
    const std::size_t taken = tcp().write(*connection, ask.data, home_.engine.now());
    waits_for_room_ = waits_for_room_ || connection->wants_room;
    if (taken == 0) return WouldBlock{};
    return success(static_cast<std::int64_t>(taken));
}

// --- readiness

// One that wanted room and was not woken waits on, whatever little there is.
bool TcpSocket::has_room(Tcb& tcb) {
    const bool has = !tcb.wants_room && tcp().has_room(tcb);
    waits_for_room_ = waits_for_room_ || !has;
    return has;
}

// Linux's tcp_poll().
std::uint32_t TcpSocket::ready_link(Tcb& tcb) {
    const bool is_over = tcb.state == State::closed;
    const bool is_read_over = is_over || is_read_shut_ || has_ended_by_peer(tcb);
    const bool is_write_over = is_over || is_write_shut_;
    std::uint32_t events = 0;
    if (is_read_over && is_write_over) events |= readiness::hang_up;
    if (is_read_over) events |= readiness::in | readiness::in_normal | readiness::peer_ended;
    if (tcb.error != Errc::ok) events |= readiness::error;
    if (is_opening(tcb)) return events;
    if (tcb.received_bytes != 0) events |= readiness::in | readiness::in_normal;
    if (is_write_over || has_room(tcb)) events |= readiness::out | readiness::out_normal;
    return events;
}

std::uint32_t TcpSocket::ready() {
    if (door_ != nullptr) return door_->has_waiting() ? readiness::in | readiness::in_normal : 0U;
    if (Tcb* const connection = tcb()) return ready_link(*connection);
    return readiness::hang_up | readiness::out | readiness::out_normal;
}

// --- ioctl()

Attempt TcpSocket::io_control(unsigned long request) {
    if (door_ != nullptr) return failure(EINVAL);
    const Tcb* const connection = tcb();
    const bool has_data = connection != nullptr && !is_opening(*connection);
    switch (request) {
        case FIONREAD: return with_number(has_data ? static_cast<int>(connection->received_bytes) : 0);
        case SIOCOUTQ: {
            if (!has_data) return with_number(0);
            const bool has_fin = connection->is_fin_queued && !connection->queue.empty();  // it has a number
            return with_number(static_cast<int>(connection->queue.bytes()) + (has_fin ? 1 : 0));
        }
        default: return unsupported("ioctl() request " + std::to_string(request) + " of a TCP socket");
    }
}

}  // namespace skerry::pkt
