#include <skerry/net/splice.hpp>

#include <skerry/base/held_signal.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace skerry::net {

namespace {

constexpr int pipe_bytes = 1 << 20;  // of small segments each takes a page of it
constexpr std::size_t call_bytes = 256 * 1024;  // so that one call keeps the core for some 50 us, not longer

/// A splice that does not wait: as the call, and for an error less than 0, the errno's negative.
ssize_t splice_now(int from, int to, std::size_t bytes) noexcept {
    for (;;) {
        const ssize_t answer = ::splice(from, nullptr, to, nullptr, bytes, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (answer >= 0) return answer;
        if (errno != EINTR) return -errno;
    }
}

// Waits for room as a write of some bytes would. The one byte of its request says that there is something to write.
class SpliceOut : public detail::WriteAwaiterBase {
public:
    SpliceOut(backend::StreamSocket& to, int outlet, std::size_t count) noexcept
        : WriteAwaiterBase(to, backend::WriteKind::some, something), outlet_(outlet), left_(count) {}

    [[nodiscard]] bool await_ready() noexcept { return may_try() && try_now(); }
    /// 0: the room was gone again.
    [[nodiscard]] Result<std::size_t> await_resume() noexcept {
        if (error.code() == Errc::ok && bytes == 0) (void)try_now();
        if (error.code() != Errc::ok) return error;
        return bytes;
    }

private:
    static constexpr std::array<std::byte, 1> something{};

    [[nodiscard]] bool try_now() noexcept {
        if (is_refused()) {
            error = Errc::broken_pipe;
            return true;
        }
        if (!socket().may_write) return false;
        const int descriptor = socket().ops->descriptor(socket());
        if (descriptor < 0) {
            error = Errc::runtime_shutdown;
            return true;
        }
        skerry::detail::HeldSignal held(SIGPIPE);
        const ssize_t answer = splice_now(outlet_, descriptor, left_);
        if (answer == -EAGAIN) {
            socket().may_write = false;
            return false;
        }
        if (answer == -EPIPE) held.take();
        if (answer < 0)
            error = Error::from_os(static_cast<int>(-answer));
        else
            bytes = static_cast<std::size_t>(answer);
        return true;
    }

    int outlet_;
    std::size_t left_;
};

}  // namespace

bool Splice::make_pipe() noexcept {
    is_made_ = true;
    if (from_.ops->descriptor(from_) < 0 || to_.ops->descriptor(to_) < 0) return false;
    std::array<int, 2> ends;
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    outlet_ = OwnedFd(ends[0]);
    intake_ = OwnedFd(ends[1]);
    (void)::fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes);  // a user's pipes may have used up what they get: then 64 KiB
    return true;
}

Task<Result<std::uint64_t>> Splice::move() {
    std::uint64_t moved = 0;
    while (from_.may_read && !from_.read_shut) {
        SKERRY_ASSERT(from_.reader == nullptr, "two reads at once on one stream");
        const int descriptor = from_.ops->descriptor(from_);
        if (descriptor < 0) co_return Errc::runtime_shutdown;
        const ssize_t taken = splice_now(descriptor, intake_.get(), call_bytes);
        if (taken == 0) break;
        if (taken == -EAGAIN) {
            from_.may_read = false;
            break;
        }
        if (taken < 0) co_return Error::from_os(static_cast<int>(-taken));
        for (auto left = static_cast<std::size_t>(taken); left != 0;) {
            auto sent = co_await SpliceOut(to_, outlet_.get(), left);
            if (!sent) co_return sent.error();
            left -= *sent;
            moved += *sent;
        }
    }
    co_return moved;
}

}  // namespace skerry::net
