#include "socket.hpp"

#include "core_sockets.hpp"

#include <utility>

namespace skerry::kernel_io::uring {

namespace {

constexpr unsigned purpose_of_cancel = 7;  // its own answer says nothing that the request's does not

constexpr std::uint8_t bit(unsigned purpose) noexcept { return static_cast<std::uint8_t>(1U << purpose); }

}  // namespace

Ring& Socket::ring() const noexcept { return core_->ring(); }

bool Socket::may_request() const noexcept { return !core_->is_ending(); }

void Socket::try_later() noexcept { core_->try_later(*this); }

void Socket::cancel(unsigned purpose) noexcept {
    if (!is_requested(purpose) || is_ending(purpose)) return;
    if (!ring().cancel(*this, purpose, purpose_of_cancel)) [[unlikely]]
        return try_later();
    ending_ |= bit(purpose);
    ++cancels_;
    ring().submit();  // until the kernel hears of it, it goes on
}

void Socket::on_completion(unsigned purpose, int result, std::uint32_t flags) noexcept {
    if (purpose == purpose_of_cancel) {
        --cancels_;
    } else {
        if ((flags & IORING_CQE_F_MORE) == 0) {
            requested_ &= static_cast<std::uint8_t>(~bit(purpose));
            ending_ &= static_cast<std::uint8_t>(~bit(purpose));
        }
        is_answering_ = true;
        on_answer(purpose, result, flags);
        is_answering_ = false;
    }
    if (is_let_go_) [[unlikely]]
        end_if_over();
}

void Socket::try_now() noexcept {
    will_try_ = false;
    if (is_let_go_) return end_if_over();
    try_again();
}

bool Socket::end_now(unsigned purpose) noexcept { return is_requested(purpose) && ring().end(*this, purpose); }

// Who is under way holds the descriptor open, so it ends first.
void Socket::let_go(bool resets) noexcept {
    is_let_go_ = true;
    resets |= end_now(0);
    for (unsigned purpose = 1; (requested_ >> purpose) != 0; ++purpose) (void)end_now(purpose);
    if (resets) reset_on_close(fd());
    close_fd();
    core_->descriptor_closed();
    end_if_over();
}

void Socket::end_if_over() noexcept {
    if (requested_ != 0 || cancels_ != 0 || is_answering_ || will_try_ || will_send_) return;
    if (is_linked()) unlink();
    delete this;
}

}  // namespace skerry::kernel_io::uring
