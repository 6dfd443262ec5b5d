#include "support/catch.hpp"

#include <skerry/runtime/core_loop.hpp>

#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;

// A driver without I/O whose park() moves the time to its end, and keeps what it was asked for.
struct ScriptedDriver {
    static constexpr std::int64_t busy_poll_interval_ns = 0;

    explicit ScriptedDriver(time::VirtualTime& time) : clock(&time) {}

    backend::Work receive(time::Instant) noexcept { return backend::Work::none; }
    backend::Work transmit(time::Instant) noexcept { return backend::Work::none; }
    time::Instant next_deadline() noexcept { return time::Instant::max(); }
    bool arm() noexcept { return true; }
    void park(time::Instant wake_at) noexcept {
        parks.push_back(std::chrono::nanoseconds(wake_at.as_nanos()));
        clock->now_ns = wake_at.as_nanos();
    }
    void unpark() noexcept {}
    int install() noexcept { return 0; }
    int wake_fd() const noexcept { return -1; }

    time::VirtualTime* clock;
    std::vector<std::chrono::nanoseconds> parks;
};

Task<> sleep_until(std::chrono::nanoseconds at) { co_await time::sleep_until(time::Instant::from_nanos(at.count())); }

using Times = std::vector<std::chrono::nanoseconds>;

/// A core on virtual time, at one second, over a driver of the test's.
template <class D>
class LoopOn {
public:
    using Loop = runtime::CoreLoop<D>;

    explicit LoopOn(backend::CoreSetup setup) {
        scheduler_.configure(task::CoreId{0}, {}, nullptr, 1);
        setup.scheduler = &scheduler_;
        loop_.emplace(setup, clock);
    }
    LoopOn(const LoopOn&) = delete;
    LoopOn& operator=(const LoopOn&) = delete;
    ~LoopOn() {
        loop_.reset();
        scheduler_.close();
    }

    /// Runs `make()`, which returns a task, on this core, so that the task's memory is this core's too.
    template <class F>
    void start(F make) {
        const typename Loop::Installed here(*loop_);
        spawn(make()).detach();
    }
    [[nodiscard]] bool has_tasks() const { return scheduler_.live_tasks() != 0; }
    void run_to_the_end() {
        loop_->run_until([](void* self) { return !static_cast<LoopOn*>(self)->has_tasks(); }, this);
    }
    Loop* operator->() { return &*loop_; }
    D& driver() { return loop_->driver(); }

    time::VirtualTime clock{.now_ns = std::chrono::nanoseconds(1s).count()};

private:
    time::VirtualTimeScope scope_{clock};
    task::Scheduler& scheduler_ = *task::Scheduler::acquire();
    std::optional<Loop> loop_;
};

backend::CoreSetup sleeping() {
    backend::CoreSetup setup;
    setup.idle = backend::Idle::sleep;
    return setup;
}

/// When a sleeping core wakes that has timers at these times and nothing else to do.
Times wake_ups(const Times& deadlines) {
    LoopOn<ScriptedDriver> loop(sleeping());
    for (const auto at : deadlines) loop.start([at] { return sleep_until(at); });
    loop.run_to_the_end();
    return loop.driver().parks;
}

TEST_CASE("a sleeping core wakes exactly for timers that come alone", "[runtime][idle]") {
    const Times alone{2s + 0us, 2s + 64us, 2s + 128us, 3s + 0us};
    CHECK(wake_ups(alone) == alone);
}

TEST_CASE("a sleeping core wakes for timers every 64 us at most", "[runtime][idle]") {
    CHECK(wake_ups({2s + 0us, 2s + 10us, 2s + 70us, 3s + 0us}) == Times{2s + 0us, 2s + 64us, 2s + 128us, 3s + 0us});
}

TEST_CASE("a sleeping core that fired a crowd of timers wakes after 512 us", "[runtime][idle]") {
    const Times crowd{2s + 0us, 2s + 0us, 2s + 0us, 2s + 0us, 2s + 10us, 2s + 600us, 3s + 0us};
    CHECK(wake_ups(crowd) == Times{2s + 0us, 2s + 512us, 2s + 600us, 3s + 0us});
}

// A driver that counts how often it is looked at.
struct CountingDriver : ScriptedDriver {
    using ScriptedDriver::ScriptedDriver;
    backend::Work receive(time::Instant) noexcept {
        ++receives;
        return backend::Work::none;
    }
    int receives = 0;
};

Task<> sleep_often(int times, task::PostWait* asked) {
    for (int i = 0; i < times; ++i) {
        const task::ExpectedPost answer(asked);
        co_await time::sleep(1ms);
    }
}

TEST_CASE("a sleeping core whose tasks have asked another thread looks at its driver before it sleeps",
          "[runtime][idle]") {
    const bool has_asked = GENERATE(false, true);
    LoopOn<CountingDriver> loop(sleeping());
    loop.start([has_asked] {
        return sleep_often(40, has_asked ? &task::current_scheduler->post_wait() : nullptr);  // more than a pause
    });
    loop.run_to_the_end();
    CHECK(loop.driver().parks.size() == 40);
    const bool lingered = loop.driver().receives > 45;
    CHECK(lingered == has_asked);
}

// A driver that sleeps on something that no descriptor shows.
struct HiddenDriver : ScriptedDriver {
    using ScriptedDriver::ScriptedDriver;
    time::Instant outside_deadline() noexcept {
        return time::Instant::from_nanos(std::chrono::nanoseconds(2s).count());
    }
};

TEST_CASE("a loop outside comes back for what only a sleeping core would hear of", "[runtime][loop]") {
    LoopOn<HiddenDriver> loop(sleeping());
    CHECK(loop->poll_once().as_nanos() == std::chrono::nanoseconds(2s).count());
    loop.start([] { return sleep_until(1500ms); });
    (void)loop->poll_once();
    CHECK(loop->poll_once().as_nanos() == std::chrono::nanoseconds(1500ms).count());
    loop.clock.now_ns = std::chrono::nanoseconds(1500ms).count();
    while (loop.has_tasks()) (void)loop->poll_once();
    CHECK(loop->poll_once().as_nanos() == std::chrono::nanoseconds(2s).count());
    loop->stop_tasks();  // poll_once() leaves the scheduler marked asleep
}

// A driver that has something left for some turns, and is otherwise hardly asked while tasks are ready.
struct LeavingDriver : ScriptedDriver {
    static constexpr std::int64_t busy_poll_interval_ns = 1'000'000'000;

    using ScriptedDriver::ScriptedDriver;

    backend::Work receive(time::Instant) noexcept {
        ++receives;
        if (left == 0) return backend::Work::none;
        return --left != 0 ? backend::Work::more : backend::Work::some;
    }
    bool arm() noexcept { return left == 0; }

    int left = 0;
    int receives = 0;
};

Task<> yield_often(int times) {
    for (int i = 0; i < times; ++i) co_await yield_now();
}

TEST_CASE("a driver that left something is asked in the next turn, though tasks are ready", "[runtime][loop]") {
    backend::CoreSetup setup;
    setup.resumes_per_turn = 1;
    LoopOn<LeavingDriver> loop(setup);
    loop.driver().left = 5;
    loop.start([] { return yield_often(100); });
    loop.run_to_the_end();
    CHECK(loop.driver().left == 0);
    CHECK(loop.driver().receives < 10);  // and no more than it left, and a few
}

// A driver for which many things come at once; each wakes a task of its own, and holds something until that has run.
struct CrowdedDriver : ScriptedDriver {
    static constexpr unsigned most_of_all = 16;

    using ScriptedDriver::ScriptedDriver;

    backend::Work receive(time::Instant now) noexcept { return receive(now, most_of_all); }
    backend::Work receive(time::Instant, unsigned most) noexcept {
        for (unsigned i = 0; i < std::min(most, most_of_all) && left != 0; ++i, --left) {
            held_most = std::max(held_most, ++held);
            spawn(release()).detach();
        }
        return left != 0 ? backend::Work::more : backend::Work::none;
    }
    bool arm() noexcept { return left == 0; }
    Task<> release() {
        --held;
        co_return;
    }

    int left = 0;
    int held = 0;
    int held_most = 0;
};

Task<> yield_until_empty(const CrowdedDriver& driver) {
    while (driver.left != 0 || driver.held != 0) co_await yield_now();
}

TEST_CASE("a core that runs fewer tasks in a turn than come takes no more in than it runs", "[runtime][loop]") {
    backend::CoreSetup setup;
    setup.resumes_per_turn = 4;
    LoopOn<CrowdedDriver> loop(setup);
    loop.driver().left = 1000;
    loop.start([&] { return yield_until_empty(loop.driver()); });
    loop.run_to_the_end();
    CHECK(loop.driver().left == 0);
    CHECK(loop.driver().held == 0);
    CHECK(loop.driver().held_most < 2 * 16);
}

TEST_CASE("a core does not sleep while its driver has something left", "[runtime][loop][idle]") {
    LoopOn<LeavingDriver> loop(sleeping());
    loop.driver().left = 5;
    loop.start([] { return sleep_until(2s); });
    loop.run_to_the_end();
    CHECK(loop.driver().left == 0);
    CHECK(loop.driver().parks == Times{2s});
}

}  // namespace
}  // namespace skerry
