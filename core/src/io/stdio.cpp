#include "fd_calls.hpp"
#include "runtime/call_on_pool.hpp"
#include "runtime/turn.hpp"

#include <skerry/backend/slow_lane.hpp>
#include <skerry/base/assert.hpp>
#include <skerry/io/stdio.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace skerry::io {

namespace detail {

namespace {

using SharedFd = std::shared_ptr<const OwnedFd>;

Result<OwnedFd> copy_of(int number) noexcept {
    OwnedFd copy(::fcntl(number, F_DUPFD_CLOEXEC, 3));
    if (!copy) return last_error();
    return copy;
}

/// A second open file of the same terminal or pipe; nothing where that cannot be.
OwnedFd opened_again(int number, bool for_writing) noexcept {
    const std::string path = "/proc/self/fd/" + std::to_string(number);
    return OwnedFd(::open(path.c_str(), (for_writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

// Not the open file's flag, which others share.
Result<IoBuf> receive_segment(int fd) noexcept {
    constexpr std::size_t segment_bytes = 16 * 1024;
    IoBuf segment = IoBuf::allocate(segment_bytes);
    if (!segment) return Errc::no_buffers;
    const auto count =
        counted(uninterrupted([&] { return ::recv(fd, segment.writable().data(), segment.size(), MSG_DONTWAIT); }));
    if (!count) return count.error();
    segment.set_size(*count);
    return segment;
}

Result<std::size_t> send_now(int fd, std::span<const std::byte> data) noexcept {
    return counted(uninterrupted([&] { return ::send(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL); }));
}

/// What `call()` gives when it need not wait any more: the pool's threads may wait, and an open file that another
/// program has made non-blocking does not do it for them.
template <class F>
auto patiently(int fd, short events, F call) noexcept {
    for (;;) {
        auto outcome = call();
        if (outcome || outcome.error() != Errc::would_block) return outcome;
        pollfd side{fd, events, 0};
        if (uninterrupted([&] { return ::poll(&side, 1, -1); }) < 0) return decltype(outcome)(last_error());
    }
}

Result<IoBuf> read_blocking(SharedFd fd) noexcept {
    return patiently(fd->get(), POLLIN, [&] { return read_segment(fd->get()); });
}

Result<std::size_t> write_blocking(SharedFd fd, IoBuf data) noexcept {
    skerry::detail::HeldSignal held(SIGXFSZ);
    auto written = patiently(fd->get(), POLLOUT, [&] { return write_some(fd->get(), data.bytes()); });
    if (!written && written.error().os_error() == EFBIG) held.take();
    return written;
}

}  // namespace

Result<StandardFd> StandardFd::open(int number, bool for_writing) {
    struct stat about{};
    if (::fstat(number, &about) != 0) return last_error();
    if (backend::current_slow_lane != nullptr && S_ISSOCK(about.st_mode)) {
        auto copy = copy_of(number);
        if (!copy) return copy.error();
        auto watched = AsyncFd::watch(std::move(*copy));
        if (!watched) return watched.error();
        watched->assume_ready();
        return StandardFd{Kind::socket, std::move(*watched), nullptr};
    }
    if (backend::current_slow_lane != nullptr && (S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode))) {
        if (OwnedFd again = opened_again(number, for_writing)) {
            auto watched = AsyncFd::watch(std::move(again));
            if (watched) {
                watched->assume_ready();
                return StandardFd{Kind::watched, std::move(*watched), nullptr};
            }
        }
    }
    auto copy = copy_of(number);
    if (!copy) return copy.error();
    return StandardFd{Kind::pooled, std::nullopt, std::make_shared<const OwnedFd>(std::move(*copy))};
}

}  // namespace detail

using detail::StandardFd;

Result<Stdin> Stdin::open() {
    auto fd = StandardFd::open(0, false);
    if (!fd) return fd.error();
    return Stdin(std::move(*fd));
}

Task<Result<IoBuf>> Stdin::read_buf() {
    SKERRY_ASSERT(!is_reading_, "two reads at once on standard input");
    const runtime::Turn turn(is_reading_);
    if (!kept_.empty()) co_return std::move(kept_);
    if (fd_.kind != StandardFd::Kind::pooled) {
        const auto call = fd_.kind == StandardFd::Kind::socket ? &detail::receive_segment : &detail::read_segment;
        auto segment = co_await fd_.watched->async_io(Interest::readable, call);
        co_return segment;
    }
    if (!under_way_) under_way_.emplace(spawn_blocking(&detail::read_blocking, fd_.pooled));
    auto outcome = co_await *under_way_;
    under_way_.reset();
    if (!outcome) co_return runtime::pool_failure(outcome.error());
    co_return std::move(*outcome);
}

Task<Result<std::size_t>> Stdin::read(std::span<std::byte> out) {
    if (out.empty()) co_return std::size_t{0};
    auto segment = co_await read_buf();
    if (!segment) co_return segment.error();
    const std::size_t count = std::min(out.size(), segment->size());
    if (count == 0) co_return count;
    std::memcpy(out.data(), segment->data(), count);
    segment->trim_front(count);
    kept_ = std::move(*segment);
    co_return count;
}

Result<Stdout> Stdout::open() {
    auto fd = StandardFd::open(1, true);
    if (!fd) return fd.error();
    return Stdout(std::move(*fd));
}

Result<Stdout> Stdout::open_error() {
    auto fd = StandardFd::open(2, true);
    if (!fd) return fd.error();
    return Stdout(std::move(*fd));
}

Task<Result<std::size_t>> Stdout::write(std::span<const std::byte> data) {
    SKERRY_ASSERT(!is_writing_, "two writes at once on one standard output");
    const runtime::Turn turn(is_writing_);
    if (fd_.kind != StandardFd::Kind::pooled) {
        const auto call = fd_.kind == StandardFd::Kind::socket ? &detail::send_now : &detail::write_some;
        auto written = co_await fd_.watched->async_io(Interest::writable, call, data);
        co_return written;
    }
    // One that was given up: a thread may be in the middle of its bytes. How it ends was its caller's to know.
    if (under_way_) (void)co_await *under_way_;
    under_way_.reset();
    constexpr std::size_t copied_bytes_max = std::size_t{1} << 20U;
    IoBuf copy = IoBuf::copy_of(data.first(std::min(data.size(), copied_bytes_max)));
    if (!copy) co_return Errc::no_buffers;
    under_way_.emplace(spawn_blocking(&detail::write_blocking, fd_.pooled, std::move(copy)));
    auto outcome = co_await *under_way_;
    under_way_.reset();
    if (!outcome) co_return runtime::pool_failure(outcome.error());
    co_return std::move(*outcome);
}

Task<Result<>> Stdout::write_all(std::span<const std::byte> data) {
    while (!data.empty()) {
        auto count = co_await write(data);
        if (!count) co_return count.error();
        data = data.subspan(*count);
    }
    co_return Result<>();
}

Task<Result<>> Stdout::write_buf(IoBuf data) {
    auto written = co_await write_all(data.bytes());
    co_return written;
}

}  // namespace skerry::io
