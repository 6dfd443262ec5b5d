#include "stream.hpp"

#include "../socket_tables.hpp"
#include "../system_call.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/backend/read_each.hpp>
#include <skerry/base/assert.hpp>
#include <skerry/base/compiler.hpp>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <span>
#include <utility>

namespace skerry::kernel_io::uring {

using backend::ReadKind;
using backend::ReadRequest;
using backend::Step;
using backend::StreamSocket;
using backend::WriteRequest;

bool Unread::push_back(IoBuf& buffer) noexcept try {
    if (empty()) {
        first_ = std::move(buffer);
        return true;
    }
    if (behind_ == nullptr) behind_ = std::make_unique<std::deque<IoBuf>>();
    behind_->push_back(std::move(buffer));
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

void Unread::pop_front() noexcept {
    first_.reset();
    if (behind_ == nullptr || behind_->empty()) return;
    first_ = std::move(behind_->front());
    behind_->pop_front();
}

Stream::Stream(CoreSockets& core, OwnedFd fd) noexcept : Socket(core, std::move(fd)) {
    ops = &operations;
    home = core.home();
    may_read = true;
}

// --- reading

void Stream::receive() noexcept {
    if (is_requested(receiving) || has_ended_) return;
    const std::size_t most = std::exchange(has_written_, false) ? 0 : ReceiveBuffers::payload_bytes;
    request(receiving, [this, most](io_uring_sqe* entry) {
        if (core().buffers().come_in_bulk())
            ::io_uring_prep_recv(entry, fd(), nullptr, most, 0);
        else
            ::io_uring_prep_recv_multishot(entry, fd(), nullptr, 0, 0);
        entry->flags |= IOSQE_BUFFER_SELECT;
        entry->buf_group = ReceiveBuffers::group;
    });
}

std::size_t Stream::unread_limit() const noexcept {
    return core().buffers().are_scarce() ? unread_max_scarce : unread_max;
}

// From the front of what is unread, which there is.
void Stream::take(ReadRequest& request) noexcept {
    IoBuf& buffer = unread_.front();
    if (request.kind == ReadKind::buffer) {
        request.bytes = buffer.size();
        request.buffer = std::move(buffer);
        return unread_.pop_front();
    }
    request.bytes = std::min(request.into.size(), buffer.size());
    if (request.bytes != 0) std::memcpy(request.into.data(), buffer.data(), request.bytes);
    if (request.kind == ReadKind::peek) return;
    buffer.trim_front(request.bytes);
    if (buffer.empty()) unread_.pop_front();
}

Step Stream::read_now(ReadRequest& request) noexcept {
    if (!unread_.empty()) {
        take(request);
        if (unread_.empty()) receive();
        return Step::done;
    }
    if (failure_.code() != Errc::ok) {
        request.error = std::exchange(failure_, Error{});
        return Step::done;
    }
    if (has_ended_) {
        end_of_stream = true;
        return Step::done;
    }
    if (core().buffers().are_exhausted() && !is_requested(receiving)) [[unlikely]]
        return read_without_buffer(request);
    receive();
    may_read = false;
    return Step::pending;
}

// As long as no receive is under way, which might have more in its answers than has been handed out.
SKERRY_NOINLINE Step Stream::read_without_buffer(ReadRequest& request) noexcept {
    const bool needs_buffer = request.kind == ReadKind::buffer;
    std::array<std::byte, 1> first;
    const std::span<std::byte> into = needs_buffer ? std::span<std::byte>(first) : request.into;
    const long answer = call_recv(fd(), into.data(), into.size(), request.kind == ReadKind::copy ? 0 : MSG_PEEK);
    if (answer == -EAGAIN) {
        watch_data();
        may_read = false;
        return Step::pending;
    }
    if (answer == 0)
        end_of_stream = has_ended_ = true;
    else if (answer < 0)
        request.error = error_of(answer);
    else if (needs_buffer)
        request.error = Errc::no_buffers;
    else
        request.bytes = static_cast<std::size_t>(answer);
    return Step::done;
}

Step Stream::read(StreamSocket& socket, ReadRequest& request) noexcept {
    return static_cast<Stream&>(socket).read_now(request);
}

// --- what the kernel answers

void Stream::expect(unsigned purpose) const noexcept {
    const void* const request = purpose == receiving ? static_cast<const void*>(reader) : writer;
    if (request == nullptr) return;
    prefetch_write(request);
    prefetch_write(static_cast<const std::byte*>(request) + cache_line_bytes);
}

// Nearly all answers are of a receive that stays, for a reader who waits: there is nothing to ask for again, and a
// stream with a reader has not been let go.
void Stream::on_completion(unsigned purpose, int result, std::uint32_t flags) noexcept {
    const bool is_usual = purpose == receiving && result > 0 && (flags & IORING_CQE_F_MORE) != 0 && reader != nullptr;
    if (!is_usual) [[unlikely]]
        return Socket::on_completion(purpose, result, flags);
    hand_to_reader(core().buffers().arrived(flags, static_cast<std::size_t>(result)));
}

void Stream::on_answer(unsigned purpose, int result, std::uint32_t flags) noexcept {
    if (purpose == receiving) return on_received(result, flags);
    if (purpose == failed_at_once) return on_not_all_sent(result);
    if (is_let_go()) return;
    if (purpose == data) return receive();
    on_room();
}

void Stream::on_received(int result, std::uint32_t flags) noexcept {
    if (result > 0) [[likely]] {
        IoBuf& buffer = core().buffers().arrived(flags, static_cast<std::size_t>(result));
        if (reader != nullptr) [[likely]] {
            hand_to_reader(buffer);
            return receive_more();
        }
        if (is_let_go()) [[unlikely]]
            return buffer.reset();
        keep(std::move(buffer));
    } else if (result == 0) {
        has_ended_ = true;
    } else {
        on_not_received(-result);
    }
    if (is_let_go()) [[unlikely]]
        return;
    if (result != -ENOBUFS) receive_more();
    if (has_ended_ || failure_.code() != Errc::ok) [[unlikely]] {
        may_read = true;
        if (reader != nullptr && read_now(*reader) == Step::done) complete(*this, *reader);
    }
}

SKERRY_ALWAYS_INLINE void Stream::hand_to_reader(IoBuf& buffer) noexcept {
    SKERRY_DEBUG_ASSERT(unread_.empty(), "a reader waits although something is there");
    SKERRY_DEBUG_ASSERT(!is_let_go(), "a reader waits for a stream that is closed");
    ReadRequest& request = *reader;
    if (request.kind == ReadKind::buffer) {
        request.bytes = buffer.size();
        request.buffer = std::move(buffer);
    } else if (request.kind == ReadKind::copy && buffer.size() <= request.into.size()) [[likely]] {
        request.bytes = buffer.size();
        std::memcpy(request.into.data(), buffer.data(), request.bytes);
        buffer.reset();
    } else {
        (void)unread_.push_back(buffer);  // the first needs no memory
        take(request);
        may_read = !unread_.empty();
    }
    complete(*this, request);
}

SKERRY_NOINLINE void Stream::keep(IoBuf buffer) noexcept {
    if (core().buffers().are_scarce()) {
        if (IoBuf copy = IoBuf::copy_of(buffer.bytes())) buffer = std::move(copy);
    }
    may_read = true;
    if (!unread_.push_back(buffer)) {  // a gap in the stream must not pass for data
        failure_ = Errc::no_buffers;
        has_ended_ = true;
    }
    if (unread_.count() >= unread_limit()) cancel(receiving);
}

SKERRY_NOINLINE void Stream::on_not_received(int error) noexcept {
    if (is_let_go()) return;
    switch (error) {
        case ENOBUFS: return on_no_buffers();
        case ECANCELED:  // by keep(), or the thread that had asked is gone
        case EINTR:
        case EAGAIN: return;
        default: failure_ = Error::from_os(error);
    }
}

// Many messages in one turn may use up what the kernel was given although there are more.
void Stream::on_no_buffers() noexcept {
    if (!core().buffers().are_exhausted()) return core().wait_for_buffer(*this);
    core().count_no_buffers();
    may_read = true;
    if (reader != nullptr && read_without_buffer(*reader) == Step::done) complete(*this, *reader);
}

void Stream::try_again() noexcept {
    if ((!may_write && !will_send()) || connecting_ != nullptr) watch_room();
    if (unread_.count() >= unread_limit()) cancel(receiving);
    receive_more();
}

void Stream::watch_data() noexcept {
    if (is_requested(data)) return;
    request(data, [this](io_uring_sqe* entry) { ::io_uring_prep_poll_add(entry, fd(), POLLIN); });
}

// --- writing

void Stream::watch_room() noexcept {
    if (is_requested(room)) return;
    request(room, [this](io_uring_sqe* entry) { ::io_uring_prep_poll_add(entry, fd(), POLLOUT); });
}

// Of a writer that was cancelled nothing is sent, and one of "some", which came after it, sends itself when there is
// room. So does one of more than goes at once.
bool Stream::send_gathered() noexcept {
    const bool waits_for_all = writer != nullptr && writer->kind != backend::WriteKind::some;
    const std::span<const std::byte> left =
        waits_for_all ? writer->from.subspan(writer->bytes) : std::span<const std::byte>();
    if (!waits_for_all || left.size() > at_once_max) [[unlikely]] {
        if (look_for_room()) serve_writer();
        if (!may_write) watch_room();
        return false;
    }
    return request_at_once([this, left](io_uring_sqe* entry) { prepare_send_at_once(entry, fd(), left); });
}

void Stream::on_not_all_sent(int result) noexcept {
    SKERRY_ASSERT(will_send(), "the kernel answers a send that passed for whole");
    forget_send();
    const bool has_failed = result < 0 && result != -EAGAIN && result != -EINTR && result != -ECANCELED;
    if (has_failed) writer->error = error_of(result);
    if (result > 0) writer->bytes += static_cast<std::size_t>(result);
    may_write = has_failed || writer->bytes == writer->from.size();
    if (may_write)
        complete(*this, *writer);
    else
        watch_room();
}

void Stream::on_room() noexcept {
    if (connecting_ != nullptr) return end_connect();
    if (will_send()) return;  // its send is on its way, and looks for room itself where there is none
    serve_writer();
    if (!may_write) watch_room();
}

// A write of "some" that is cancelled has written nothing, so it writes itself.
Step Stream::write(StreamSocket& socket, WriteRequest& request) noexcept {
    auto& stream = static_cast<Stream&>(socket);
    if (request.kind != backend::WriteKind::some && stream.core().gathers_sends()) return write_with_others(socket);
    const Step step = stream.write_now(request);
    return socket.may_write ? step : watch_room_of(socket, step);
}

SKERRY_NOINLINE Step Stream::write_with_others(StreamSocket& socket) noexcept {
    auto& stream = static_cast<Stream&>(socket);
    stream.has_written_ = true;
    stream.may_write = false;
    stream.core().send_later(stream);
    return Step::pending;
}

SKERRY_NOINLINE Step Stream::watch_room_of(StreamSocket& socket, Step step) noexcept {
    static_cast<Stream&>(socket).watch_room();
    return step;
}

Step Stream::write_vectored(StreamSocket& socket, WriteRequest& request, backend::IoSlices slices) noexcept {
    auto& stream = static_cast<Stream&>(socket);
    const Step step = stream.write_vectored_now(request, slices);
    return socket.may_write ? step : watch_room_of(socket, step);
}

bool Stream::has_room(StreamSocket& socket) noexcept {
    auto& stream = static_cast<Stream&>(socket);
    const bool is_there = stream.look_for_room();
    if (!is_there) stream.watch_room();
    return is_there;
}

// --- the rest of the table

// What was to be sent with others goes in front of the FIN.
Result<> Stream::shutdown(StreamSocket& socket, backend::ShutdownHow how) noexcept {
    auto& stream = static_cast<Stream&>(socket);
    WriteRequest* const writer = stream.writer;
    const bool is_noted = stream.will_send() && writer != nullptr && writer->kind != backend::WriteKind::some;
    if (is_noted && how != backend::ShutdownHow::read && stream.write_now(*writer) == Step::done)
        complete(stream, *writer);
    return shut_down(stream.fd(), how);
}

// Of the two who may know, the receive has been told first.
Error Stream::take_error(StreamSocket& socket) noexcept {
    auto& stream = static_cast<Stream&>(socket);
    if (stream.failure_.code() == Errc::no_buffers) return {};
    if (stream.failure_.code() != Errc::ok) return std::exchange(stream.failure_, Error{});
    return StreamTable<Stream>::take_error(socket);
}

void Stream::close(StreamSocket* socket) noexcept {
    auto* const stream = static_cast<Stream*>(socket);
    // The kernel resets by itself when its own buffer holds unread data; what came out of it is unread data too.
    const bool is_unread = stream->given_back != nullptr || !stream->unread_.empty();
    delete std::exchange(stream->given_back, nullptr);
    stream->unread_.clear();
    stream->let_go(is_unread);
}

// --- connecting

void Stream::wait_for_connection(backend::ConnectRequest& request) noexcept {
    connecting_ = &request;
    watch_room();
}

void Stream::end_connect() noexcept {
    backend::ConnectRequest& request = *std::exchange(connecting_, nullptr);
    if (const int error = pending_error(fd()); error != 0) {
        request.error = Error::from_os(error);
        request.socket = nullptr;
        let_go();
    }
    request.give_claim();
    task::current_scheduler->wake(request);
}

// --- after the core

void Stream::orphan() noexcept {
    if (!unread_.empty()) reset_on_close(fd());
    close_fd();
    forget_core();
    unread_.clear();
    backend::orphan_stream(*this);
}

const backend::StreamOps Stream::operations{&read,
                                            &backend::read_each<&read>,
                                            &write,
                                            &write_vectored,
                                            &write,
                                            &has_room,
                                            &shutdown,
                                            &close,
                                            &StreamTable<Stream>::set_option,
                                            &StreamTable<Stream>::get_option,
                                            &StreamTable<Stream>::local_address,
                                            &StreamTable<Stream>::info,
                                            &take_error,
                                            &backend::no_descriptor};

}  // namespace skerry::kernel_io::uring
