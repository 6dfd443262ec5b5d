// What the sockets ask for.

#include "usual_write.hpp"

#include <skerry/stack/tcp/tcp.hpp>

#include <utility>

namespace skerry::stack::tcp {

bool Tcp::accept(Acceptor& acceptor, Endpoint& endpoint) noexcept {
    HolderLink* const oldest = acceptor.waiting_.pop_front();
    if (oldest == nullptr) return false;
    --acceptor.waiting_count_;
    Tcb& tcb = static_cast<Tcb&>(*oldest);
    tcb.acceptor = nullptr;
    tcb.endpoint = &endpoint;
    endpoint.tcb = &tcb;
    held_.push_back(*oldest);
    return true;
}

void Tcp::close(Acceptor& acceptor, time::Instant now) noexcept {
    while (!acceptor.waiting_.empty()) {
        Tcb& tcb = static_cast<Tcb&>(acceptor.waiting_.front());
        output_.send_reset(tcb, now);
        end(tcb, Errc::connection_reset);
    }
    passive_.close(acceptor);
}

Result<> Tcp::connect(Endpoint& endpoint, wire::Ipv4Addr to, std::uint16_t port, time::Instant now,
                      LocalEnd from) noexcept {
    auto made = active_.connect(to, port, now, from);
    if (!made) return made.error();
    Tcb& tcb = **made;
    tcb.tcp = this;
    tcb.on_time = &Tcp::on_time;
    tcb.endpoint = &endpoint;
    endpoint.tcb = &tcb;
    held_.push_back(tcb);
    return {};
}

Error Tcp::take_error(Tcb& tcb) noexcept {
    if (tcb.error == Errc::ok) return {};
    const Error error(tcb.error, tcb.os_error);
    tcb.error = Errc::ok;
    tcb.os_error = 0;
    return error;
}

std::size_t Tcp::write(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept {
    return write_usual(tcb, from, now) ? from.size() : write_otherwise(tcb, from, now);
}

std::size_t Tcp::write_otherwise(Tcb& tcb, std::span<const std::byte> from, time::Instant now) noexcept {
    const std::size_t written = sender_.write(tcb, from, now);
    tcb.wants_room = written < from.size();
    return written;
}

auto Tcp::write(Tcb& tcb, std::span<const std::span<const std::byte>> slices, time::Instant now) noexcept -> Written {
    Written written;
    written.is_all = sender_.write(tcb, slices, now, written.bytes);
    tcb.wants_room = !written.is_all;
    return written;
}

bool Tcp::finish(Tcb& tcb, time::Instant now) noexcept {
    switch (tcb.state) {
        // The FIN waits for the end of the handshake, whose SYN may have to be sent again, as on Linux (tcp_shutdown).
        // RFC 9293 section 3.10.4 lets it go at once where nothing was written.
        case State::syn_received: tcb.is_fin_queued = true; return true;
        case State::established: tcb.state = State::fin_wait_1; break;
        case State::close_wait: tcb.state = State::last_ack; break;
        default: return true;
    }
    if (sender_.finish(tcb, now)) return true;
    // Without its FIN the connection would never end.
    shared_.drops.count(Drop::tcp_memory);
    output_.send_reset(tcb, now);
    end(tcb, Errc::no_memory);
    return false;
}

void Tcp::set_no_delay(Tcb& tcb, bool on, time::Instant now) noexcept {
    tcb.no_delay = on;
    if (on) sender_.release(tcb, now);
}

void Tcp::set_cork(Tcb& tcb, bool on, time::Instant now) noexcept {
    tcb.is_corked = on;
    if (!on) sender_.release(tcb, now);
}

// A segment counts as the second of two, so that each is acknowledged by the flush of its turn.
void Tcp::set_quick_ack(Tcb& tcb, bool on) noexcept {
    tcb.quick_ack = on;
    tcb.quick_acks_left = 0;
    const bool is_owed = tcb.ack_at != never;
    tcb.owes_for_one = on || is_owed;
    if (on && is_owed) shared_.owe_ack(tcb);
}

void Tcp::set_send_buffer(Tcb& tcb, std::uint32_t bytes) noexcept { shared_.buffers.set_send(tcb, bytes); }

void Tcp::set_receive_buffer(Tcb& tcb, std::uint32_t bytes) noexcept { shared_.buffers.set_receive(tcb, bytes); }

void Tcp::set_congestion(Tcb& tcb, CongestionControl algorithm) noexcept {
    (void)tcb.congestion.choose(algorithm, shared_.config.tcp);
}

// --- ends

void Tcp::close(Endpoint& endpoint, time::Instant now) noexcept {
    Tcb& tcb = *std::exchange(endpoint.tcb, nullptr);
    tcb.endpoint = nullptr;
    if (tcb.state == State::closed) return destroy(tcb);
    if (tcb.state == State::syn_sent) return end(tcb, Errc::ok);
    const bool loses_data = tcb.received_bytes != 0 && shared_.config.tcp.resets_unread;
    if (loses_data || tcb.resets_on_close) {
        output_.send_reset(tcb, now);
        return end(tcb, Errc::ok);
    }
    receiver_.discard(tcb);
    tcb.keep_alive_at = never;
    if (!become_orphan(tcb, now)) return;
    if (tcb.state == State::fin_wait_2) return watch_orphan(tcb, now);
    finish(tcb, now);
}

void Tcp::forget(Endpoint& endpoint) noexcept {
    Tcb& tcb = *std::exchange(endpoint.tcb, nullptr);
    tcb.endpoint = nullptr;
    if (tcb.state == State::closed)
        destroy(tcb);
    else
        end(tcb, Errc::ok);
}

// A peer that takes nothing and acknowledges nothing keeps one for the user timeout; many such peers, all memory.
bool Tcp::become_orphan(Tcb& tcb, time::Instant now) noexcept {
    if (orphans_ >= shared_.config.tcp.orphans_max) {
        shared_.drops.count(Drop::tcp_orphans_full);
        output_.send_reset(tcb, now);
        end(tcb, Errc::ok);
        return false;
    }
    tcb.is_orphan = true;
    ++orphans_;
    shared_.buffers.set_receive(tcb, tcb.receive_limit);  // nobody reads any more: others may grow
    return true;
}

void Tcp::watch_orphan(Tcb& tcb, time::Instant now) noexcept {
    tcb.give_up_at = now.as_nanos() + shared_.config.tcp.fin_wait_2.count();
    shared_.arm(tcb, tcb.give_up_at);
}

void Tcp::enter_time_wait(Tcb& tcb, time::Instant now) noexcept {
    if (static_cast<AckLink&>(tcb).is_linked()) output_.send_ack(tcb, now);
    time_waits_.enter(tcb, now);
    end(tcb, Errc::ok);
}

void Tcp::leave_table(Tcb& tcb) noexcept {
    if (last_ == &tcb) last_ = nullptr;
    if (tcb.in_table) shared_.leave(tcb.tuple, flow_number(Kind::connection, tcb.index));
    tcb.in_table = false;
}

void Tcp::end(Tcb& tcb, Error error) noexcept {
    leave_table(tcb);
    tcb.state = State::closed;
    tcb.error = error.code();
    tcb.os_error = static_cast<std::uint16_t>(error.os_error());
    Timers::cancel(tcb);
    if (AckLink& link = tcb; link.is_linked()) link.unlink();
    tcb.retransmit_at = tcb.ack_at = tcb.keep_alive_at = tcb.give_up_at = never;
    {
        const Shared::Accounting accounting(shared_, tcb);
        tcb.queue.clear();
        tcb.board.forget_all();
        tcb.reassembly.clear();
    }
    if (tcb.endpoint == nullptr) return destroy(tcb);
    shared_.buffers.set_send(tcb, tcb.send_limit);
    shared_.buffers.set_receive(tcb, tcb.receive_limit);
    shared_.mark_ready(tcb);
}

void Tcp::destroy(Tcb& tcb) noexcept {
    if (tcb.acceptor != nullptr) --tcb.acceptor->waiting_count_;
    if (tcb.is_orphan) --orphans_;
    leave_table(tcb);
    Timers::cancel(tcb);
    if (AckLink& link = tcb; link.is_linked()) link.unlink();
    if (HolderLink& link = tcb; link.is_linked()) link.unlink();
    shared_.buffers.forget(tcb);
    shared_.send_frames -= tcb.queue.size();
    shared_.receive_frames -= Shared::receive_frames_of(tcb);
    shared_.tcbs.free(tcb);
}

}  // namespace skerry::stack::tcp
