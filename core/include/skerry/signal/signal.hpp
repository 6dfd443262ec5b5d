#pragma once

// Unix signals as something a task waits for.

#include "../backend/slow_lane.hpp"
#include "../base/result.hpp"
#include "../task/task.hpp"

#include <csignal>  // the numbers
#include <cstdint>
#include <memory>

namespace skerry::signal {

/// Listens to one kind of signal. Several may listen to the same; each is told.
///
/// The handler is installed by the first listener of a kind and stays for the life of the process, so from
/// then on the signal does not end the program any more. Deliveries that come close together are told once.
///
/// Threads: the core that made it.
class Signal {
public:
    /// Begins to listen to `number` (SIGTERM and its like).
    ///
    /// Errors: invalid_argument, for SIGKILL, SIGSTOP and the signals of faults; no_descriptors; unsupported,
    ///         on a core without a slow lane; full, when 64 listeners exist.
    [[nodiscard]] static Result<Signal> listen(int number);

    Signal(Signal&&) noexcept;
    Signal& operator=(Signal&&) noexcept;
    ~Signal();

    /// Waits for the next delivery since the last recv(), or since listen(). One task at a time; asserted. Tasks that
    /// each want to be told have a Signal each.
    ///
    /// Errors: runtime_shutdown.
    /// Cancel: safe: a delivery that nobody took is told to the next recv().
    [[nodiscard]] Task<Result<>> recv();

private:
    struct State;
    explicit Signal(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

/// Waits for SIGINT, which ^C sends. Each call listens anew: what comes between two of them is told to nobody, and ends
/// the program no more. A loop keeps one Signal::listen(SIGINT).
///
/// Errors: those of Signal::listen.
/// Cancel: safe, and the same: what comes before the next call is lost.
[[nodiscard]] Task<Result<>> ctrl_c();

/// Waits for SIGTERM, which asks a service to end. Each call listens anew, as ctrl_c() does.
///
/// Errors: those of Signal::listen.
/// Cancel: as ctrl_c().
[[nodiscard]] Task<Result<>> terminate();

}  // namespace skerry::signal
