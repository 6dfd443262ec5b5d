#include "listener.hpp"

#include "../accepting.hpp"
#include "stream.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/base/os_socket_addr.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <new>

namespace skerry::kernel_io::epoll {

using backend::AcceptRequest;
using backend::ListenerSocket;
using backend::Step;

Listener::Listener(CoreSockets& core, OwnedFd fd) noexcept : Socket(core, std::move(fd)) {
    ops = &operations;
    home = core.home();
}

void Listener::on_events(std::uint32_t) noexcept {
    may_accept = true;
    if (acceptor != nullptr && accept_now(*acceptor) == Step::done) complete(*this, *acceptor);
}

void Listener::resume() noexcept { on_events(EPOLLIN); }

Step Listener::accept_now(AcceptRequest& request) noexcept {
    if (is_paused) return Step::pending;
    for (unsigned unsound = 0;;) {
        sockaddr_storage storage;
        socklen_t length = sizeof storage;
        OwnedFd accepted(::accept4(fd(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!accepted) {
            const bool is_unsound = concerns_one_connection(errno);
            if (is_unsound && ++unsound <= unsound_max) continue;
            if (errno == EAGAIN) {
                may_accept = false;
                return Step::pending;
            }
            if (is_unsound || is_shortage(errno)) {
                core().pause(*this);
                return Step::pending;
            }
            request.error = last_error();
            return Step::done;
        }
        auto* const stream = new (std::nothrow) Stream(core(), std::move(accepted));
        if (stream == nullptr) {
            core().pause(*this);
            return Step::pending;
        }
        if (auto enrolled = core().enroll(*stream); !enrolled) {
            delete stream;
            core().pause(*this);
            return Step::pending;
        }
        net::from_os(storage, length, stream->peer);
        stream->may_read = true;
        core().count_accepted();
        request.accepted = stream;
        return Step::done;
    }
}

Step Listener::accept(ListenerSocket& listener, AcceptRequest& request) noexcept {
    return static_cast<Listener&>(listener).accept_now(request);
}

void Listener::close(ListenerSocket* socket) noexcept {
    auto* const listener = static_cast<Listener*>(socket);
    if (listener->is_paused) listener->core().forget(*listener);
    delete std::exchange(listener->given_back, nullptr);
    listener->retire();
}

void Listener::orphan() noexcept {
    close_fd();
    forget_core();
    is_paused = false;
    backend::orphan_listener(*this);
}

const backend::ListenerOps Listener::operations{&accept, &close};

}  // namespace skerry::kernel_io::epoll
