#pragma once

// Hot path. How a TCP connection of the kernel writes: one send or sendmsg, made at once, for every driver here.

#include "io_vectors.hpp"
#include "system_call.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/compiler.hpp>

#include <poll.h>

#include <cstddef>
#include <span>

namespace skerry::kernel_io {

/// A base of `Stream`, the one behind its socket, in whose last bytes it has room. That has fd() and is a
/// backend::StreamSocket. may_write is false when the kernel took less than it was offered, or is to be offered it
/// later: then the driver is to say when there is room.
template <class Stream>
class StreamWriting {
protected:
    SKERRY_ALWAYS_INLINE backend::Step write_now(backend::WriteRequest& request) noexcept {
        auto& self = static_cast<Stream&>(*this);
        has_written_ = true;
        const std::span<const std::byte> left = request.from.subspan(request.bytes);
        const long answer = call_send(self.fd(), left.data(), left.size(), MSG_NOSIGNAL);
        if (answer < 0) [[unlikely]]
            return nothing_sent(request, answer);
        request.bytes += static_cast<std::size_t>(answer);
        if (request.bytes == request.from.size()) [[likely]]
            return backend::Step::done;
        self.may_write = false;
        return request.kind == backend::WriteKind::some ? backend::Step::done : backend::Step::pending;
    }

    backend::Step write_vectored_now(backend::WriteRequest& request, backend::IoSlices slices) noexcept {
        IoVectors vectors(slices);
        const msghdr message = vectors.message();
        auto& self = static_cast<Stream&>(*this);
        has_written_ = true;
        const long answer = call_sendmsg(self.fd(), &message, MSG_NOSIGNAL);
        if (answer < 0) [[unlikely]]
            return nothing_sent(request, answer);
        request.bytes = static_cast<std::size_t>(answer);
        if (request.bytes < vectors.bytes()) self.may_write = false;
        return backend::Step::done;
    }

    /// The look has the kernel say when there is room again, if there is none now.
    bool look_for_room() noexcept {
        auto& self = static_cast<Stream&>(*this);
        pollfd look{self.fd(), POLLOUT, 0};
        self.may_write = ::poll(&look, 1, 0) != 0;
        return self.may_write;
    }

    /// There is room. A write of "some" only learns of it: it writes when its task runs, so that a cancelled one has
    /// written nothing.
    void serve_writer() noexcept {
        auto& self = static_cast<Stream&>(*this);
        self.may_write = true;
        backend::WriteRequest* const writer = self.writer;
        if (writer == nullptr) return;
        if (writer->kind == backend::WriteKind::some || write_now(*writer) == backend::Step::done)
            complete(self, *writer);
    }

    bool has_written_ = false;  // since the driver last forgot it: who reads and never writes is served differently

private:
    SKERRY_NOINLINE backend::Step nothing_sent(backend::WriteRequest& request, long answer) noexcept {
        if (answer == -EAGAIN) {
            static_cast<Stream&>(*this).may_write = false;
            return backend::Step::pending;
        }
        request.error = error_of(answer);
        return backend::Step::done;
    }
};

}  // namespace skerry::kernel_io
