#include "support/catch.hpp"

#include <skerry/runtime/core_loop.hpp>

#include <skerry/sync/mpsc.hpp>
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

// --- how long a turn may take: by the machine's clock, which the virtual one does not move

void take_time(std::chrono::nanoseconds duration) {
    const auto end = std::chrono::steady_clock::now() + duration;
    while (std::chrono::steady_clock::now() < end) {
    }
}

/// What was done between two looks at the driver.
struct BetweenLooks {
    int done = 0;
    int most = 0;
    int looks = 0;
};

struct LookedAtDriver : ScriptedDriver {
    using ScriptedDriver::ScriptedDriver;
    backend::Work receive(time::Instant) noexcept {
        between.most = std::max(between.most, std::exchange(between.done, 0));
        ++between.looks;
        return backend::Work::none;
    }
    BetweenLooks between;
};

// Turns begin with 61 resumes, of which each now takes more than a turn may.
constexpr int until_slow = 61 + 61 + 30 + 15 + 7 + 3 + 1;

Task<> yield_slowly(BetweenLooks& between, int times) {
    for (int i = 0; i < times; ++i) {
        ++between.done;
        take_time(2 * runtime::turn_limit);
        co_await yield_now();
    }
}

TEST_CASE("a core whose tasks run long looks at its driver after each", "[runtime][loop]") {
    LoopOn<LookedAtDriver> loop(sleeping());
    BetweenLooks& between = loop.driver().between;
    loop.start([&]() -> Task<> {
        return [](BetweenLooks& looks) -> Task<> {
            co_await yield_slowly(looks, until_slow);
            looks.most = 0;
            co_await yield_slowly(looks, 100);
        }(between);
    });
    loop.run_to_the_end();
    CHECK(between.most == 1);
}

constexpr int many = 4;  // two take no machine 10 us, not even with sanitizers

Task<> yield_until_many(BetweenLooks& between) {
    co_await yield_slowly(between, until_slow);
    between.most = 0;
    for (int i = 0; i < 1'000'000 && between.most < many; ++i) {
        ++between.done;
        co_await yield_now();
    }
}

TEST_CASE("a core whose tasks run short again runs many between two looks", "[runtime][loop]") {
    LoopOn<LookedAtDriver> loop(sleeping());
    loop.start([&] { return yield_until_many(loop.driver().between); });
    loop.run_to_the_end();
    CHECK(loop.driver().between.most >= many);
}

Task<> receive_slowly(BetweenLooks& between, int messages) {
    auto [sender, receiver] = sync::mpsc::unbounded<int>();
    for (int i = 0; i < messages; ++i) REQUIRE(sender.send(i));
    co_await yield_slowly(between, until_slow);
    between.most = 0;
    for (int i = 0; i < messages; ++i) {
        (void)co_await receiver.recv();
        ++between.done;
        take_time(1us);
    }
}

TEST_CASE("operations that are done at once keep the driver waiting no longer than a turn", "[runtime][loop]") {
    LoopOn<LookedAtDriver> loop(sleeping());
    loop.start([&] { return receive_slowly(loop.driver().between, 2000); });
    loop.run_to_the_end();
    CHECK(loop.driver().between.most >= 31);  // the clock is looked at every 32
    CHECK(loop.driver().between.most <= 64);  // and the budget alone would give 128
}

// A driver that takes 10 us for each look.
struct SlowlyLookedAtDriver : CountingDriver {
    using CountingDriver::CountingDriver;
    backend::Work receive(time::Instant now) noexcept {
        clock->now_ns += std::chrono::nanoseconds(10us).count();
        return CountingDriver::receive(now);
    }
};

TEST_CASE("an adaptive core looks for 50 us after its last work, and then sleeps", "[runtime][idle]") {
    backend::CoreSetup setup;
    setup.idle = backend::Idle::adaptive;
    LoopOn<SlowlyLookedAtDriver> loop(setup);
    loop.start([] { return sleep_until(1s + 40us); });
    loop.start([] { return sleep_until(2s); });
    loop.start([] { return sleep_until(2s + 30us); });
    loop.run_to_the_end();
    CHECK(loop.driver().parks == Times{2s});
    CHECK(loop.driver().receives >= 4 + 5 + 3);
    CHECK(loop.driver().receives <= 4 + 5 + 3 + 4);  // and a look more where one thing ends and another begins
}

TEST_CASE("a core that spins never sleeps", "[runtime][idle]") {
    backend::CoreSetup setup;
    setup.idle = backend::Idle::spin;
    LoopOn<SlowlyLookedAtDriver> loop(setup);
    loop.start([] { return sleep_until(1s + 100ms); });
    loop.run_to_the_end();
    CHECK(loop.driver().parks.empty());
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
