#pragma once

// A child process: its pipes, its end, and how to bring that about.
//
// The kernel tells the end by a pidfd, which the slow lane watches: no handler for SIGCHLD, no thread, and a signal can
// never reach another process that got the number meanwhile. A child that nobody waits for is waited for by its core
// once it has been dropped, so that no zombie stays; what is left when the runtime ends is waited for by the next Child
// that is made or dropped.

#include "exit_status.hpp"

#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../io/async_fd.hpp"
#include "../net/pipe.hpp"
#include "../task/task.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace skerry::process {

using ChildStdin = net::pipe::Sender;
using ChildStdout = net::pipe::Receiver;
using ChildStderr = net::pipe::Receiver;

/// What a child has written, and how it ended.
struct Output {
    ExitStatus status;
    std::string out;  ///< of its standard output, if that was piped
    std::string err;  ///< of its standard error, if that was piped
};

namespace detail {

/// A process that was started and not waited for yet.
class Running {
public:
    Running(int pid, io::AsyncFd pidfd) noexcept : pidfd_(std::move(pidfd)), pid_(pid) {}
    Running(Running&&) noexcept = default;
    Running& operator=(Running&&) = delete;
    ~Running();

    [[nodiscard]] int pid() const noexcept { return pid_; }
    [[nodiscard]] io::AsyncFd& pidfd() noexcept { return pidfd_; }
    Result<> send_signal(int number) noexcept;

private:
    io::AsyncFd pidfd_;
    int pid_;
};

}  // namespace detail

/// A process that Command has started. Dropping it lets the process run on, unless Command::kill_on_drop says else.
///
/// Lifetime: outlives every await on it.
/// Threads:  its own core; asserted in debug builds.
class Child {
public:
    Child(Child&&) noexcept = default;
    Child& operator=(Child&&) = delete;
    ~Child();

    /// Waits for the end. The child's standard input is closed first, if it is still here: a child that reads to its
    /// end would wait for us. Several tasks may wait, also while others ask or kill.
    ///
    /// Errors: not_found, when somebody else in this program has waited for it, or SIGCHLD is ignored;
    ///         runtime_shutdown.
    /// Cancel: safe: it may be waited for again.
    [[nodiscard]] Task<Result<ExitStatus>> wait();

    /// Reads everything that the child writes into its pipes, both at once, and waits for its end.
    ///
    /// Errors: as wait; those of the pipes.
    /// Cancel: partial: what was read is lost, and the child is dropped.
    [[nodiscard]] Task<Result<Output>> wait_with_output() &&;

    /// How it ended; nothing, while it runs.
    ///
    /// Errors: as wait.
    Result<std::optional<ExitStatus>> try_wait() noexcept;

    /// Sends SIGKILL. A child that has ended already is no error.
    ///
    /// Errors: permission_denied, when it has become somebody else's.
    Result<> start_kill() noexcept { return send_signal(9); }
    /// Sends any signal. A child that has ended already is no error.
    ///
    /// Errors: invalid_argument; permission_denied.
    Result<> send_signal(int number) noexcept;

    /// Sends SIGKILL and waits for the end.
    ///
    /// Errors: as start_kill and wait.
    /// Cancel: safe: the signal was sent.
    [[nodiscard]] Task<Result<>> kill();

    /// Nothing, once its end was waited for: the number may be another's then.
    [[nodiscard]] std::optional<int> id() const noexcept;

    /// The pipes, for what Stdio::piped() was said of; each can be taken once.
    [[nodiscard]] std::optional<ChildStdin> take_stdin() noexcept { return std::exchange(stdin_, std::nullopt); }
    [[nodiscard]] std::optional<ChildStdout> take_stdout() noexcept { return std::exchange(stdout_, std::nullopt); }
    [[nodiscard]] std::optional<ChildStderr> take_stderr() noexcept { return std::exchange(stderr_, std::nullopt); }

private:
    friend class Command;
    Child(int pid, io::AsyncFd pidfd, bool kill_on_drop) noexcept;

    Result<ExitStatus> note(const Result<ExitStatus>& ended) noexcept;

    detail::Running running_;  // until the end, because several tasks may wait on its descriptor
    std::optional<ExitStatus> status_;  // something: it was waited for
    std::optional<ChildStdin> stdin_;
    std::optional<ChildStdout> stdout_;
    std::optional<ChildStderr> stderr_;
    bool kill_on_drop_;
};

}  // namespace skerry::process
