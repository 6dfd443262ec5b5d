#include "driver.hpp"

#include <cerrno>
#include <poll.h>

namespace skerry::kernel_io::uring {

Result<> Lane::add(backend::WatchedFd& fd) noexcept {
    auto added = lane_.add(fd);
    has_fds_ |= added.has_value();
    if (added && !is_watched_) watch();
    return added;
}

// Asked again after each answer: the instance stays readable until all in it has been handed out.
void Lane::watch() noexcept {
    is_watched_ =
        ring_.request(*this, 0, [this](io_uring_sqe* entry) { ::io_uring_prep_poll_add(entry, poller_.fd(), POLLIN); });
}

void Lane::on_completion(unsigned, int result, std::uint32_t) noexcept {
    is_watched_ = false;
    if (result == -ECANCELED) return;  // the core's end
    hand_out();
}

void Lane::hand_out() noexcept {
    do (void)poller_.dispatch();
    while (poller_.has_harvested());
    watch();
}

}  // namespace skerry::kernel_io::uring
