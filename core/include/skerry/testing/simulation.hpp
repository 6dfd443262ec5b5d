#pragma once

// Several hosts on one wire, in one thread, on one virtual clock: a network service is tested with its clients, under
// loss and delay, with crashes and partitions, and each run can be had again by its seed.
//
//     testing::Simulation sim({.seed = 7, .link = {.delay = 200us, .drop = 0.01}});
//     auto& server = sim.host("server", serve);           // serve() returns a Task, begun anew at each restart
//     auto& client = sim.host("client");
//     CHECK(client.run(ask(server.at(80))) == "pong");    // the clock jumps from event to event meanwhile
//     sim.partition(client, server);
//     sim.run_for(10s);
//
// Programs use net::, time:: and the rest as ever; on each host runs our own TCP/IP stack, and what travels between
// them are Ethernet frames. Everything random (what the wire does, select's order, the stack's numbers) comes from the
// one seed, so that the same seed gives the same frames at the same nanosecond.

#include "failure.hpp"
#include "fault.hpp"
#include "frame_event.hpp"
#include "frame_filter.hpp"
#include "host.hpp"
#include "link.hpp"
#include "options.hpp"
#include "wire_counters.hpp"

#include "../runtime/config.hpp"
#include "../stack/config.hpp"
#include "../task/join_handle.hpp"
#include "../time/instant.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace skerry::testing {

/// What a simulation can be told.
struct SimulationOptions {
    /// Of everything drawn by chance. The same seed gives the same run.
    std::uint64_t seed = default_seed();
    /// Every link, until set_link() says otherwise.
    Link link = {.delay = std::chrono::microseconds{50}};
    /// Draws the order of a host's ready tasks, and short turns of them: what only works in one order fails. Without,
    /// tasks run in the order that they have in production.
    bool shuffle = false;
    /// What the clock shows first.
    time::Instant start = time::Instant::from_nanos(std::chrono::nanoseconds(std::chrono::hours{1}).count());
    /// The limits of each host's stack; address, prefix, gateway and seed are overruled. With an address6 each host has
    /// IPv6 and an address of its own in that /64. Those of more_addresses and more_addresses6 are the first host's: of
    /// n in a row the next host has the n behind them, and of n apart those that are n further. Nobody looks whether
    /// two hosts have one.
    /// Its `mtu` is that of each host's port, at most backend::mtu_max; see Link::mtu for a way that takes less.
    stack::StackConfig stack = {};
    /// Budget, blocking pool and the like of each host; flavour, backend, cores, pinning, idling and seed are
    /// overruled.
    runtime::Config config = {};
};

/// Some hosts: `{a, b}`.
using HostSet = std::vector<std::reference_wrapper<const Host>>;

/// Hosts joined by a wire.
///
/// Dropping it switches every host off: their tasks end where they wait. When a test fails by an exception, the seed is
/// printed, with the way to run it again.
///
/// Lifetime: outlives its hosts' JoinHandles. Simulations and testing::Runtimes of one thread are dropped in the
/// reverse
///           order of their making.
/// Threads:  the one that made it, which sees the virtual time while it lives.
class Simulation {
public:
    explicit Simulation(const SimulationOptions& options = {});
    ~Simulation();
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;

    // --- hosts

    /// The host of that name; made, plugged in and started when there is none. It lives as long as the simulation.
    Host& host(const std::string& name);
    /// A new host that runs `program` from now on, and again after each restart. What the program throws comes out of
    /// whichever call runs the simulation.
    Host& host(const std::string& name, std::function<Task<>()> program);

    // --- running

    /// Lets the clock go on for `duration`, running what is due on the way. Where that is longer than the clock can
    /// show, until nothing can come any more.
    void run_for(time::AnyDuration duration);

    /// Runs until `is_done` says so, which is asked after each step. False when `limit` is over before.
    ///
    /// Errors: throws Failure, with the live tasks, when everything waits for ever.
    bool run_until(const std::function<bool()>& is_done, time::AnyDuration limit = std::chrono::nanoseconds::max());

    /// Runs until the task is over and gives its value; an exception of it is rethrown.
    ///
    /// Errors: throws Failure when it was aborted, or everything waits for ever.
    template <class T>
    T finish(const JoinHandle<T>& handle) {
        run_until([&handle] { return handle.is_finished(); });
        auto awaiter = handle.operator co_await();
        Result<T, JoinError> outcome = awaiter.await_resume();
        if (!outcome && outcome.error().is_exception()) outcome.error().rethrow();
        if (!outcome) fail("the task was aborted");
        if constexpr (!std::is_void_v<T>) return std::move(*outcome);
    }

    /// Runs until nothing is left to happen: no frame is under way and no timer runs, neither a task's nor a stack's.
    /// Connections that are closed are forgotten by then. False when `limit` is over before.
    bool settle(time::AnyDuration limit = std::chrono::hours{1});

    [[nodiscard]] time::Instant now() const noexcept;
    /// Virtual time since the beginning.
    [[nodiscard]] std::chrono::nanoseconds elapsed() const noexcept;

    /// Calls `action` when so much virtual time has passed since the beginning, at once when it has. It may do all that
    /// a test may between two runs. Actions of one instant come in the order of their making, before the hosts.
    void at(time::AnyDuration since_beginning, std::function<void()> action);

    /// What must hold all the time: `check` is asked after each turn of a host and says in words what is wrong; empty:
    /// nothing.
    ///
    /// Errors: whatever runs the simulation throws Failure, with the name, the virtual time and the seed, as soon as
    ///         something is wrong.
    void invariant(std::string name, std::function<std::string()> check);

    // --- the wire; all of it may change while the simulation runs, also from its tasks, filters and watches

    /// Sets every link.
    void set_link(const Link& link);
    /// Sets the link from one host to another, one direction.
    void set_link(const Host& from, const Host& to, const Link& link);
    [[nodiscard]] Link link(const Host& from, const Host& to) const;

    /// Cuts the way between two hosts, both directions, whatever their links are. Frames that have left still arrive.
    void partition(const Host& one, const Host& other);
    /// Cuts each of one set off from each of the other.
    void partition(const HostSet& one_side, const HostSet& other_side);
    /// Mends what partition() cut between two.
    void repair(const Host& one, const Host& other);
    /// Mends all that partition() cut.
    void heal();

    /// Has the fault happen when its time comes. The hosts that it names exist by then; asserted. A host that comes
    /// while others are cut off is one of those that they are cut off from.
    ///
    /// Faults may overlap: a way is mended when the last that cut it ends, of bad links the latest counts, and the
    /// first end of a crash restarts. A clock goes by the latest of its faults that last, and when none does as
    /// Host::set_clock() has it, as if it had done so all the time.
    void schedule(const Fault& fault);
    void schedule(const std::vector<Fault>& faults);

    /// Picks frames from one host to another by hand. Empty: none. A filter may set another in its own place.
    ///
    /// Errors: what it throws comes out of whichever call runs the simulation, after the turn of the host that sends;
    ///         the frame passes.
    void set_filter(const Host& from, const Host& to, FrameFilter filter);

    /// Told of each frame when it is sent, once for each host that it is for, and when it arrives. A watch that another
    /// adds is told from the next event on.
    ///
    /// Errors: what it throws comes out of whichever call runs the simulation, after the turn of the host that sends or
    ///         receives. The other watches are told all the same; of several exceptions the first counts.
    void watch_frames(std::function<void(const FrameEvent&)> watch);

    /// A number made of all that was sent so far, when, and what became of it: two runs with the same number are the
    /// same.
    [[nodiscard]] std::uint64_t trace() const noexcept;

    [[nodiscard]] const WireCounters& wire() const noexcept;

    /// Writes every frame from here on, with its virtual time, into a pcapng file for tshark or Wireshark: one
    /// interface for each host, lost and changed frames with a comment.
    ///
    /// Errors: throws Failure when the file cannot be made.
    void capture(const std::string& path);

    [[nodiscard]] std::uint64_t seed() const noexcept;

private:
    friend Host;
    struct State;

    [[noreturn]] void fail(const std::string& what) const;
    [[nodiscard]] Host& named(const std::string& name) const;
    void begin(const Fault& fault);
    void end(const Fault& fault, std::uint64_t number);

    std::unique_ptr<State> state_;
};

template <class A>
auto Host::run(A&& what, std::source_location where) {
    return simulation_->finish(spawn(std::forward<A>(what), where));
}

}  // namespace skerry::testing
