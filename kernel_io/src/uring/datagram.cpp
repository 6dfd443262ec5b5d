#include "datagram.hpp"

#include "../control_messages.hpp"
#include "../socket_tables.hpp"
#include "../system_call.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/base/os_socket_addr.hpp>

#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace skerry::kernel_io::uring {

using backend::Datagram;
using backend::DatagramSocket;
using backend::RecvRequest;
using backend::SendRequest;
using backend::Step;

namespace {

constexpr std::size_t address_room = sizeof(sockaddr_in6);

// The kernel writes a header, the address, what it tells and the datagram, one behind the other.
constexpr std::size_t told_offset = sizeof(io_uring_recvmsg_out) + address_room;
constexpr std::size_t plain_offset = told_offset;
constexpr std::size_t payload_offset_told = told_offset + told_room;
static_assert(payload_offset_told <= ReceiveBuffers::header_room, "the longest datagram would be cut");

// Read by the kernel when a receive begins: how much room an address has, and what it tells.
constexpr msghdr make_wanted(std::size_t room_to_tell) noexcept {
    msghdr wanted{};
    wanted.msg_namelen = address_room;
    wanted.msg_controllen = room_to_tell;
    return wanted;
}
constinit msghdr wanted_plain = make_wanted(0);  // not const, as liburing wants it; nobody writes to it
constinit msghdr wanted_told = make_wanted(told_room);

}  // namespace

DatagramPort::DatagramPort(CoreSockets& core, OwnedFd fd) noexcept : Socket(core, std::move(fd)) {
    ops = &operations;
    home = core.home();
}

// --- receiving

void DatagramPort::receive() noexcept {
    if (is_requested(receiving)) return;
    is_told_ = told_ != 0;
    request(receiving, [this](io_uring_sqe* entry) {
        ::io_uring_prep_recvmsg_multishot(entry, fd(), is_told_ ? &wanted_told : &wanted_plain, 0);
        entry->flags |= IOSQE_BUFFER_SELECT;
        entry->buf_group = ReceiveBuffers::group;
    });
}

void DatagramPort::on_answer(unsigned purpose, int result, std::uint32_t flags) noexcept {
    if (purpose == receiving) return on_received(result, flags);
    if (is_let_go()) return;
    if (purpose == data) return receive();
    serve_sender();
}

void DatagramPort::on_received(int result, std::uint32_t flags) noexcept {
    if (result >= 0) [[likely]] {
        IoBuf buffer = core().buffers().take(flags, static_cast<std::size_t>(result));
        if (is_let_go()) [[unlikely]]
            return;
        (void)hand_out(std::move(buffer));  // no kernel writes less than its header
    } else {
        on_not_received(-result);
    }
    if (is_let_go()) return;
    if (result != -ENOBUFS) receive_more();
}

// To who waits, where it is wanted: a datagram is not moved on its way.
SKERRY_ALWAYS_INLINE bool DatagramPort::hand_out(IoBuf buffer) noexcept {
    if (receiver == nullptr || !unread_.empty() || !can_take(*receiver) || receiver->batch.empty()) [[unlikely]]
        return hand_out_otherwise(std::move(buffer));
    RecvRequest& request = *receiver;
    if (!open(std::move(buffer), request.batch[request.count])) [[unlikely]]
        return false;
    ++request.count;
    if (request.batch.size() == 1)
        complete(*this, request);
    else
        core().complete_later(*this);  // with what else has come
    return true;
}

SKERRY_NOINLINE bool DatagramPort::hand_out_otherwise(IoBuf buffer) noexcept {
    Datagram datagram;
    if (!open(std::move(buffer), datagram)) return false;
    if (receiver != nullptr && unread_.empty() && receiver->batch.empty()) {
        give(*receiver, std::move(datagram));
        complete(*this, *receiver);
    } else {
        keep(std::move(datagram));
    }
    return true;
}

// Tells the parts of a buffer apart: the kernel's header, the address, the datagram.
SKERRY_ALWAYS_INLINE bool DatagramPort::open(IoBuf buffer, Datagram& datagram) noexcept {
    if (is_told_) [[unlikely]]
        return open_told(std::move(buffer), datagram);
    return open_parts(std::move(buffer), plain_offset, datagram);
}

SKERRY_ALWAYS_INLINE bool DatagramPort::open_parts(IoBuf buffer, std::size_t payload_offset,
                                                   Datagram& datagram) noexcept {
    if (buffer.size() < payload_offset) [[unlikely]]
        return false;
    io_uring_recvmsg_out header;
    std::memcpy(&header, buffer.data(), sizeof header);
    sockaddr_storage address;
    const std::size_t length = std::min<std::size_t>(header.namelen, address_room);
    std::memcpy(&address, buffer.data() + sizeof header, length);
    net::from_os(address, static_cast<socklen_t>(length), datagram.peer);
    buffer.trim_front(payload_offset);
    datagram.set_arrival(core().seen_at(), backend::TimeSource::burst, (header.flags & MSG_TRUNC) != 0);
    datagram.payload = std::move(buffer);
    return true;
}

SKERRY_NOINLINE bool DatagramPort::open_told(IoBuf buffer, Datagram& datagram) noexcept {
    if (buffer.size() < payload_offset_told) return false;
    io_uring_recvmsg_out header;
    std::memcpy(&header, buffer.data(), sizeof header);
    ToldRoom told;
    const std::size_t length = std::min<std::size_t>(header.controllen, told_room);
    std::memcpy(&told, buffer.data() + told_offset, length);
    if (!open_parts(std::move(buffer), payload_offset_told, datagram)) return false;
    read_told(std::span(told.bytes).first(length), datagram);
    return true;
}

// What the kernel writes now has room for it or not; the next receive has the other.
Result<> DatagramPort::tell(std::uint8_t what, bool on) noexcept {
    told_ = static_cast<std::uint8_t>(on ? told_ | what : told_ & ~what);
    if (is_told_ != (told_ != 0)) cancel(receiving);
    return {};
}

SKERRY_ALWAYS_INLINE void DatagramPort::give(RecvRequest& request, Datagram datagram) noexcept {
    if (!request.batch.empty()) {
        request.batch[request.count++] = std::move(datagram);
        return;
    }
    const std::size_t bytes = datagram.payload.size();
    request.count = std::min(request.into.size(), bytes);
    if (request.count != 0) std::memcpy(request.into.data(), datagram.payload.data(), request.count);
    request.truncated = datagram.truncated || request.count < bytes;
    request.segment_bytes = datagram.segment_bytes;
    *request.peer = datagram.peer;
}

// Where buffers are scarce, or memory is, a datagram that nobody waits for is lost like any that finds a queue full.
SKERRY_NOINLINE void DatagramPort::keep(Datagram datagram) noexcept {
    if (core().buffers().are_scarce()) {
        if (IoBuf copy = IoBuf::copy_of(datagram.payload.bytes())) datagram.payload = std::move(copy);
    }
    may_receive = true;
    try {
        unread_.push_back(std::move(datagram));
    } catch (const std::bad_alloc&) {
        core().count_no_buffers();
    }
    if (unread_.size() >= unread_max) cancel(receiving);
}

SKERRY_NOINLINE void DatagramPort::on_not_received(int error) noexcept {
    if (is_let_go()) return;
    switch (error) {
        case ENOBUFS: return on_no_buffers();
        case ECANCELED:
        case EINTR:
        case EAGAIN: return;
        default: break;
    }
    failure_ = Error::from_os(error);
    may_receive = true;
    if (receiver != nullptr && receiver->count == 0 && receive_now(*receiver) == Step::done) complete(*this, *receiver);
}

// Many datagrams in one turn may use up what the kernel was given although there are more.
void DatagramPort::on_no_buffers() noexcept {
    if (!core().buffers().are_exhausted()) return core().wait_for_buffer(*this);
    core().count_no_buffers();
    may_receive = true;
    if (receiver == nullptr || receiver->count != 0) return;
    if (receive_without_buffer(*receiver) == Step::done) complete(*this, *receiver);
}

// As long as no receive is under way, which might have more in its answers than has been handed out.
SKERRY_NOINLINE Step DatagramPort::receive_without_buffer(RecvRequest& request) noexcept {
    const bool needs_buffer = !request.batch.empty();
    const std::span<std::byte> into = needs_buffer ? std::span<std::byte>() : request.into;
    Datagram datagram;
    const long answer = receive_told(fd(), into, needs_buffer ? MSG_PEEK : 0, datagram);
    if (answer == -EAGAIN) {
        watch_data();
        may_receive = false;
        return Step::pending;
    }
    if (answer < 0) {
        request.error = error_of(answer);
    } else if (needs_buffer) {
        request.error = Errc::no_buffers;
    } else {
        request.count = std::min(request.into.size(), static_cast<std::size_t>(answer));
        request.truncated = datagram.truncated;
        request.segment_bytes = datagram.segment_bytes;
        *request.peer = datagram.peer;
    }
    return Step::done;
}

void DatagramPort::watch_data() noexcept {
    if (is_requested(data)) return;
    request(data, [this](io_uring_sqe* entry) { ::io_uring_prep_poll_add(entry, fd(), POLLIN); });
}

Step DatagramPort::receive_now(RecvRequest& request) noexcept {
    if (!unread_.empty()) {
        take(request);
        if (unread_.empty()) receive();
        return Step::done;
    }
    if (failure_.code() != Errc::ok) {
        request.error = std::exchange(failure_, Error{});
        return Step::done;
    }
    if (core().buffers().are_exhausted() && !is_requested(receiving)) [[unlikely]]
        return receive_without_buffer(request);
    receive();
    may_receive = false;
    return Step::pending;
}

void DatagramPort::take(RecvRequest& request) noexcept {
    const std::size_t wanted = std::clamp<std::size_t>(request.batch.size(), 1, batch_max);
    for (std::size_t taken = 0; taken < wanted && !unread_.empty(); ++taken) {
        give(request, std::move(unread_.front()));
        unread_.pop_front();
    }
}

Step DatagramPort::receive(DatagramSocket& socket, RecvRequest& request) noexcept {
    return static_cast<DatagramPort&>(socket).receive_now(request);
}

void DatagramPort::try_again() noexcept {
    if (!may_send) (void)ask_for_room();
    if (unread_.size() >= unread_max || is_told_ != (told_ != 0)) cancel(receiving);
    receive_more();
}

// --- sending

Step DatagramPort::send(DatagramSocket& socket, SendRequest& request) noexcept {
    auto& port = static_cast<DatagramPort&>(socket);
    if (port.failure_.code() != Errc::ok) [[unlikely]] {  // what came of an earlier one
        request.error = std::exchange(port.failure_, Error{});
        return Step::done;
    }
    return port.send_now(request);
}

Step DatagramPort::send_marked(DatagramSocket& socket, SendRequest& request) noexcept {
    auto& port = static_cast<DatagramPort&>(socket);
    if (port.failure_.code() != Errc::ok) [[unlikely]] {
        request.error = std::exchange(port.failure_, Error{});
        return Step::done;
    }
    return port.send_marked_now(request);
}

Step DatagramPort::send_segmented(DatagramSocket& socket, SendRequest& request) noexcept {
    auto& port = static_cast<DatagramPort&>(socket);
    if (port.failure_.code() != Errc::ok) [[unlikely]] {
        request.error = std::exchange(port.failure_, Error{});
        return Step::done;
    }
    return port.send_segmented_now(request);
}

Result<> DatagramPort::ask_for_room() noexcept {
    if (!is_requested(room))
        request(room, [this](io_uring_sqe* entry) { ::io_uring_prep_poll_add(entry, fd(), POLLOUT); });
    return {};
}

// --- the rest of the table

void DatagramPort::close(DatagramSocket* socket) noexcept {
    auto* const port = static_cast<DatagramPort*>(socket);
    delete std::exchange(port->given_back, nullptr);
    port->let_go();
}

void DatagramPort::orphan() noexcept {
    close_fd();
    forget_core();
    unread_.clear();
    backend::orphan_datagrams(*this);
}

constexpr backend::DatagramOps DatagramPort::operations_with(decltype(backend::DatagramOps::send) sends) noexcept {
    using Table = DatagramTable<DatagramPort>;
    return {&receive,          sends, sends, &send_segmented, &Table::connect, &Table::join, &close, &Table::set_option,
            &Table::get_option};
}

constinit const backend::DatagramOps DatagramPort::operations = operations_with(&send);
constinit const backend::DatagramOps DatagramPort::operations_marked = operations_with(&send_marked);

}  // namespace skerry::kernel_io::uring
