#include "stream.hpp"

#include "../io_vectors.hpp"
#include "../socket_tables.hpp"
#include "../system_call.hpp"

#include <skerry/backend/orphaned.hpp>
#include <skerry/base/cache_line.hpp>
#include <skerry/base/compiler.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace skerry::kernel_io::epoll {

using backend::ReadKind;
using backend::ReadRequest;
using backend::Step;
using backend::StreamSocket;
using backend::WriteRequest;

Stream::Stream(CoreSockets& core, OwnedFd fd) noexcept : Socket(core, std::move(fd)) {
    ops = &operations;
    home = core.home();
}

// --- reading

// One recv, into the request's span or a buffer of the pool, which has one.
SKERRY_ALWAYS_INLINE long Stream::receive(ReadRequest& request) noexcept {
    if (request.kind != ReadKind::buffer)
        return call_recv(fd(), request.into.data(), request.into.size(), request.kind == ReadKind::peek ? MSG_PEEK : 0);
    request.buffer = core().buffers().take_free();
    const std::span<std::byte> into = fresh_bytes(request.buffer);
    return call_recv(fd(), into.data(), into.size(), 0);
}

// What a recv took.
SKERRY_ALWAYS_INLINE void Stream::take(ReadRequest& request, std::size_t bytes) noexcept {
    request.bytes = bytes;
    std::size_t asked = request.into.size();
    if (request.kind == ReadKind::buffer) {
        asked = request.buffer.size();
        request.buffer.trim_back(asked - bytes);
    }
    if (bytes < asked && request.kind != ReadKind::peek)
        may_read = reads_to_the_end_;
    else if (bytes >= bulk_bytes && request.kind != ReadKind::peek && std::exchange(has_written_, false))
        core().poller().expect_more();
}

Step Stream::nothing_received(ReadRequest& request, long answer) noexcept {
    request.buffer.reset();  // who waits holds no buffer
    if (answer == -EAGAIN) {
        may_read = false;
        return Step::pending;
    }
    if (answer == 0)
        end_of_stream = true;
    else
        request.error = error_of(answer);
    return Step::done;
}

Step Stream::read_now(ReadRequest& request) noexcept {
    if (request.kind == ReadKind::buffer && !core().buffers().make_free()) [[unlikely]] {
        core().count_no_buffers();
        request.error = Errc::no_buffers;
        return Step::done;
    }
    const long answer = receive(request);
    if (answer <= 0) return nothing_received(request, answer);
    take(request, static_cast<std::size_t>(answer));
    return Step::done;
}

Step Stream::read(StreamSocket& socket, ReadRequest& request) noexcept {
    return static_cast<Stream&>(socket).read_now(request);
}

Step Stream::read_vectored_now(ReadRequest& request, backend::IoSlicesMut slices) noexcept {
    IoVectors vectors(slices);
    msghdr message = vectors.message();
    const long answer = call_recvmsg(fd(), &message, 0);
    if (answer <= 0) return nothing_received(request, answer);
    request.bytes = static_cast<std::size_t>(answer);
    if (request.bytes < vectors.bytes()) may_read = reads_to_the_end_;
    return Step::done;
}

Step Stream::read_vectored(StreamSocket& socket, ReadRequest& request, backend::IoSlicesMut slices) noexcept {
    return static_cast<Stream&>(socket).read_vectored_now(request, slices);
}

// --- writing

Step Stream::write(StreamSocket& socket, WriteRequest& request) noexcept {
    return static_cast<Stream&>(socket).write_now(request);
}

Step Stream::write_vectored(StreamSocket& socket, WriteRequest& request, backend::IoSlices slices) noexcept {
    return static_cast<Stream&>(socket).write_vectored_now(request, slices);
}

bool Stream::has_room(StreamSocket& socket) noexcept { return static_cast<Stream&>(socket).look_for_room(); }

// --- events

void Stream::expect() const noexcept {
    if (reader == nullptr) return;
    prefetch_write(reader);
    prefetch_write(reinterpret_cast<const std::byte*>(reader) + cache_line_bytes);
}

// Data came, and there is room as always: the way of nearly every message. What is otherwise is left to functions that
// need not return here; and a system call takes every register that need not be saved, so that what is needed behind it
// is looked up again.
void Stream::on_events(std::uint32_t events) noexcept {
    if (events != (EPOLLIN | EPOLLOUT) || connecting != nullptr || writer != nullptr) [[unlikely]]
        return on_any_events(events);
    may_write = true;
    may_read = true;
    if (reader != nullptr) serve_reader();
}

SKERRY_ALWAYS_INLINE void Stream::serve_reader() noexcept {
    if (reader->kind == ReadKind::buffer && (reader->buffer || !core().buffers().has_free())) [[unlikely]]
        return on_any_events(EPOLLIN);
    const long answer = receive(*reader);
    if (answer <= 0) [[unlikely]]
        return end_reader(answer);
    take(*reader, static_cast<std::size_t>(answer));
    complete(*this, *reader);
}

SKERRY_NOINLINE void Stream::end_reader(long answer) noexcept {
    if (nothing_received(*reader, answer) == Step::done) complete(*this, *reader);
}

SKERRY_NOINLINE void Stream::on_any_events(std::uint32_t events) noexcept {
    if (connecting != nullptr) [[unlikely]] {
        if (!finish_connect()) return;
    }
    // Also with the event of a connect: data, and the end behind it, may have come before anybody looked.
    if ((events & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        may_read = true;
        reads_to_the_end_ |= (events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        if (reader != nullptr && read_now(*reader) == Step::done) complete(*this, *reader);
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) serve_writer();
}

// --- the rest of the table

Result<> Stream::shutdown(StreamSocket& socket, backend::ShutdownHow how) noexcept {
    auto& stream = static_cast<Stream&>(socket);
    if (auto shut = shut_down(stream.fd(), how); !shut) return shut;
    if (how != backend::ShutdownHow::write) stream.may_read = true;
    return {};
}

void Stream::close(StreamSocket* socket) noexcept {
    auto* const stream = static_cast<Stream*>(socket);
    // The kernel resets by itself when its own buffer holds unread data; what a cancelled read gave back
    // is unread data too, which it cannot know of.
    if (stream->given_back != nullptr) reset_on_close(stream->fd());
    delete std::exchange(stream->given_back, nullptr);
    stream->retire();
}

// Nothing is taken from the kernel before somebody reads.
int Stream::descriptor(StreamSocket& socket) noexcept { return static_cast<Stream&>(socket).fd(); }

// --- connecting

bool Stream::finish_connect() noexcept {
    backend::ConnectRequest& request = *std::exchange(connecting, nullptr);
    const int error = pending_error(fd());
    if (error != 0) {
        request.error = Error::from_os(error);
        request.socket = nullptr;
        retire();
    }
    request.give_claim();
    task::current_scheduler->wake(request);
    return error == 0;
}

// --- after the core

void Stream::orphan() noexcept {
    close_fd();
    forget_core();
    backend::orphan_stream(*this);
}

const backend::StreamOps Stream::operations{&read,
                                            &read_vectored,
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
                                            &StreamTable<Stream>::take_error,
                                            &descriptor};

}  // namespace skerry::kernel_io::epoll
