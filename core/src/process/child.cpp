#include "reaping.hpp"

#include <skerry/process/child.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/spawn.hpp>

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>

namespace skerry::process {

namespace {

Task<> wait_for_orphan(detail::Running orphan) {
    auto ended = co_await orphan.pidfd().async_io(io::Interest::readable, &detail::take_status);
    (void)ended;  // waited for, or nobody's any more
}

/// Nobody is left who asks for the end of `running`: its core waits for it.
void leave_to_core(detail::Running&& running) noexcept {
    if (task::current_scheduler == nullptr || task::current_scheduler->is_stopping()) return;
    try {
        spawn(wait_for_orphan(std::move(running))).detach();
    } catch (const std::exception&) {
        // No memory: the next Child sees to it.
    }
}

}  // namespace

namespace detail {

// A child that has been waited for answers that it is nobody's.
Running::~Running() {
    if (!pidfd_.valid()) return;
    OwnedFd pidfd = std::move(pidfd_).into_inner();
    if (take_status(pidfd.get()) == Errc::would_block) keep_orphan(std::move(pidfd));
    reap_orphans();
}

Result<> Running::send_signal(int number) noexcept {
    if (::syscall(SYS_pidfd_send_signal, pidfd_.fd(), number, nullptr, 0) == 0 || errno == ESRCH) return {};
    return Error::from_os(errno);
}

}  // namespace detail

Child::Child(int pid, io::AsyncFd pidfd, bool kill_on_drop) noexcept
    : running_(pid, std::move(pidfd)), kill_on_drop_(kill_on_drop) {}

Child::~Child() {
    if (status_ || !running_.pidfd().valid()) return;  // waited for, or moved from
    if (kill_on_drop_) (void)running_.send_signal(SIGKILL);
    auto ended = try_wait();
    if (ended && !*ended) leave_to_core(std::move(running_));
}

Task<Result<ExitStatus>> Child::wait() {
    stdin_.reset();
    if (status_) co_return *status_;
    auto ended = co_await running_.pidfd().async_io(io::Interest::readable, &detail::take_status);
    co_return note(ended);
}

// Several tasks may have waited, and the kernel tells one of them; the others find that it was told.
Result<ExitStatus> Child::note(const Result<ExitStatus>& ended) noexcept {
    if (status_) return *status_;
    if (ended) status_ = *ended;
    return ended;
}

Result<std::optional<ExitStatus>> Child::try_wait() noexcept {
    if (status_) return status_;
    const auto ended = detail::take_status(running_.pidfd().fd());
    if (!ended && ended.error() == Errc::would_block) return std::optional<ExitStatus>();
    if (!ended) return ended.error();
    status_ = *ended;
    return status_;
}

Result<> Child::send_signal(int number) noexcept {
    if (status_) return {};
    return running_.send_signal(number);
}

Task<Result<>> Child::kill() {
    if (auto sent = start_kill(); !sent) co_return sent.error();
    auto ended = co_await wait();
    if (!ended) co_return ended.error();
    co_return Result<>();
}

std::optional<int> Child::id() const noexcept {
    if (status_) return std::nullopt;
    return running_.pid();
}

namespace {

template <class Pipe>
Task<Result<>> read_all(Pipe& pipe, std::string& into) {
    if (!pipe) co_return Result<>();
    auto read = co_await pipe->read_to_end(into);
    pipe.reset();
    co_return read;
}

Task<Result<Output>> collect(Child child) {
    auto out = child.take_stdout();
    auto err = child.take_stderr();
    Output output{ExitStatus::exited(0), {}, {}};
    (void)child.take_stdin();
    auto read = co_await join(read_all(out, output.out), read_all(err, output.err));
    auto status = co_await child.wait();
    if (!status) co_return status.error();
    if (auto& first = std::get<0>(read); !first) co_return first.error();
    if (auto& second = std::get<1>(read); !second) co_return second.error();
    output.status = *status;
    co_return output;
}

}  // namespace

Task<Result<Output>> Child::wait_with_output() && { return collect(std::move(*this)); }

}  // namespace skerry::process
