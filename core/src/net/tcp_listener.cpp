#include "given_back.hpp"

#include <skerry/net/tcp_listener.hpp>

#include <deque>

namespace skerry::net {

namespace detail {

bool AcceptAwaiter::try_now() noexcept {
    if (listener_->given_back != nullptr) [[unlikely]] {
        accepted = listener_->given_back->front();
        listener_->given_back->pop_front();
        if (listener_->given_back->empty()) delete std::exchange(listener_->given_back, nullptr);
        return true;
    }
    return listener_->may_accept && listener_->ops->accept(*listener_, *this) == backend::Step::done;
}

bool AcceptAwaiter::await_suspend(std::coroutine_handle<> awaiting) noexcept {
    SKERRY_ASSERT(listener_->acceptor == nullptr, "two accepts at once on one listener");
    task::Scheduler& scheduler = *task::current_scheduler;
    scheduler.bind(*this, awaiting);
    if (!tried_ && try_now()) {
        give_claim();
        scheduler.enqueue(*this);
        return true;
    }
    set_state(task::node_state::linked);
    listener_->acceptor = this;
    return true;
}

void AcceptAwaiter::cancel() noexcept {
    if (state() == task::node_state::idle) return;
    if (state() == task::node_state::linked) {
        listener_->acceptor = nullptr;
        set_state(task::node_state::idle);
        return;
    }
    task::current_scheduler->blank(*this);
    if (!take_claim() || accepted == nullptr) return;
    // Out of memory: as one that came now.
    if (!put_in_front(listener_->given_back, accepted)) accepted->ops->close(accepted);
    accepted = nullptr;
    if (listener_->acceptor != nullptr && listener_->given_back != nullptr) hand_over();
}

void AcceptAwaiter::hand_over() noexcept {
    auto& successor = static_cast<AcceptAwaiter&>(*listener_->acceptor);
    if (successor.try_now()) backend::complete(*listener_, successor);
}

}  // namespace detail

TcpListener::~TcpListener() {
    if (socket_ == nullptr) return;
    detail::check_owner(socket_->home);
    if (socket_->given_back != nullptr)
        for (backend::StreamSocket* stream : *socket_->given_back) stream->ops->close(stream);
    socket_->ops->close(socket_);
}

Result<TcpListener> TcpListener::bind(const SocketAddr& address, const ListenOptions& options) noexcept {
    if (backend::current_sockets == nullptr) return Errc::unsupported;
    auto socket = backend::current_sockets->listen(address, options, nullptr);
    if (!socket) return socket.error();
    return TcpListener(**socket);
}

Result<TcpListener> TcpListener::from_fd(OwnedFd fd) noexcept {
    if (backend::current_sockets == nullptr) return Errc::unsupported;
    auto socket = backend::current_sockets->adopt_listener(std::move(fd));
    if (!socket) return socket.error();
    return TcpListener(**socket);
}

}  // namespace skerry::net
