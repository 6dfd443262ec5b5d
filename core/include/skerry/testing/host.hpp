#pragma once

#include "clock_skew.hpp"
#include "to_task.hpp"

#include "../base/socket_addr.hpp"
#include "../task/join_handle.hpp"
#include "../task/spawn.hpp"
#include "../task/task.hpp"
#include "../time/instant.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace skerry::stack {
class Stack;
}

namespace skerry::testing {

class Simulation;

/// One host of a Simulation: a core, a stack and an address of its own.
///
/// Lifetime: the simulation's.
/// Threads:  the simulation's.
class Host {
public:
    struct State;

    Host(Simulation& simulation, std::unique_ptr<State> state) noexcept;
    ~Host();
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    [[nodiscard]] const std::string& name() const noexcept;
    /// 198.18.0.1 for the first host, and so on.
    [[nodiscard]] net::IpAddr address() const noexcept;
    [[nodiscard]] net::SocketAddr at(std::uint16_t port) const noexcept { return {address(), port}; }
    /// ::1 for the first host, and so on, in the /64 of SimulationOptions::stack's address6. Without that ::, and there
    /// is no IPv6.
    [[nodiscard]] net::IpAddr address6() const noexcept;
    [[nodiscard]] net::SocketAddr at6(std::uint16_t port) const noexcept { return {address6(), port}; }

    /// Starts a Task, an awaitable operation or a callable that returns one here. It runs when the simulation does.
    /// Asserted: the host is up.
    template <class A>
    auto spawn(A&& what, std::source_location where = std::source_location::current()) {
        return start(detail::to_task(std::forward<A>(what)), where);
    }

    /// spawn(), and runs the simulation until it is over; gives its value. Errors: as Simulation::finish().
    template <class A>
    auto run(A&& what, std::source_location where = std::source_location::current());

    /// Switches the host off: its tasks end where they wait, its connections and everything else it knew is gone, and
    /// not one frame says so. Peers learn it by their timers, or by a reset after restart(). Asserted: it is up, and
    /// the caller is no task of it.
    void crash();
    /// Switches it on again with a fresh stack at the same address, and starts its program. Asserted: it is down.
    void restart();
    [[nodiscard]] bool is_up() const noexcept;

    /// Sets its clock, which a crash does not touch. One that is set back stands still until the time has come up.
    /// While a fault of its clock lasts that counts, and this when it is over.
    void set_clock(const ClockSkew& skew) noexcept;
    /// What its clock shows.
    [[nodiscard]] time::Instant now() const noexcept;

    // --- looking; asserted: it is up

    /// Tasks that are not over.
    [[nodiscard]] std::uint64_t live_tasks() const noexcept;
    /// The stack with its counters and tables; include skerry/stack/stack.hpp.
    [[nodiscard]] stack::Stack& stack() const noexcept;
    /// Frames that are neither free nor under way: queued in the stack, or in a program's hands.
    [[nodiscard]] std::uint64_t frames_out() const noexcept;

private:
    friend Simulation;

    template <class T>
    JoinHandle<T> start(Task<T> task, std::source_location where) {
        task::TaskHeader& header = task::make_root(std::move(task), where);
        start_root(header);
        return JoinHandle<T>(header);
    }
    void start_root(task::TaskHeader& header);

    Simulation* simulation_;
    std::unique_ptr<State> state_;
};

}  // namespace skerry::testing
