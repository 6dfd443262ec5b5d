#include "poller.hpp"

#include "../system_call.hpp"

#include <skerry/base/cache_line.hpp>
#include <skerry/base/compiler.hpp>
#include <skerry/time/spin.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace skerry::kernel_io::epoll {

namespace {

/// Hears of what concerns nobody: the doorbell, and what has gone away.
class Nobody final : public Watched {
public:
    void on_events(std::uint32_t) noexcept override {}
};

// Never destroyed: a thread may still poll while the process exits.
union Everlasting {
    Nobody nobody{};
    ~Everlasting() {}
};

constinit Everlasting everlasting;

Watched* nobody() noexcept { return &everlasting.nobody; }

}  // namespace

std::string refusal(const Error& error) {
    const bool too_few = error == Errc::no_descriptors;
    return "cannot make an epoll instance: " + error.message() + (too_few ? "; raise the limit with ulimit -n" : "");
}

Result<Poller> Poller::make() noexcept {
    OwnedFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) return last_error();
    OwnedFd doorbell(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!doorbell) return last_error();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;  // edge-triggered, so it is never read: each ring is an edge of its own
    event.data.ptr = nobody();
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, doorbell.get(), &event) != 0) return last_error();
    return Poller(std::move(epoll), std::move(doorbell));
}

Poller::~Poller() { release_retired(); }

Result<> Poller::add(int fd, Watched& watched, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watched;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return last_error();
    ++watched_count_;
    return {};
}

Result<> Poller::modify(int fd, Watched& watched, std::uint32_t events) noexcept {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &watched;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) return last_error();
    return {};
}

void Poller::detach(int fd) noexcept { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Poller::retire(Watched* watched) noexcept {
    for (long i = 0; i < left_; ++i)
        if (next_[i].data.ptr == watched) next_[i].data.ptr = nobody();
    --watched_count_;
    watched->next_retired_ = std::exchange(retired_, watched);
}

// Fills next_ and left_; false when there is nothing to hand out.
bool Poller::look() noexcept {
    if (left_ == 0) {
        if (watched_count_ == 0 && retired_ == nullptr && !is_watched_outside_) return false;
        harvest(call_epoll_wait(epoll_.get(), events_.data(), events_per_poll, 0));
    }
    if (left_ > 0) {
        if (looks_left_ != 0) note_right_guess();
        seen_at_ = time::Instant::now();  // the kernel was asked after the turn's time had been taken
        return true;
    }
    left_ = 0;  // after EINTR the loop looks around and asks again
    release_retired();
    return false;
}

void Poller::note_right_guess() noexcept {
    if (looks_left_ == more_expected) return;  // it did not linger yet
    looks_left_ = 0;
    lingering_.right();
}

// Others may wake the core meanwhile, so it is not for long.
SKERRY_NOINLINE bool Poller::wait_for_look() noexcept {
    if (looks_left_ == more_expected) {
        looks_left_ = lingering_.tries() ? looks_before_sleep : 0;
        if (looks_left_ == 0) return false;
    } else if (--looks_left_ == 0) {
        lingering_.wrong();
        return false;
    }
    (void)time::spin_until(look_interval, [] { return false; });
    return true;
}

// Of a thousand connections one has left the caches when its turn comes again.
SKERRY_NOINLINE void Poller::fetch_ahead() const noexcept {
    static_cast<const Watched*>(next_[expected_ahead].data.ptr)->expect();
    if (left_ <= watched_ahead) return;
    const auto* const later = static_cast<const std::byte*>(next_[watched_ahead].data.ptr);
    prefetch_write(later);
    prefetch_write(later + cache_line_bytes);
}

// After the first of a turn; gives how many there were with it.
int Poller::hand_out_more(int most) noexcept {
    int count = 1;
    for (; left_ != 0 && count < most; ++count) hand_out();
    if (left_ == 0) release_retired();
    return count;
}

long Poller::wait_until(time::Instant wake_at) noexcept {
    const auto left = std::max(wake_at - time::Instant::now(), std::chrono::nanoseconds{0});
    timespec timeout{};
    timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    timeout.tv_nsec = (left % std::chrono::seconds{1}).count();
    if (has_pwait2_) {
        const int count = ::epoll_pwait2(epoll_.get(), events_.data(), events_per_poll, &timeout, nullptr);
        if (count >= 0 || errno == EINTR) [[likely]]
            return count != 0 ? count : -1;
        // Linux has it since 5.11, and filters of containers refuse what they do not know with any error they like.
        has_pwait2_ = false;
    }
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();  // never early
    const long count = call_epoll_wait(epoll_.get(), events_.data(), events_per_poll,
                                       static_cast<int>(std::min<std::int64_t>(ms, 60'000)));
    return count != 0 ? count : -1;
}

void Poller::ring() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(doorbell_.get(), &one, sizeof one);
}

void Poller::release_retired() noexcept {
    while (retired_ != nullptr) {
        const Watched* const gone = std::exchange(retired_, retired_->next_retired_);
        delete gone;
    }
}

}  // namespace skerry::kernel_io::epoll
