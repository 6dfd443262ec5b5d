#include <skerry/trace/capture.hpp>

#include <skerry/time/instant.hpp>
#include <skerry/trace/notice.hpp>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <new>
#include <system_error>
#include <utility>

namespace skerry::trace {

namespace {

// A ring of 4 MiB holds what comes in this time at 6 Gbit/s. Nobody wakes the thread: that would be a system call.
constexpr auto interval = std::chrono::milliseconds{5};
constexpr int reader_patience_ms = 1000;

/// What has to be added to a time::Instant.
std::int64_t epoch_of_instants() noexcept {
    timespec calendar{};
    const std::int64_t now = time::Instant::now().as_nanos();
    ::clock_gettime(CLOCK_REALTIME, &calendar);
    return std::int64_t{calendar.tv_sec} * 1'000'000'000 + calendar.tv_nsec - now;
}

}  // namespace

Result<std::unique_ptr<Capture>> Capture::open(const CaptureOptions& options) {
    // Not blocking, for pipes: their reader must not keep the end of a program waiting for ever.
    OwnedFd fd(::open(options.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666));
    if (!fd) return Error::from_os(errno);
    std::unique_ptr<Capture> capture(new Capture(options, std::move(fd)));
    // A signal to the process is for the program's threads.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        capture->thread_ = std::thread(&Capture::run, capture.get());
    } catch (const std::system_error&) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!capture->thread_.joinable()) return Error::from_os(EAGAIN);
    return capture;
}

Capture::Capture(const CaptureOptions& options, OwnedFd fd)
    : options_(options), fd_(std::move(fd)), epoch_ns_(epoch_of_instants()) {}

CaptureTap& Capture::add_tap(std::string name) {
    const std::lock_guard guard(mutex_);
    const auto number = static_cast<std::uint32_t>(interfaces_.size());
    Interface& added = interfaces_.emplace_back();
    added.tap =
        std::make_unique<CaptureTap>(number, std::move(name), options_.ring_bytes, options_.snap_bytes, epoch_ns_);
    return *added.tap;
}

std::size_t Capture::taps() const {
    const std::lock_guard guard(mutex_);
    return interfaces_.size();
}

std::uint64_t Capture::missing() const {
    const std::lock_guard guard(mutex_);
    std::uint64_t count = 0;
    for (const Interface& each : interfaces_) count += each.missing();
    return count;
}

void Capture::close() noexcept {
    if (!thread_.joinable()) return;
    patience_ms_.store(reader_patience_ms, std::memory_order_relaxed);
    {
        const std::lock_guard guard(mutex_);
        is_closing_ = true;
    }
    closing_changed_.notify_one();
    thread_.join();
    fd_ = {};
}

// --- the thread

void Capture::run() noexcept try {
    ::pthread_setname_np(::pthread_self(), "skerry-capture");
    while (wait_for_turn()) write_out();
    stop_taps();
    write_out();
    write_statistics();
} catch (const std::bad_alloc&) {
    stop_taps();
    notice("capture: out of memory; nothing more is recorded");
}

// False when it is time to close.
bool Capture::wait_for_turn() {
    std::unique_lock lock(mutex_);
    return !closing_changed_.wait_for(lock, interval, [this] { return is_closing_; });
}

std::vector<Capture::Interface*> Capture::interfaces() {
    const std::lock_guard guard(mutex_);
    std::vector<Interface*> all;
    all.reserve(interfaces_.size());
    for (Interface& each : interfaces_) all.push_back(&each);
    return all;
}

void Capture::stop_taps() noexcept {
    const std::lock_guard guard(mutex_);
    for (const Interface& each : interfaces_) each.tap->stop();
}

void Capture::write_out() {
    const std::vector<Interface*> all = interfaces();
    if (all.empty()) return;
    if (written_ == 0 && !is_stopped_) {
        (void)!::ftruncate(fd_.get(), 0);  // pipes and devices have no length
        (void)write(pcapng::section());
    }
    for (Interface* const each : all) write_out(*each);
}

void Capture::write_out(Interface& interface) {
    CaptureTap& tap = *interface.tap;
    if (!interface.is_described && written_ != 0)
        interface.is_described = write(pcapng::interface(tap.name(), options_.snap_bytes));
    const CaptureTap::Pending pending = tap.pending();
    const std::uint64_t end = is_stopped_ ? pending.begin : write_frames(tap, pending);
    discard(interface, end, pending.end);
    tap.consume(pending.end);
}

// Returns the end of what is in the file.
std::uint64_t Capture::write_frames(const CaptureTap& tap, const CaptureTap::Pending& pending) {
    const std::uint64_t room = options_.bytes_max > written_ ? options_.bytes_max - written_ : 0;
    const std::uint64_t end = options_.bytes_max == 0 ? pending.end : tap.whole_blocks(pending, room);
    const auto [first, second] = tap.bytes({pending.begin, end});
    std::size_t count = write_bytes(first);
    if (count == first.size()) count += write_bytes(second);
    if (count != first.size() + second.size()) {
        const std::uint64_t whole = tap.whole_blocks(pending, count);
        fail(whole - pending.begin);
        return whole;
    }
    written_ += count;
    if (end != pending.end) stop("has its " + std::to_string(options_.bytes_max) + " bytes");
    return end;
}

void Capture::discard(Interface& interface, std::uint64_t from, std::uint64_t end) noexcept {
    for (; from != end; from += interface.tap->block_bytes(from))
        interface.discarded.fetch_add(1, std::memory_order_relaxed);
}

// Beyond the limit of the file: what is missing has to be told.
void Capture::write_statistics() {
    const std::int64_t now = time::Instant::now().as_nanos() + epoch_ns_;
    std::uint64_t passed = 0;
    std::uint64_t missing = 0;
    for (const Interface* const each : interfaces()) {
        const std::uint64_t lost = each->missing();
        if (each->is_described) (void)write(pcapng::statistics(each->tap->number(), now, each->tap->passed(), lost));
        passed += each->tap->passed();
        missing += lost;
    }
    if (missing != 0)
        notice("capture: " + options_.file + " lacks " + std::to_string(missing) + " of " + std::to_string(passed) +
               " frames");
}

bool Capture::write(std::span<const std::byte> block) {
    if (is_broken_) return false;
    if (write_bytes(block) != block.size()) {
        fail(0);
        return false;
    }
    written_ += block.size();
    return true;
}

// The system has taken less than it was given: of that, `whole` bytes are whole blocks. A part of one would spoil the
// file, and in a pipe it does.
void Capture::fail(std::uint64_t whole) {
    const int why = errno;
    written_ += whole;
    is_broken_ = ::ftruncate(fd_.get(), static_cast<off_t>(written_)) != 0;
    if (!is_stopped_) stop("cannot be written: " + std::system_category().message(why));
}

// Returns how many the system took; errno says why not all of them.
std::size_t Capture::write_bytes(std::span<const std::byte> bytes) noexcept {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t count = ::write(fd_.get(), bytes.data() + done, bytes.size() - done);
        if (count == 0) errno = EIO;  // what takes nothing would be asked for ever
        if (count > 0)
            done += static_cast<std::size_t>(count);
        else if (errno != EINTR && !(errno == EAGAIN && wait_for_reader()))
            break;
    }
    return done;
}

// In short sleeps: the time to close may come meanwhile.
bool Capture::wait_for_reader() noexcept {
    constexpr int step_ms = 50;
    pollfd pipe{fd_.get(), POLLOUT, 0};
    if (::poll(&pipe, 1, step_ms) > 0) return true;
    const int left = patience_ms_.load(std::memory_order_relaxed);
    if (left < 0) return true;
    patience_ms_.store(std::max(left - step_ms, 0), std::memory_order_relaxed);
    errno = EAGAIN;
    return left != 0;
}

void Capture::stop(const std::string& why) {
    is_stopped_ = true;
    stop_taps();
    notice("capture: " + options_.file + " " + why + "; nothing more is recorded");
}

}  // namespace skerry::trace
