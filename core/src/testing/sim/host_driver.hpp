#pragma once

// The driver of a simulated host: our own stack over the wire in memory, on virtual time.

#include "wire_port.hpp"

#include <skerry/runtime/core_loop.hpp>
#include <skerry/stack/driver.hpp>
#include <skerry/task/scheduler.hpp>

#include <utility>

namespace skerry::testing {

class HostDriver : public stack::Driver<WirePort> {
    using Base = stack::Driver<WirePort>;

public:
    static constexpr bool is_virtual = true;

    using Base::Base;

    backend::Work receive(time::Instant now) noexcept {
        port().place().pace->clock.follow();
        return Base::receive(now);
    }

    void before_tasks(task::Scheduler& scheduler) noexcept {
        if (Random* const shuffle = port().place().shuffle; shuffle != nullptr) scheduler.shuffle(shuffle->next());
    }

    /// Puts the thread on this host's time and sockets while it lives.
    class Installed {
    public:
        explicit Installed(HostDriver& driver) noexcept
            : services_(static_cast<Base&>(driver)),
              time_(driver.port().place().time()),
              clock_(std::exchange(current_clock, driver.port().place().own_clock)) {}
        ~Installed() { current_clock = clock_; }
        Installed(const Installed&) = delete;
        Installed& operator=(const Installed&) = delete;

    private:
        Base::Installed services_;
        time::VirtualTimeScope time_;
        VirtualClock* clock_;
    };
    Installed install() noexcept { return Installed(*this); }
};

static_assert(backend::FramePort<WirePort>);
static_assert(backend::Driver<HostDriver>);

using HostLoop = runtime::CoreLoop<HostDriver>;

}  // namespace skerry::testing
