#include <skerry/net/splice.hpp>

#include <skerry/base/held_signal.hpp>
#include <skerry/base/owned_fd.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

namespace skerry::net {

namespace {

constexpr int pipe_bytes = 256 * 1024;  // of small segments each takes a page of it
constexpr int least_pipe_bytes = 64 * 1024;  // a user whose pipes have used up their share gets smaller ones
constexpr std::size_t call_bytes = 256 * 1024;

/// What a unit of a task's budget pays for: about what a read or a write of a full buffer comes to.
constexpr std::size_t unit_bytes = 32 * 1024;

// Making one anew for each wake-up would take up what splicing saves; kept by every stream that is at rest they would
// use up the share of pipe pages that a user has, 16,384 unless root changed it: these take a quarter.
constexpr int kept_max = 64;
std::atomic<int> kept_count{0};

/// Whether the call is not let, or not known, rather than the connection broken.
bool is_refusal(ssize_t answer) noexcept {
    return answer == -EINVAL || answer == -ENOSYS || answer == -EPERM || answer == -EOPNOTSUPP;
}

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

    [[nodiscard]] bool await_ready() noexcept {
        bool may = true;
        for (std::size_t paid = unit_bytes; paid < left_; paid += unit_bytes) may &= !task::current_scheduler->spend();
        return may && may_try() && try_now();
    }
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
        // Also behind what was taken: the kernel sends the pages of a pipe in several rounds.
        if (answer < 0 || static_cast<std::size_t>(answer) < left_) held.take();
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

Splice::Splice(TcpStream& from, TcpStream& to) noexcept
    : from_(detail::socket_of(from)),
      to_(detail::socket_of(to)),
      is_possible_(from_.ops->descriptor(from_) >= 0 && to_.ops->descriptor(to_) >= 0) {}

Splice::~Splice() {
    if (kept_.intake) kept_count.fetch_sub(1, std::memory_order_relaxed);
}

Splice::Pipe Splice::make_pipe() noexcept {
    std::array<int, 2> ends;
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
    Pipe pipe{OwnedFd(ends[0]), OwnedFd(ends[1])};
    const int asked = ::fcntl(ends[1], F_SETPIPE_SZ, pipe_bytes);
    const int got = asked >= 0 ? asked : ::fcntl(ends[1], F_GETPIPE_SZ);
    return got >= least_pipe_bytes ? std::move(pipe) : Pipe{};
}

Splice::Pipe Splice::take_pipe() noexcept {
    if (!kept_.intake) return make_pipe();
    kept_count.fetch_sub(1, std::memory_order_relaxed);
    return std::move(kept_);
}

void Splice::keep(Pipe pipe) noexcept {
    if (kept_count.fetch_add(1, std::memory_order_relaxed) < kept_max)
        kept_ = std::move(pipe);
    else
        kept_count.fetch_sub(1, std::memory_order_relaxed);
}

Task<Result<std::uint64_t>> Splice::move() {
    Pipe pipe = take_pipe();
    is_possible_ = static_cast<bool>(pipe.intake);
    std::uint64_t moved = 0;
    while (is_possible_ && from_.may_read && !from_.read_shut) {
        SKERRY_ASSERT(from_.reader == nullptr, "two reads at once on one stream");
        const int descriptor = from_.ops->descriptor(from_);
        if (descriptor < 0) co_return Errc::runtime_shutdown;
        const ssize_t taken = splice_now(descriptor, pipe.intake.get(), call_bytes);
        // Nothing is not always nothing: the kernel stops in front of an urgent byte. So may_read stays as it is, and
        // the read that follows finds out.
        if (taken == 0 || taken == -EAGAIN) break;
        if (is_refusal(taken)) {
            is_possible_ = false;
            break;
        }
        if (taken < 0) co_return Error::from_os(static_cast<int>(-taken));
        for (auto left = static_cast<std::size_t>(taken); left != 0;) {
            auto sent = co_await SpliceOut(to_, pipe.outlet.get(), left);
            if (!sent) co_return sent.error();
            left -= *sent;
            moved += *sent;
        }
    }
    if (is_possible_) keep(std::move(pipe));
    co_return moved;
}

}  // namespace skerry::net
