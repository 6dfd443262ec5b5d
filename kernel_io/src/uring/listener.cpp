#include "listener.hpp"

#include <skerry/backend/orphaned.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <new>
#include <utility>

namespace skerry::kernel_io::uring {

using backend::AcceptRequest;
using backend::ListenerSocket;
using backend::Step;

Listener::Listener(CoreSockets& core, OwnedFd fd) noexcept : Socket(core, std::move(fd)) {
    ops = &operations;
    home = core.home();
}

Listener::~Listener() { drop_ready(); }

// A failure that lasts would come again at once: the kernel is asked anew when somebody has heard of it and accepts.
void Listener::accept_more() noexcept {
    if (is_paused || is_requested(accepting) || ready_count_ >= ready_max || failure_.code() != Errc::ok) return;
    request(accepting, [this](io_uring_sqe* entry) {
        const auto prepare = is_short_ ? &::io_uring_prep_accept : &::io_uring_prep_multishot_accept;
        prepare(entry, fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    });
}

void Listener::on_answer(unsigned, int result, std::uint32_t) noexcept {
    if (result >= 0)
        on_accepted(OwnedFd(result));
    else
        on_not_accepted(-result);
    if (is_let_go()) return;
    accept_more();
    if (acceptor != nullptr && accept_now(*acceptor) == Step::done) complete(*this, *acceptor);
}

void Listener::on_accepted(OwnedFd accepted) noexcept {
    if (is_let_go()) return reset_on_close(accepted.get());
    unsound_ = 0;
    auto* const stream = new (std::nothrow) Stream(core(), std::move(accepted));
    if (stream == nullptr) return pause();
    // A peer that has reset the connection meanwhile has left no address; its stream says so when it is read.
    if (auto peer = peer_address(stream->fd())) stream->peer = *peer;
    ready_.push_back(*stream);
    may_accept = true;
    is_short_ = false;
    if (++ready_count_ >= ready_max) cancel(accepting);
}

void Listener::on_not_accepted(int error) noexcept {
    if (error == ECANCELED || error == EAGAIN || is_let_go()) return;
    if (concerns_one_connection(error) && ++unsound_ <= unsound_max) return;
    if (concerns_one_connection(error) || is_shortage(error)) return pause();
    failure_ = Error::from_os(error);
    may_accept = true;
}

// Who comes meanwhile waits before the door. Then one is let in to see whether there is something for them again: the
// kernel would let in all who wait, to be reset.
void Listener::pause() noexcept {
    is_short_ = true;
    if (!is_paused) core().pause(*this);
    cancel(accepting);
}

Step Listener::accept_now(AcceptRequest& request) noexcept {
    if (Stream* const stream = ready_.pop_front(); stream != nullptr) {
        --ready_count_;
        (void)core().enroll(*stream);
        core().count_accepted();
        request.accepted = stream;
        accept_more();
        return Step::done;
    }
    if (failure_.code() != Errc::ok) {
        request.error = std::exchange(failure_, Error{});
        return Step::done;
    }
    accept_more();
    may_accept = false;
    return Step::pending;
}

Step Listener::accept(ListenerSocket& listener, AcceptRequest& request) noexcept {
    return static_cast<Listener&>(listener).accept_now(request);
}

void Listener::drop_ready() noexcept {
    while (const Stream* const stream = ready_.pop_front()) {
        reset_on_close(stream->fd());
        delete stream;
    }
    ready_count_ = 0;
}

void Listener::close(ListenerSocket* socket) noexcept {
    auto* const listener = static_cast<Listener*>(socket);
    if (listener->is_paused) listener->core().forget(*listener);
    delete std::exchange(listener->given_back, nullptr);
    listener->drop_ready();
    listener->let_go();
}

void Listener::orphan() noexcept {
    drop_ready();
    close_fd();
    forget_core();
    is_paused = false;
    backend::orphan_listener(*this);
}

const backend::ListenerOps Listener::operations{&accept, &close};

}  // namespace skerry::kernel_io::uring
