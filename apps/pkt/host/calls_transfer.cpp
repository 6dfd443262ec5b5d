// Reading and writing.

#include "calls.hpp"

#include <sys/socket.h>

#include <numeric>
#include <string>
#include <utility>

namespace skerry::pkt {

namespace {

constexpr std::size_t slices_most = 1024;  // IOV_MAX
constexpr int receive_flags = MSG_PEEK | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_TRUNC | MSG_WAITALL;
constexpr int send_flags = MSG_DONTWAIT | MSG_NOSIGNAL;

Attempt flags_unsupported(int flags) { return unsupported("message flags " + std::to_string(flags)); }

/// recv() with MSG_WAITALL: what came already, and what is still wanted.
struct Gathering {
    std::shared_ptr<Description> target;
    ReceiveAsk ask;
    std::vector<std::byte> data;
    std::size_t count = 0;

    Attempt operator()() {
        for (;;) {
            ReceiveAsk rest = ask;
            rest.bytes = ask.bytes - count;
            Attempt outcome = target->receive(rest);
            if (!std::holds_alternative<Returned>(outcome)) return outcome;
            const Returned& part = std::get<Returned>(outcome);
            if (part.value < 0 && count != 0) return unsupported("MSG_WAITALL that an error cuts short");
            if (part.value < 0) return outcome;
            data.insert(data.end(), part.output.data.begin(), part.output.data.end());
            count += static_cast<std::size_t>(part.value);
            if (part.value == 0 || count == ask.bytes) return all();
        }
    }

    [[nodiscard]] Attempt all() const {
        Returned result = success(static_cast<std::int64_t>(count));
        result.output.data = data;
        return result;
    }
};

/// A send() and how far it is.
struct Sending {
    std::shared_ptr<Description> target;
    std::vector<std::byte> data;
    std::optional<net::SocketAddr> to;
    bool may_wait = false;
    std::size_t done = 0;
    bool has_waited = false;

    Attempt operator()() {
        for (;;) {
            const SendAsk ask{std::span<const std::byte>(data).subspan(done), to, done != 0};
            Attempt outcome = target->send(ask, has_waited);
            has_waited = has_waited || would_block(outcome);
            if (would_block(outcome) && done != 0 && !may_wait) return so_far();
            const auto* const part = std::get_if<Returned>(&outcome);
            if (part == nullptr || part->value < 0) return outcome;
            done += static_cast<std::size_t>(part->value);
            if (!target->is_stream() || part->value == 0 || done == data.size()) return so_far();
        }
    }

    [[nodiscard]] Attempt so_far() const { return success(static_cast<std::int64_t>(done)); }
};

}  // namespace

// --- reading

Call Calls::receive(int fd, std::size_t bytes, int flags) {
    const std::shared_ptr<Description> target = descriptors_.find(fd);
    if (target == nullptr) return finish(failure(EBADF));
    if ((flags & ~receive_flags) != 0) return finish(flags_unsupported(flags));
    const ReceiveAsk ask{bytes, (flags & MSG_PEEK) != 0, (flags & MSG_TRUNC) != 0};
    const bool may_wait = !target->is_nonblocking && (flags & MSG_DONTWAIT) == 0;
    const bool gathers = (flags & MSG_WAITALL) != 0 && target->is_stream() && may_wait;
    if (gathers && ask.peek) return finish(unsupported("MSG_WAITALL with MSG_PEEK"));
    if (gathers) return begin({target}, Gathering{target, ask, {}, 0}, true, WouldBlock{});
    return begin({target}, [target, ask] { return target->receive(ask); }, may_wait, failure(EAGAIN));
}

Call Calls::read(int fd, std::size_t bytes) { return receive(fd, bytes, 0); }

Call Calls::readv(int fd, const std::vector<std::size_t>& lengths) {
    if (descriptors_.find(fd) != nullptr && lengths.size() > slices_most) return finish(failure(EINVAL));
    return receive(fd, std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}), 0);
}

// --- writing

Call Calls::send(int fd, std::vector<std::byte> data, int flags, std::optional<net::SocketAddr> to) {
    const std::shared_ptr<Description> target = descriptors_.find(fd);
    if (target == nullptr) return finish(failure(EBADF));
    if ((flags & ~send_flags) != 0) return finish(flags_unsupported(flags));
    const bool may_wait = !target->is_nonblocking && (flags & MSG_DONTWAIT) == 0;
    return begin({target}, Sending{target, std::move(data), to, may_wait, 0, false}, may_wait, failure(EAGAIN));
}

Call Calls::write(int fd, std::vector<std::byte> data) { return send(fd, std::move(data), 0); }

// The stack joins the slices of a write before any of them leaves, so they may be joined here.
Call Calls::writev(int fd, const std::vector<std::vector<std::byte>>& slices) {
    if (descriptors_.find(fd) != nullptr && slices.size() > slices_most) return finish(failure(EINVAL));
    std::vector<std::byte> all;
    for (const std::vector<std::byte>& slice : slices) all.insert(all.end(), slice.begin(), slice.end());
    return send(fd, std::move(all), 0);
}

}  // namespace skerry::pkt
