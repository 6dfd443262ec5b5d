#include "joined_listener.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/stack/ports/same_number.hpp>

#include <utility>

namespace skerry::stack {

using backend::AcceptRequest;
using backend::ListenerSocket;
using backend::Step;

JoinedListener::JoinedListener(PortsSockets& ports) noexcept : ports_(&ports) {
    ops = &operations;
    home = ports.home_;
    may_accept = false;
    ports.listeners_.push_back(*this);
    ++ports.joined_;
}

JoinedListener::~JoinedListener() {
    if (ports_ != nullptr) leave();
}

Result<> JoinedListener::open(const net::SocketAddr& address, const backend::ListenOptions& options,
                              const backend::StreamSetup* setup) noexcept {
    const auto number = open_same_number(
        ports_->count(), address,
        [&](std::size_t at, const net::SocketAddr& wanted) -> Result<std::uint16_t> {
            auto part = ports_->port(at).listen(wanted, options, setup, *this);
            if (!part) return part.error();
            parts_[at] = *part;
            ++ports_->parts_;
            return (*part)->local.port();
        },
        [this] { close_all(); });
    if (!number) return number.error();
    local = address.with_port(*number);
    return {};
}

Step JoinedListener::accept_now(AcceptRequest& request) noexcept {
    const std::size_t count = ports_->count();
    bool any_left = false;
    ListenerSocket* gone = nullptr;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = (next_ + i) % count;
        ListenerSocket* const part = parts_[at];
        if (part == nullptr) continue;
        if (ports_->port(at).is_lost()) [[unlikely]] {
            gone = part;
            continue;
        }
        any_left = true;
        if (!part->may_accept || part->ops->accept(*part, request) == Step::pending) continue;
        next_ = at + 1;
        return Step::done;
    }
    if (!any_left && gone != nullptr) [[unlikely]]
        return gone->ops->accept(*gone, request);
    may_accept = false;
    return Step::pending;
}

void JoinedListener::on_ready() noexcept {
    may_accept = true;
    if (acceptor != nullptr && accept_now(*acceptor) == Step::done) complete(*this, *acceptor);
}

void JoinedListener::close_all() noexcept {
    for (ListenerSocket*& part : parts_) {
        if (part == nullptr) continue;
        part->ops->close(std::exchange(part, nullptr));
        --ports_->parts_;
    }
}

void JoinedListener::leave() noexcept {
    close_all();
    if (ListLink& link = *this; link.is_linked()) link.unlink();
    --ports_->joined_;
    ports_ = nullptr;
}

void JoinedListener::orphan() noexcept {
    leave();
    backend::orphan_listener(*this);
}

Step JoinedListener::accept(ListenerSocket& socket, AcceptRequest& request) noexcept {
    return static_cast<JoinedListener&>(socket).accept_now(request);
}

void JoinedListener::close(ListenerSocket* socket) noexcept {
    delete std::exchange(socket->given_back, nullptr);
    delete static_cast<JoinedListener*>(socket);
}

const backend::ListenerOps JoinedListener::operations{&accept, &close};

}  // namespace skerry::stack
