#pragma once

// What a simulation consists of, and how it goes from instant to instant.

#include "host_state.hpp"

#include <skerry/testing/simulation.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace skerry::testing {

/// A partition or black hole that lasts, and the ways that it has cut.
struct Cut {
    std::uint64_t number = 0;  // of the fault
    Fault fault;
    std::vector<std::pair<Station, Station>> ways;
};

/// What must hold, and how it is asked.
struct Invariant {
    std::string name;
    std::function<std::string()> check;
};

struct Simulation::State {
    explicit State(const SimulationOptions& simulation_options)
        : options(simulation_options),
          seeds(options.seed),
          pace(options.start, OnStandstill::report),
          wire(seeds.next(), options.link),
          on_virtual_time(pace.clock.time()) {}

    Host& add(Simulation& simulation, const std::string& name, std::function<Task<>()> program);

    /// Runs what is due now; true when `is_done` says so before nothing is.
    bool run_instant(const std::function<bool()>& is_done);
    /// From instant to instant until `is_done` says so, or `end` has come: false. `is_stuck_ok`: when nothing can ever
    /// happen any more the clock goes to the end, else it is a failure.
    bool run(const std::function<bool()>& is_done, time::Instant end, bool is_stuck_ok);
    [[nodiscard]] time::Instant next_due() const noexcept;
    /// Runs the actions that are due; true when there were any.
    bool run_actions();
    void check_invariants() const;
    /// Cuts the way from one host to another off when it is one that the fault is about.
    void cut_off(Cut& cut, const Host& from, const Host& to);
    /// Has the faults that last cut off a host that has just come.
    void cut_off_late(const Host& host);
    void mend(std::uint64_t fault);
    [[nodiscard]] bool has_blocking_calls() const noexcept;
    void wake_all() noexcept;
    [[noreturn]] void fail(const std::string& what) const;
    void say_seed() const;

    SimulationOptions options;
    int exceptions_in_flight = std::uncaught_exceptions();
    Random seeds;
    Pace pace;
    Bell bell;
    FrameWire wire;
    time::VirtualTimeScope on_virtual_time;  // the thread's, while this lives
    std::vector<std::unique_ptr<Host>> hosts;
    std::multimap<time::Instant, std::function<void()>> actions;
    std::vector<Invariant> invariants;
    std::vector<std::pair<std::uint64_t, Link>> bad_links;  // of faults that last, and which fault it is
    std::vector<Cut> cuts;
    std::uint64_t faults_begun = 0;
};

}  // namespace skerry::testing
