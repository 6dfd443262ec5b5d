#pragma once

// The driver of the testing backend: virtual time and a network in memory on one core.

#include "world.hpp"

#include <skerry/backend/driver.hpp>
#include <skerry/backend/slow_lane.hpp>
#include <skerry/backend/socket_ops.hpp>
#include <skerry/runtime/core_loop.hpp>

#include <memory>
#include <utility>

namespace skerry::testing {

class Driver {
public:
    static constexpr bool is_virtual = true;
    static constexpr std::int64_t busy_poll_interval_ns = 0;

    Driver(std::shared_ptr<World> world, std::uint16_t home) : world_(std::move(world)) {
        world_->network.set_home(home);
    }

    backend::Work receive(time::Instant now) noexcept;
    backend::Work transmit(time::Instant) noexcept { return backend::Work::none; }
    [[nodiscard]] time::Instant next_deadline() noexcept;
    bool arm() noexcept { return true; }

    void park(time::Instant wake_at) noexcept { testing::park(*world_, bell_, wake_at); }
    void unpark() noexcept { bell_.ring(); }
    [[nodiscard]] int wake_fd() const noexcept { return -1; }

    /// Puts the thread on this core's time and sockets while it lives.
    class Installed {
    public:
        explicit Installed(World& world) noexcept;
        ~Installed();
        Installed(const Installed&) = delete;
        Installed& operator=(const Installed&) = delete;

    private:
        time::VirtualTimeScope time_;
        VirtualClock* clock_;
        backend::SocketFactory* sockets_;
        backend::SlowLane* lane_;
    };
    Installed install() noexcept { return Installed(*world_); }

private:
    std::shared_ptr<World> world_;
    Bell bell_;
};

static_assert(backend::Driver<Driver>);

using Loop = runtime::CoreLoop<Driver>;

}  // namespace skerry::testing
