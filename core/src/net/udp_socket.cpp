#include "given_back.hpp"

#include <skerry/net/udp_socket.hpp>

#include <algorithm>
#include <cstring>
#include <deque>

namespace skerry::net {

namespace detail {

namespace {

// Datagrams that one receive returns at most.
constexpr std::size_t batch_max = 64;

}  // namespace

bool RecvAwaiterBase::take_given_back() noexcept {
    std::deque<Datagram>& kept = *socket_->given_back;
    if (!batch.empty()) {
        for (; count < std::min(batch.size(), batch_max) && !kept.empty(); ++count) {
            batch[count] = std::move(kept.front());
            kept.pop_front();
        }
    } else {
        const Datagram& oldest = kept.front();
        count = std::min(into.size(), oldest.payload.size());
        if (count != 0) std::memcpy(into.data(), oldest.payload.data(), count);
        truncated = oldest.truncated || count < oldest.payload.size();
        segment_bytes = oldest.segment_bytes;
        *peer = oldest.peer;
        kept.pop_front();
    }
    if (kept.empty()) delete std::exchange(socket_->given_back, nullptr);
    return true;
}

bool RecvAwaiterBase::wait_with_outcome(std::coroutine_handle<> awaiting) noexcept {
    task::current_scheduler->bind(*this, awaiting);
    give_claim();
    task::current_scheduler->enqueue(*this);
    return true;
}

void RecvAwaiterBase::cancel_slow() noexcept {
    if (state() == task::node_state::linked) {
        socket_->receiver = nullptr;
        set_state(task::node_state::idle);
        return;
    }
    task::current_scheduler->blank(*this);
    if (!take_claim()) return;
    give_back();
    if (socket_->receiver != nullptr && socket_->given_back != nullptr) hand_over();
}

void RecvAwaiterBase::hand_over() noexcept {
    auto& successor = static_cast<RecvAwaiterBase&>(*socket_->receiver);
    if (successor.take_given_back()) backend::complete(*socket_, successor);
}

void RecvAwaiterBase::give_back() noexcept {
    if (error.code() != Errc::ok) return;  // an ICMP error concerns one earlier send: nothing is lost with it
    // Out of memory: lost, as any datagram may be, but not cut to nothing.
    if (!batch.empty()) {
        for (std::size_t i = count; i-- > 0;)
            if (!put_in_front(socket_->given_back, batch[i])) batch[i] = {};
        return;
    }
    Datagram datagram;
    datagram.payload = IoBuf::copy_of(into.first(count));
    if (!datagram.payload) return;
    datagram.peer = *peer;
    datagram.truncated = truncated;
    datagram.segment_bytes = segment_bytes;
    (void)put_in_front(socket_->given_back, datagram);
}

bool SendAwaiterBase::await_suspend(std::coroutine_handle<> awaiting) noexcept {
    SKERRY_ASSERT(socket_->sender == nullptr, "two sends at once on one socket");
    task::Scheduler& scheduler = *task::current_scheduler;
    if (!tried_ && socket_->may_send) {  // out of budget: sends when this task is run again
        scheduler.bind(*this, awaiting);
        scheduler.enqueue(*this);
        return true;
    }
    scheduler.bind_linked(*this, awaiting);
    socket_->sender = this;
    return true;
}

void SendAwaiterBase::stay_unfinished() noexcept {
    take_off_what_left();
    if (count == 0) error = Errc::no_buffers;
}

void SendAwaiterBase::cancel_slow() noexcept {
    take_off_what_left();
    if (state() == task::node_state::linked) {
        socket_->sender = nullptr;
        set_state(task::node_state::idle);
        return;
    }
    task::current_scheduler->blank(*this);
    take_claim();
}

}  // namespace detail

Result<UdpSocket> UdpSocket::bind(const SocketAddr& address, const BindOptions& options) noexcept {
    if (backend::current_sockets == nullptr) return Errc::unsupported;
    auto socket = backend::current_sockets->bind(address, options);
    if (!socket) return socket.error();
    return UdpSocket(**socket);
}

Result<UdpSocket> UdpSocket::from_fd(OwnedFd fd) noexcept {
    if (backend::current_sockets == nullptr) return Errc::unsupported;
    auto socket = backend::current_sockets->adopt_datagram(std::move(fd));
    if (!socket) return socket.error();
    return UdpSocket(**socket);
}

}  // namespace skerry::net
