#include "listener.hpp"

#include <skerry/backend/orphaned.hpp>

#include "stream.hpp"

#include <algorithm>
#include <utility>

namespace skerry::testing {

using backend::AcceptRequest;
using backend::ListenerSocket;
using backend::Step;

Listener::Listener(NetworkState& network, const net::SocketAddr& address,
                   const backend::ListenOptions& listen_options) noexcept
    : Socket(network),
      reuse_port(listen_options.reuse_port || listen_options.reuse_port_first),
      v6_only(listen_options.v6_only),
      backlog_(static_cast<std::size_t>(std::max(1, listen_options.backlog))) {
    ops = &operations;
    home = network.home();
    local = address;
}

void Listener::add(Stream& stream) {
    if (local.is_v6() && stream.local().is_v4()) {
        stream.shows_mapped = true;
        stream.peer = net::SocketAddr(stream.remote().ip().mapped(), stream.remote().port());
    }
    queue_.push_back(&stream);
    may_accept = true;
    serve_acceptor();
}

void Listener::resume() noexcept {
    is_paused_ = false;
    serve_acceptor();
}

void Listener::serve_acceptor() noexcept {
    if (acceptor != nullptr && accept_now(*acceptor) == Step::done) complete(*this, *acceptor);
}

Step Listener::accept_now(AcceptRequest& request) noexcept {
    if (is_paused_) return Step::pending;
    if (queue_.empty()) {
        may_accept = false;
        return Step::pending;
    }
    if (!network().take_descriptor(*queue_.front())) {
        is_paused_ = true;
        ++network().counters().accept_paused;
        return Step::pending;
    }
    ++network().counters().accepted;
    request.accepted = queue_.front();
    queue_.pop_front();
    return Step::done;
}

Step Listener::accept(ListenerSocket& socket, AcceptRequest& request) noexcept {
    return static_cast<Listener&>(socket).accept_now(request);
}

void Listener::reset_queue() noexcept {
    for (Stream* stream : queue_) {
        (void)stream->options.set(backend::SocketOption::linger_s, 0);  // nobody will have it
        Stream::close(stream);
    }
    queue_.clear();
}

void Listener::close(ListenerSocket* socket) noexcept {
    auto* const listener = static_cast<Listener*>(socket);
    delete std::exchange(listener->given_back, nullptr);
    listener->reset_queue();
    listener->network().release_descriptor(*listener);
    listener->network().discard(listener);
}

void Listener::orphan() noexcept {
    is_paused_ = false;
    backend::orphan_listener(*this);
}

const backend::ListenerOps Listener::operations{&accept, &close};

}  // namespace skerry::testing
