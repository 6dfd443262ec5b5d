#pragma once

// What a simulated host consists of, and a step of it.

#include "host_backend.hpp"
#include "host_driver.hpp"

#include <skerry/runtime/config.hpp>
#include <skerry/runtime/runtime.hpp>
#include <skerry/testing/host.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace skerry::testing {

struct Host::State {
    State(std::string host_name, const Place& host_place, stack::StackConfig stack_config,
          const runtime::Config& runtime_config, std::uint64_t seed, bool shuffles);

    /// Makes the runtime and starts the program.
    void start();
    /// Ends every task; what they still send is lost when the host is unplugged.
    void stop();
    /// Frees everything. After stop().
    void end();

    /// One turn when there is something to do by `now`; false when there was not.
    bool poll(time::Instant now);
    /// When the next turn is due; Instant::max(): never.
    [[nodiscard]] time::Instant due() const noexcept {
        return runtime ? std::min(core_due, place.wire->next_arrival(place.station)) : time::Instant::max();
    }
    /// Something may have come from outside.
    void wake() noexcept { core_due = time::Instant{}; }

    // --- the clock: that of the latest fault that lasts, without one what the test has set

    void set_clock(const ClockSkew& skew) noexcept;
    void begin_skew(std::uint64_t fault, std::chrono::nanoseconds ahead);
    void end_skew(std::uint64_t fault) noexcept;
    void adjust_clock() noexcept;

    [[nodiscard]] HostLoop& loop() const noexcept;
    [[nodiscard]] task::Scheduler& scheduler() const noexcept { return *runtime->state().schedulers.front(); }
    [[nodiscard]] bool has_blocking_calls() const noexcept;
    /// Throws what the program has thrown.
    void check_program();

    std::string name;
    HostClock clock;
    ClockSkew own_skew;  // that the test has set, and when
    time::Instant own_since;
    std::vector<std::pair<std::uint64_t, std::chrono::nanoseconds>> skews;  // of faults that last, and which it is
    Place place;
    stack::StackConfig stack_config;
    runtime::Config config;
    Random seeds;
    std::optional<Random> shuffle;
    std::function<Task<>()> program;
    std::unique_ptr<runtime::Runtime> runtime;  // null: down
    std::optional<JoinHandle<void>> running_program;
    time::Instant core_due;  // by the simulation's time
};

}  // namespace skerry::testing
