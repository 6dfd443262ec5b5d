#include "ring.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <poll.h>

namespace skerry::kernel_io::uring {

namespace {

constexpr std::uint64_t purpose_mask = 7;
constexpr std::uint64_t doorbell_tag = 0;

}  // namespace

Result<Ring> Ring::make() noexcept {
    io_uring_params parameters{};
    // Completions' work waits until this thread enters the kernel instead of interrupting it.
    parameters.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
                       IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    parameters.cq_entries = completions_max;
    io_uring ring;
    if (const int answer = ::io_uring_queue_init_params(entries_max, &ring, &parameters); answer != 0)
        return Error::from_os(-answer);
    Fd doorbell(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!doorbell) {
        const Error error = last_error();
        ::io_uring_queue_exit(&ring);
        return error;
    }
    Ring made(ring, std::move(doorbell));
    made.watch_doorbell();
    return made;
}

Ring::~Ring() {
    if (is_made_) ::io_uring_queue_exit(&ring_);
}

io_uring_sqe* Ring::next_entry() noexcept {
    io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
    if (entry == nullptr) [[unlikely]] {
        submit();
        entry = ::io_uring_get_sqe(&ring_);
    }
    return entry;
}

// Each ring of the doorbell is an edge of its own, so it is never read.
void Ring::watch_doorbell() noexcept {
    is_doorbell_watched_ = request_tagged(
        doorbell_tag, [this](io_uring_sqe* entry) { ::io_uring_prep_poll_multishot(entry, doorbell_.get(), POLLIN); });
}

void Ring::submit() noexcept {
    while (::io_uring_submit(&ring_) == -EINTR) {
    }
}

void Ring::enter() noexcept {
    while (::io_uring_submit_and_get_events(&ring_) == -EINTR) {
    }
}

int Ring::dispatch(unsigned limit) noexcept {
    unsigned count = 0;
    for (; count < limit && has_completions(); ++count) {
        const io_uring_cqe completion = ring_.cq.cqes[*ring_.cq.khead & ring_.cq.ring_mask];
        ::io_uring_cq_advance(&ring_, 1);
        if (completion.user_data == doorbell_tag) {
            if ((completion.flags & IORING_CQE_F_MORE) == 0) is_doorbell_watched_ = false;
            continue;
        }
        auto* const requester = reinterpret_cast<Requester*>(completion.user_data & ~purpose_mask);
        requester->on_completion(static_cast<unsigned>(completion.user_data & purpose_mask), completion.res,
                                 completion.flags);
    }
    return static_cast<int>(count);
}

void Ring::park(time::Instant wake_at) noexcept {
    if (!is_doorbell_watched_) watch_doorbell();
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

void Ring::end(Requester& requester, unsigned purpose) noexcept {
    if (has_entries()) submit();
    io_uring_sync_cancel_reg one{};
    one.addr = tag(requester, purpose);
    one.fd = -1;
    one.timeout.tv_sec = one.timeout.tv_nsec = -1;
    (void)::io_uring_register_sync_cancel(&ring_, &one);
}

bool Ring::has_results(const Requester& requester, unsigned purpose) const noexcept {
    const std::uint64_t tagged = tag(requester, purpose);
    const unsigned first = *ring_.cq.khead;
    const unsigned count = ::io_uring_cq_ready(&ring_);
    for (unsigned i = 0; i < count; ++i) {
        const io_uring_cqe& completion = ring_.cq.cqes[(first + i) & ring_.cq.ring_mask];
        if (completion.user_data == tagged && completion.res > 0) return true;
    }
    return false;
}

void Ring::cancel_everything() noexcept {
    io_uring_sync_cancel_reg all{};
    all.fd = -1;
    all.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
    all.timeout.tv_sec = all.timeout.tv_nsec = -1;
    (void)::io_uring_register_sync_cancel(&ring_, &all);
}

}  // namespace skerry::kernel_io::uring
