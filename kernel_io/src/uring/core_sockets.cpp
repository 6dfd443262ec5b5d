#include "core_sockets.hpp"

#include "../bound_socket.hpp"
#include "datagram.hpp"
#include "listener.hpp"
#include "stream.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/task/scheduler.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <utility>

namespace skerry::kernel_io::uring {

using backend::ConnectRequest;
using backend::DatagramSocket;
using backend::ListenerSocket;
using backend::Step;
using backend::StreamSocket;

CoreSockets::CoreSockets(Ring& ring, std::uint16_t home, Error& refused) : ring_(ring), home_(home), buffers_(home) {
    if (auto provided = buffers_.provide(ring_); !provided) refused = provided.error();
}

// Requests that are under way hold their descriptors open, so they end first; and nothing may be written into buffers
// that go away.
void CoreSockets::end() noexcept {
    if (std::exchange(is_ending_, true)) return;
    ring_.end_all();  // connections that were accepted are closed with their listener
    buffers_.withdraw(ring_);
    while (Socket* socket = sockets_.pop_front()) {
        if (socket->is_let_go())
            delete socket;
        else
            socket->orphan();
    }
}

backend::Capabilities CoreSockets::capabilities() const noexcept {
    backend::Capabilities capabilities;
    capabilities.tcp = capabilities.udp = capabilities.ipv6 = capabilities.multicast = true;
    capabilities.reuse_port = capabilities.slow_lane = capabilities.cork = true;
    capabilities.segments = kernel_cuts_segments();
    capabilities.packet_info = capabilities.source_multicast = capabilities.receive_times = true;
    return capabilities;
}

backend::SocketStats CoreSockets::stats() const noexcept {
    backend::SocketStats stats = counts_;
    stats.buffers_out = buffers_.out();
    stats.buffers_made = buffers_.made();
    return stats;
}

Result<> CoreSockets::enroll(Socket& socket) noexcept {
    sockets_.push_back(socket);
    ++counts_.open;
    return {};
}

// --- making sockets

Step CoreSockets::connect(ConnectRequest& request) noexcept {
    const auto fail = [&](Error error) {
        request.error = error;
        return Step::done;
    };
    auto fd = open_stream(request.to, request.setup);
    if (!fd) return fail(fd.error());
    sockaddr_storage storage;
    const socklen_t length = net::to_os(request.to, storage);
    const bool at_once = ::connect(fd->get(), reinterpret_cast<sockaddr*>(&storage), length) == 0;
    if (!at_once && errno != EINPROGRESS) return fail(last_error());
    auto* const stream = new (std::nothrow) Stream(*this, std::move(*fd));
    if (stream == nullptr) return fail(Errc::no_memory);
    stream->peer = request.to;
    (void)enroll(*stream);
    request.socket = stream;
    if (at_once) return Step::done;
    stream->wait_for_connection(request);
    return Step::pending;
}

void CoreSockets::cancel_connect(ConnectRequest& request) noexcept {
    if (request.socket == nullptr) return;
    auto* const stream = static_cast<Stream*>(std::exchange(request.socket, nullptr));
    stream->forget_connect();
    stream->ops->close(stream);
}

Result<ListenerSocket*> CoreSockets::listen(const net::SocketAddr& address, const backend::ListenOptions& options,
                                            const backend::StreamSetup* setup) noexcept {
    return enroll_bound<ListenerSocket, Listener>(*this, open_listener(address, options, setup));
}

Result<DatagramSocket*> CoreSockets::bind(const net::SocketAddr& address,
                                          const backend::BindOptions& options) noexcept {
    return enroll_bound<DatagramSocket, DatagramPort>(*this, open_datagram(address, options));
}

Result<StreamSocket*> CoreSockets::adopt_stream(OwnedFd fd) noexcept {
    return enroll_adopted_stream<Stream>(*this, std::move(fd));
}

Result<ListenerSocket*> CoreSockets::adopt_listener(OwnedFd fd) noexcept {
    return enroll_bound<ListenerSocket, Listener>(*this, kernel_io::adopt_listener(std::move(fd)));
}

Result<DatagramSocket*> CoreSockets::adopt_datagram(OwnedFd fd) noexcept {
    return enroll_adopted_datagram<DatagramPort>(*this, std::move(fd));
}

// --- what is done later

void CoreSockets::complete_later(DatagramPort& port) noexcept {
    if (std::exchange(port.will_complete, true)) return;
    port.next_to_complete = std::exchange(to_complete_, &port);
}

// No task runs between complete_later() and here, so none of them has gone.
void CoreSockets::complete_ports() noexcept {
    while (to_complete_ != nullptr) {
        DatagramPort& port = *std::exchange(to_complete_, to_complete_->next_to_complete);
        port.will_complete = false;
        port.complete_receive();
    }
}

void CoreSockets::send_later(Stream& stream) noexcept {
    if (std::exchange(stream.will_send_, true)) return;
    stream.next_to_send_ = nullptr;
    (first_to_send_ == nullptr ? first_to_send_ : last_to_send_->next_to_send_) = &stream;
    last_to_send_ = &stream;
}

// Asks for the sends of all who want to send, and returns those, linked.
SKERRY_ALWAYS_INLINE Stream* CoreSockets::ask_for_sends() noexcept {
    Stream* asked = nullptr;
    Stream** end = &asked;
    for (Stream* stream = std::exchange(first_to_send_, nullptr); stream != nullptr;) {
        Stream* const next = stream->next_to_send_;
        if (!stream->is_let_go() && stream->send_gathered()) [[likely]] {
            *end = stream;
            end = &stream->next_to_send_;
        } else {
            stream->will_send_ = false;
            if (stream->is_let_go()) stream->end_if_over();
        }
        stream = next;
    }
    *end = nullptr;
    return asked;
}

// A send that does not wait is over when it has been handed in, and who is not answered has sent all. Not before that
// is known does a task run: its memory may be gone then.
void CoreSockets::send_gathered() noexcept {
    is_kept_ = false;
    // An answer that found no room might be lost, and its send pass for whole.
    while (ring_.completions() > Ring::completions_max - Ring::entries_max) ring_.dispatch();
    const unsigned first_answer = ring_.next_completion();
    Stream* const asked = ask_for_sends();
    // A core that leaves as many tasks as a turn runs is behind. What else has come stays with the kernel then: the
    // loop takes in less than it runs, and this call would bring more. With fewer one call for both is cheaper.
    const bool takes_in = task::current_scheduler->ready_count() < Ring::completions_per_turn;
    takes_in ? ring_.enter() : ring_.hand_in();
    // Where the kernel is short, or has no room for its answers.
    for (; ring_.has_entries() || ring_.has_overflowed(); ring_.enter()) (void)ring_.dispatch(Ring::completions_max);
    const int failed = ring_.dispatch_first(Socket::failed_at_once, first_answer);
    for (Stream* stream = asked; stream != nullptr; stream = stream->next_to_send_)
        if (std::exchange(stream->will_send_, false)) [[likely]]
            stream->on_all_sent();
    int handed_out = 0;
    while (ring_.has_completions() && handed_out - failed < static_cast<int>(Ring::completions_per_turn))
        handed_out += ring_.dispatch(handed_out_at_once);
    carried_ = std::max(0, handed_out - failed);
    buffers_.refill();
}

void CoreSockets::try_later(Socket& socket) noexcept {
    if (std::exchange(socket.will_try_, true)) return;
    if (to_try_ == nullptr) next_try_ = time::Instant::now() + try_interval;
    socket.next_to_try_ = std::exchange(to_try_, &socket);
}

void CoreSockets::try_all() noexcept {
    Socket* socket = std::exchange(to_try_, nullptr);
    while (socket != nullptr) {
        Socket* const next = std::exchange(socket->next_to_try_, nullptr);
        socket->try_now();
        socket = next;
    }
}

void CoreSockets::wait_for_buffer(Socket& socket) noexcept {
    were_too_few_ = true;
    if (std::exchange(socket.will_try_, true)) return;
    socket.next_to_try_ = nullptr;
    (first_without_buffer_ == nullptr ? first_without_buffer_ : last_without_buffer_->next_to_try_) = &socket;
    last_without_buffer_ = &socket;
    ++without_buffer_;
}

// No more ask than there are buffers: with a thousand sockets the others would ask in vain, each turn anew. What the
// kernel may have used already is what its answers, which wait to be looked at, can tell of. When the pool has no more,
// all ask, and are told.
void CoreSockets::give_buffers() noexcept {
    if (std::exchange(were_too_few_, false)) buffers_.widen(without_buffer_);
    const bool are_exhausted = buffers_.are_exhausted();
    const unsigned used = std::min(buffers_.given(), ring_.completions());
    unsigned left = std::max(1U, buffers_.given() - used);  // one, however much of others waits to be looked at
    for (; first_without_buffer_ != nullptr && (left != 0 || are_exhausted);) {
        Socket& socket = *first_without_buffer_;
        first_without_buffer_ = std::exchange(socket.next_to_try_, nullptr);
        --without_buffer_;
        socket.try_now();
        if (left != 0) --left;
    }
}

void CoreSockets::pause(Listener& listener) noexcept {
    ++counts_.accept_paused;
    paused_.pause(listener);
}

void CoreSockets::forget(Listener& listener) noexcept { paused_.forget(listener); }

bool CoreSockets::resume_due(time::Instant now) noexcept { return paused_.resume(now); }

}  // namespace skerry::kernel_io::uring
