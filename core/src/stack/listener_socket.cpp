#include "listener_socket.hpp"

#include <skerry/backend/orphaned.hpp>

#include "stream_socket.hpp"

#include <memory>
#include <new>
#include <utility>

namespace skerry::stack {

using backend::AcceptRequest;
using backend::ListenerSocket;
using backend::Step;

Step Sockets::Listener::accept_now(AcceptRequest& request) noexcept {
    if (sockets_->lost_ != Errc::ok) [[unlikely]] {  // those that wait to be accepted have ended too
        request.error = sockets_->lost_;
        return Step::done;
    }
    if (!has_waiting()) {
        may_accept = false;
        return Step::pending;
    }
    std::unique_ptr<Stream> stream(sockets_->make_stream());
    if (stream == nullptr) {  // the next connection that comes tries again
        ++sockets_->counts_.accept_paused;
        return Step::pending;
    }
    (void)sockets_->stack_.tcp().accept(*this, *stream);
    stream->set_peer(ListenerSocket::local.ip().family());
    if (!inherited.empty()) [[unlikely]]
        stream->set_all(inherited);
    stream->may_read = true;
    ++sockets_->counts_.accepted;
    request.accepted = stream.release();
    return Step::done;
}

Step Sockets::Listener::accept(ListenerSocket& socket, AcceptRequest& request) noexcept {
    return static_cast<Listener&>(socket).accept_now(request);
}

void Sockets::Listener::on_ready() noexcept {
    may_accept = true;
    if (acceptor != nullptr && accept_now(*acceptor) == Step::done) complete(*this, *acceptor);
}

void Sockets::Listener::leave() noexcept {
    if (ListLink& link = *this; link.is_linked()) link.unlink();
    --sockets_->counts_.open;
    sockets_->stack_.tcp().close(*this, sockets_->now_);
}

void Sockets::Listener::close(ListenerSocket* socket) noexcept {
    auto* const self = static_cast<Listener*>(socket);
    delete std::exchange(self->given_back, nullptr);
    self->leave();
    delete self;
}

void Sockets::Listener::orphan() noexcept {
    leave();
    sockets_ = nullptr;
    backend::orphan_listener(*this);
}

const backend::ListenerOps Sockets::Listener::operations{&accept, &close};

Result<ListenerSocket*> Sockets::listen(const net::SocketAddr& address, const backend::ListenOptions& options,
                                        const backend::StreamSetup* setup) noexcept {
    return open(std::unique_ptr<Listener>(new (std::nothrow) Listener(*this)), address, options, setup, false);
}

Result<ListenerSocket*> Sockets::listen(const net::SocketAddr& address, const backend::ListenOptions& options,
                                        const backend::StreamSetup* setup, Watcher& watcher) noexcept {
    return open(std::unique_ptr<Listener>(new (std::nothrow) WatchedListener(*this, watcher)), address, options, setup,
                true);
}

Result<ListenerSocket*> Sockets::open(std::unique_ptr<Listener> listener, const net::SocketAddr& address,
                                      const backend::ListenOptions& options, const backend::StreamSetup* setup,
                                      bool is_part) noexcept {
    if (lost_ != Errc::ok) return lost_;
    if (listener == nullptr) return Errc::no_memory;
    wire::Ipv4Addr own;
    const Errc unknown = is_part ? name_part(address.ip(), options.v6_only, own) : name(address.ip(), own);
    if (unknown != Errc::ok) return unknown;
    if (setup != nullptr)
        if (const Errc wrong = Stream::check_setup(*setup); wrong != Errc::ok) return wrong;
    if (setup != nullptr) {
        listener->inherited = setup->options;
        listener->opening = Stream::opening_of(setup->options);
    }
    const std::size_t backlog = options.backlog > 0 ? static_cast<std::size_t>(options.backlog) : 1;
    listener->v6_only = options.v6_only;
    if (auto opened = stack_.tcp().listen(*listener, own, address.port(), backlog, options.reuse_port); !opened)
        return opened.error();
    if (options.reuse_port_first) stack_.tcp().share(*listener);
    listener->ListenerSocket::local = net::SocketAddr(address.ip(), listener->port);
    listeners_.push_back(*listener);
    ++counts_.open;
    return listener.release();
}

void Sockets::fail_listeners() noexcept {
    for (Listener* listener = listeners_.empty() ? nullptr : &listeners_.front(); listener != nullptr;
         listener = listeners_.next_of(*listener))
        listener->on_lost();
}

void Sockets::orphan_listeners() noexcept {
    while (Listener* listener = listeners_.pop_front()) listener->orphan();
}

}  // namespace skerry::stack
