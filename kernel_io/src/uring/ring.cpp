#include "ring.hpp"

#include "../system_call.hpp"

#include <skerry/base/cache_line.hpp>
#include <skerry/base/held_signal.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <poll.h>

namespace skerry::kernel_io::uring {

namespace {

constexpr std::uint64_t purpose_mask = 7;

// The ring's own requests have no requester.
constexpr std::uint64_t doorbell_tag = 0;
constexpr std::uint64_t cancel_tag = 1;

// How many completions ahead the first lines of a requester are fetched, and then what it refers to itself (expect()).
constexpr unsigned requester_ahead = 8;
constexpr unsigned expected_ahead = 3;
constexpr std::size_t requester_bytes_fetched = 2 * cache_line_bytes;

constexpr unsigned looks_for_end = 1024;

// Threads of the kernel for what would have to wait: enough to keep a disk's queue full, as of the blocking pool.
constexpr unsigned disk_threads_max = 64;

// Kernels before 6.1 cannot defer; they refuse what they do not know.
int make_queue(io_uring& ring, bool single_thread) noexcept {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    // Completions' work waits until this thread enters the kernel instead of interrupting it.
    parameters.flags |=
        single_thread ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : IORING_SETUP_COOP_TASKRUN;
    parameters.cq_entries = Ring::completions_max;
    const int answer = ::io_uring_queue_init_params(Ring::entries_max, &ring, &parameters);
    return answer == -EINVAL && single_thread ? make_queue(ring, false) : answer;
}

Requester* requester_of(std::uint64_t tagged) noexcept { return reinterpret_cast<Requester*>(tagged & ~purpose_mask); }

unsigned purpose_of(std::uint64_t tagged) noexcept { return static_cast<unsigned>(tagged & purpose_mask); }

}  // namespace

Result<Ring> Ring::make(bool single_thread) noexcept {
    io_uring ring;
    if (const int answer = make_queue(ring, single_thread); answer != 0) return Error::from_os(-answer);
    std::array<unsigned, 2> threads_max{disk_threads_max, 0};  // 0: those for sockets stay as they are
    (void)::io_uring_register_iowq_max_workers(&ring, threads_max.data());
    OwnedFd doorbell(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!doorbell) {
        const Error error = last_error();
        ::io_uring_queue_exit(&ring);
        return error;
    }
    // A process with several threads counts who uses a descriptor, in each call; not that of a registered one.
    const bool is_registered = single_thread && ::io_uring_register_ring_fd(&ring) == 1;
    Ring made(ring, std::move(doorbell), is_registered);
    made.watch_doorbell();
    return made;
}

Ring::~Ring() {
    if (is_made_) ::io_uring_queue_exit(&ring_);
}

SKERRY_NOINLINE io_uring_sqe* Ring::entry_of_full_queue() noexcept {
    submit();
    return ::io_uring_get_sqe(&ring_);
}

// Each ring of the doorbell is an edge of its own, so it is never read.
void Ring::watch_doorbell() noexcept {
    is_doorbell_watched_ = request_tagged(
        doorbell_tag, [this](io_uring_sqe* entry) { ::io_uring_prep_poll_multishot(entry, doorbell_.get(), POLLIN); });
}

void Ring::cancel_unheard(const Requester& requester, unsigned purpose) noexcept {
    const std::uint64_t tagged = tag(requester, purpose);
    (void)request_tagged(cancel_tag, [&](io_uring_sqe* entry) { ::io_uring_prep_cancel64(entry, tagged, 0); });
}

void Ring::submit() noexcept {
    if (is_signal_due_) [[unlikely]]
        return submit_without_signal();
    while (::io_uring_submit(&ring_) == -EINTR) {
    }
}

// liburing lets what is due come with each submission while a flag of the kernel's says that something is; for this
// one it reads a flag that says nothing.
void Ring::hand_in() noexcept {
    unsigned nothing = 0;
    unsigned* const flags = std::exchange(ring_.sq.kflags, &nothing);
    submit();
    ring_.sq.kflags = flags;
}

// Only a write that is made while it is handed in signals this thread; the kernel's own threads take no signals.
SKERRY_NOINLINE void Ring::submit_without_signal() noexcept {
    skerry::detail::HeldSignal held(SIGXFSZ);
    while (::io_uring_submit(&ring_) == -EINTR) {
    }
    held.take();
    is_signal_due_ = has_entries();  // a kernel that is short takes some
}

bool Ring::wait() noexcept {
    if (is_signal_due_) {
        submit_without_signal();
        if (is_signal_due_) return true;  // the kernel is short; what is left goes in with the next call
    }
    int answer = 0;
    do answer = ::io_uring_submit_and_wait(&ring_, 1);
    while (answer == -EINTR);
    return answer >= 0 || answer == -EAGAIN || answer == -EBUSY;
}

void Ring::enter() noexcept {
    if (is_signal_due_) [[unlikely]]
        submit_without_signal();
    while (::io_uring_submit_and_get_events(&ring_) == -EINTR) {
    }
}

// Of a thousand connections one has left the caches when its turn comes again, and each access to it would be waited
// for. Who has answers that have not been handed out lives.
SKERRY_ALWAYS_INLINE void Ring::fetch_ahead(unsigned there) const noexcept {
    if (there <= expected_ahead) return;
    const auto tagged = [&](unsigned ahead) {
        return ring_.cq.cqes[(*ring_.cq.khead + ahead) & ring_.cq.ring_mask].user_data;
    };
    if (const Requester* const next = requester_of(tagged(expected_ahead)); next != nullptr)
        next->expect(purpose_of(tagged(expected_ahead)));
    if (there <= requester_ahead) return;
    const auto* const later = reinterpret_cast<const std::byte*>(requester_of(tagged(requester_ahead)));
    for (std::size_t i = 0; later != nullptr && i < requester_bytes_fetched; i += cache_line_bytes)
        prefetch_write(later + i);
}

int Ring::dispatch_first(unsigned purpose, unsigned first) noexcept {
    int count = 0;
    const unsigned end = io_uring_smp_load_acquire(ring_.cq.ktail);
    const unsigned head = *ring_.cq.khead;
    for (unsigned i = end - first < end - head ? first : head; i != end; ++i) {
        io_uring_cqe& completion = ring_.cq.cqes[i & ring_.cq.ring_mask];
        Requester* const requester = requester_of(completion.user_data);
        if (purpose_of(completion.user_data) != purpose || requester == nullptr) [[likely]]
            continue;
        completion.user_data = cancel_tag;  // nobody's, when its turn comes
        requester->on_completion(purpose, completion.res, completion.flags);
        ++count;
    }
    return count;
}

int Ring::dispatch(unsigned limit) noexcept {
    const unsigned there = completions();
    const unsigned count = std::min(there, limit);
    for (unsigned i = 0; i != count; ++i) {
        fetch_ahead(there - i);
        const io_uring_cqe& completion = ring_.cq.cqes[*ring_.cq.khead & ring_.cq.ring_mask];
        const std::uint64_t tagged = completion.user_data;
        const int result = completion.res;
        const std::uint32_t flags = completion.flags;
        ::io_uring_cq_advance(&ring_, 1);
        if (Requester* const requester = requester_of(tagged); requester != nullptr) [[likely]]
            requester->on_completion(purpose_of(tagged), result, flags);
        else if (tagged == doorbell_tag && (flags & IORING_CQE_F_MORE) == 0)
            is_doorbell_watched_ = false;
    }
    return static_cast<int>(count);
}

// liburing's call looks for entries once more, which is half of what it does.
SKERRY_ALWAYS_INLINE void Ring::wait_only() noexcept {
    (void)system_call(SYS_io_uring_enter, ring_.enter_ring_fd, 0, 1, wait_flags_);
}

void Ring::park(time::Instant wake_at) noexcept {
    // A signal is due only with an entry.
    const bool only_waits = wake_at == time::Instant::max() && is_doorbell_watched_ && !has_entries();
    only_waits ? wait_only() : hand_in_and_wait(wake_at);
}

SKERRY_NOINLINE void Ring::hand_in_and_wait(time::Instant wake_at) noexcept {
    watch_doorbell_again();
    if (is_signal_due_) [[unlikely]] {
        submit_without_signal();
        if (is_signal_due_) return;  // the kernel is short; what is left goes in with the next turn
    }
    if (!is_doorbell_watched_) [[unlikely]]
        return submit();
    if (wake_at == time::Instant::max()) {
        (void)::io_uring_submit_and_wait(&ring_, 1);
        return;
    }
    const auto left = std::max(wake_at - time::Instant::now(), std::chrono::nanoseconds{0});
    __kernel_timespec timeout{};
    timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    timeout.tv_nsec = (left % std::chrono::seconds{1}).count();
    io_uring_cqe* first = nullptr;
    (void)::io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
}

void Ring::ring() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(doorbell_.get(), &one, sizeof one);
}

bool Ring::end(const Requester& requester, unsigned purpose) noexcept {
    const std::uint64_t tagged = tag(requester, purpose);
    const bool asked =
        request_tagged(cancel_tag, [&](io_uring_sqe* entry) { ::io_uring_prep_cancel64(entry, tagged, 0); });
    Answers answers;
    // More than once where what is due is more than one call brings. Where completions find no room, nobody can tell.
    for (unsigned looks = 0; looks < looks_for_end && asked && !answers.is_last && has_room(); ++looks) {
        enter();
        answers = answers_to(tagged);
    }
    return answers.has_result;
}

Ring::Answers Ring::answers_to(std::uint64_t tagged) const noexcept {
    Answers answers;
    const unsigned first = *ring_.cq.khead;
    const unsigned count = ::io_uring_cq_ready(&ring_);
    for (unsigned i = 0; i < count; ++i) {
        const io_uring_cqe& completion = ring_.cq.cqes[(first + i) & ring_.cq.ring_mask];
        if (completion.user_data != tagged) continue;
        answers.has_result |= completion.res > 0;
        answers.is_last |= (completion.flags & IORING_CQE_F_MORE) == 0;
    }
    return answers;
}

void Ring::end_all() noexcept {
    if (has_entries()) submit();
    io_uring_sync_cancel_reg all{};
    all.fd = -1;
    all.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
    all.timeout.tv_sec = all.timeout.tv_nsec = -1;
    (void)::io_uring_register_sync_cancel(&ring_, &all);
    do enter();
    while (dispatch() != 0 || wants_entering());
}

void Ring::leave() noexcept {
    const unsigned flags = std::exchange(wait_flags_, IORING_ENTER_GETEVENTS);
    if ((flags & IORING_ENTER_REGISTERED_RING) != 0) (void)::io_uring_unregister_ring_fd(&ring_);
}

}  // namespace skerry::kernel_io::uring
