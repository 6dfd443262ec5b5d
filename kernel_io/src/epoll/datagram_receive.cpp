// Hot path. How a UDP socket of the kernel receives: for a task that waits, in the poll, or at once.

#include "datagram.hpp"

#include "../control_messages.hpp"
#include "../system_call.hpp"

#include <skerry/base/compiler.hpp>
#include <skerry/base/os_socket_addr.hpp>

#include <algorithm>
#include <cerrno>

namespace skerry::kernel_io::epoll {

using backend::Datagram;
using backend::DatagramSocket;
using backend::RecvRequest;
using backend::Step;

void DatagramPort::on_events(std::uint32_t events) noexcept {
    if (events != EPOLLIN) [[unlikely]]
        return on_any_events(events);
    if (receiver != nullptr && can_receive_single(*receiver)) [[likely]]
        receive_single(*receiver);
    else
        on_readable();
}

SKERRY_NOINLINE void DatagramPort::on_readable() noexcept {
    may_receive = true;
    if (receiver == nullptr) return came_together();
    arrivals_.edge();
    receive_awaited(*receiver);
}

SKERRY_ALWAYS_INLINE bool DatagramPort::can_receive_single(const RecvRequest& request) const noexcept {
    return arrivals_.are_single() && !request.batch.empty() && !request.batch.front().payload &&
           core().buffers().has_free();
}

// A receive for which a task has waited. What is usual on the way of a message that comes alone does not come here.
void DatagramPort::receive_awaited(RecvRequest& request) noexcept {
    const bool one = request.batch.empty() || arrivals_.are_single();
    if ((one ? receive_one(request) : receive_batch(request)) != Step::done) return;
    count_arrival(request);
    complete(*this, request);
}

// After a receive for which a task had waited.
SKERRY_ALWAYS_INLINE void DatagramPort::count_arrival(const RecvRequest& request) noexcept {
    if (request.error.code() != Errc::ok) return;
    if (arrivals_.are_single()) {
        may_receive = arrivals_.look_for_another();
    } else if (request.batch.size() <= 1) {
        may_be_alone_ = true;
    } else if (request.count == 1) {
        came_alone();  // there were slots for more
    } else {
        came_together();
    }
}

SKERRY_ALWAYS_INLINE void DatagramPort::came_alone() noexcept {
    if (!arrivals_.came_alone()) return;
    may_receive = false;  // what comes meanwhile is reported: from now on the registration is level-triggered
    (void)watch(may_send ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

SKERRY_NOINLINE void DatagramPort::came_together() noexcept {
    may_be_alone_ = false;
    if (!arrivals_.came_together()) return;
    (void)watch(may_send ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

Step DatagramPort::receive(DatagramSocket& socket, RecvRequest& request) noexcept {
    auto& port = static_cast<DatagramPort&>(socket);
    const Step step = request.batch.empty() ? port.receive_one(request) : port.receive_batch(request);
    if (step == Step::done) {
        if (request.error.code() == Errc::ok) port.came_together();
        return step;
    }
    port.arrivals_.found_nothing();
    if (std::exchange(port.may_be_alone_, false)) port.came_alone();
    return step;
}

Step DatagramPort::nothing_received(RecvRequest& request, long answer) noexcept {
    if (answer == -EAGAIN && failure_ == 0) {
        may_receive = false;
        return Step::pending;
    }
    request.error = error_of(answer == -EAGAIN ? std::exchange(failure_, 0) : answer);
    return Step::done;
}

Step DatagramPort::without_buffer(RecvRequest& request) noexcept {
    core().count_no_buffers();
    request.error = Errc::no_buffers;
    return Step::done;
}

/// Where a datagram's sender is written, and one recvfrom. MSG_TRUNC makes the kernel return the datagram's own
/// length, so that a short buffer shows.
struct DatagramPort::Sender {
    sockaddr_storage storage;
    socklen_t length = sizeof storage;

    SKERRY_ALWAYS_INLINE long receive(int fd, std::span<std::byte> into) noexcept {
        return call_recvfrom(fd, into.data(), into.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&storage), &length);
    }
};

namespace {

SKERRY_ALWAYS_INLINE void describe(Datagram& datagram, std::size_t bytes, time::Instant when) noexcept {
    datagram.set_arrival(when, backend::TimeSource::burst, bytes > datagram.payload.size());
    if (!datagram.truncated) [[likely]]
        datagram.payload.set_size(bytes);
}

}  // namespace

// One datagram into the request's span or, for a batch of one, a buffer of the pool.
Step DatagramPort::receive_one(RecvRequest& request) noexcept {
    if (told_ != 0) [[unlikely]]
        return receive_one_told(request);
    Datagram* const datagram = request.batch.empty() ? nullptr : &request.batch.front();
    if (datagram != nullptr) {
        datagram->payload = core().buffer();
        if (!datagram->payload) return without_buffer(request);
    }
    const std::span<std::byte> into = datagram != nullptr ? datagram->payload.writable() : request.into;
    Sender from;
    const long answer = from.receive(fd(), into);
    if (answer < 0) {
        if (datagram != nullptr) datagram->payload.reset();  // who waits holds no buffer
        return nothing_received(request, answer);
    }
    const auto bytes = static_cast<std::size_t>(answer);
    if (datagram != nullptr) {
        describe(*datagram, bytes, time::Instant::now());
        request.count = 1;
    } else {
        request.truncated = bytes > into.size();
        request.count = std::min(bytes, into.size());
    }
    net::from_os(from.storage, from.length, datagram != nullptr ? datagram->peer : *request.peer);
    return Step::done;
}

// The way of a message that comes alone: a task waits with a batch, the pool has a buffer, the peer is of IPv4.
// Whatever is otherwise is left to functions that need not return here; and the system call takes every register that
// need not be saved, so that what is needed behind it is looked up again.
SKERRY_ALWAYS_INLINE void DatagramPort::receive_single(RecvRequest& request) noexcept {
    Sender from;
    const long answer = receive_single_into(from, request.batch.front());
    if (answer < 0) [[unlikely]]
        return lost_single(answer);
    complete_single(*receiver, from, static_cast<std::size_t>(answer));
}

SKERRY_ALWAYS_INLINE long DatagramPort::receive_single_into(Sender& from, Datagram& datagram) noexcept {
    datagram.payload = core().buffers().take_free();
    return from.receive(fd(), fresh_bytes(datagram.payload));
}

SKERRY_ALWAYS_INLINE void DatagramPort::complete_single(RecvRequest& request, const Sender& from,
                                                        std::size_t bytes) noexcept {
    Datagram& datagram = request.batch.front();
    describe(datagram, bytes, core().poller().seen_at());
    request.count = 1;
    if (arrivals_.look_for_another()) [[unlikely]]
        may_receive = true;  // it is false while a task waits
    if (!net::from_os_v4(from.storage, from.length, datagram.peer)) [[unlikely]]
        return complete_other_family(from);
    complete(*this, request);
}

SKERRY_NOINLINE void DatagramPort::complete_other_family(const Sender& from) noexcept {
    net::from_os(from.storage, from.length, receiver->batch.front().peer);
    complete(*this, *receiver);
}

// An event brought no datagram: an error of one that was sent, or one that was damaged.
SKERRY_NOINLINE void DatagramPort::lost_single(long answer) noexcept {
    RecvRequest& request = *receiver;
    may_receive = true;
    request.batch.front().payload.reset();  // who waits holds no buffer
    if (nothing_received(request, answer) == Step::done) complete(*this, request);
}

// recvmmsg; leaves only those slots that could get a buffer. -ENOBUFS: the pool is at its limit.
SKERRY_ALWAYS_INLINE long DatagramPort::receive_into(std::span<Datagram>& slots) noexcept {
    ReceiveArray& messages = core().received_messages();
    const std::size_t ready = messages.prepare(slots.size(), core().buffers());
    if (ready == 0) [[unlikely]]
        return -ENOBUFS;
    slots = slots.first(ready);
    if (told_ != 0) [[unlikely]]
        return receive_told_into(slots);
    const long received = call_recvmmsg(fd(), messages.headers(), ready, MSG_DONTWAIT);
    if (received <= 0) return received;
    messages.take(static_cast<std::size_t>(received), slots.data(), time::Instant::now());
    return received;
}

// --- what is told beside the datagrams

Result<> DatagramPort::tell(std::uint8_t what, bool on) noexcept {
    if (on)
        if (auto room = core().received_messages().make_room_to_tell(); !room) return room;
    told_ = static_cast<std::uint8_t>(on ? told_ | what : told_ & ~what);
    arrivals_.allow_single(told_ == 0);
    if (told_ != 0) came_together();
    return {};
}

SKERRY_NOINLINE long DatagramPort::receive_told_into(std::span<Datagram> slots) noexcept {
    ReceiveArray& messages = core().received_messages();
    messages.attach_told(slots.size());
    const long received = call_recvmmsg(fd(), messages.headers(), slots.size(), MSG_DONTWAIT);
    const std::size_t count = received > 0 ? static_cast<std::size_t>(received) : 0;
    if (count != 0) messages.take(count, slots.data(), time::Instant::now());
    messages.detach_told(slots.size(), count, slots.data());
    return received;
}

// Into the request's span; batches of one are batches like others here.
SKERRY_NOINLINE Step DatagramPort::receive_one_told(RecvRequest& request) noexcept {
    Datagram datagram;
    const long answer = receive_told(fd(), request.into, 0, datagram);
    if (answer < 0) return nothing_received(request, answer);
    request.count = std::min(static_cast<std::size_t>(answer), request.into.size());
    request.truncated = datagram.truncated;
    request.segment_bytes = datagram.segment_bytes;
    *request.peer = datagram.peer;
    return Step::done;
}

namespace {

constexpr std::size_t many_at_once = 4;

}  // namespace

// A batch asks for about as many as came last, and again while it gets all it asked for.
Step DatagramPort::receive_batch(RecvRequest& request) noexcept {
    const std::size_t wanted = std::min(request.batch.size(), messages_max);
    while (request.count < wanted) {
        const std::size_t left = wanted - request.count;
        std::span<Datagram> slots = request.batch.subspan(request.count, std::min(left, arrivals_.expected()));
        const long received = receive_into(slots);
        if (received < 0) {
            if (received == -ENOBUFS) {
                if (request.count == 0) return without_buffer(request);
                core().count_no_buffers();
                break;
            }
            if (request.count == 0) return nothing_received(request, received);
            if (received == -EAGAIN)
                may_receive = arrivals_.drained(slots.size());
            else
                failure_ = received;
            break;
        }
        const auto count = static_cast<std::size_t>(received);
        request.count += count;
        if (count >= many_at_once) core().poller().expect_more();
        if (count < slots.size()) {
            may_receive = arrivals_.drained(count);
            break;
        }
        arrivals_.filled();
    }
    return Step::done;
}

}  // namespace skerry::kernel_io::epoll
