#include <skerry/testing/runtime.hpp>

#include "driver.hpp"
#include "simulated_backend.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/testing/network.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

namespace skerry::testing {

namespace {

runtime::Config config_of(const Options& options) {
    runtime::Config config = options.config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "testing";
    config.cores.reset();
    config.pin = false;
    config.idle = runtime::IdlePolicy::sleep;
    config.idle_of_core.clear();
    config.seed = options.seed;
    return config;
}

runtime::Runtime build(const Options& options, const std::shared_ptr<World>& world) {
    auto built = runtime::Builder(config_of(options)).hooks(options.hooks).offer(make_simulated_backend(world)).build();
    if (!built) throw Failure(built.error().message);
    return std::move(*built);
}

struct Goal {
    bool (*is_over)(const void*);
    const void* context;
    World* world;
};

bool goal_reached(void* context) {
    const Goal& goal = *static_cast<const Goal*>(context);
    return goal.world->is_stuck || goal.is_over(goal.context);
}

bool time_has_come(const void* context) {
    const World& world = *static_cast<const World*>(context);
    return world.clock.now() >= world.clock_limit;
}

}  // namespace

std::uint64_t default_seed() noexcept {
    const char* const text = std::getenv("SKERRY_TEST_SEED");
    return text == nullptr ? 1 : std::strtoull(text, nullptr, 0);
}

struct Runtime::State {
    explicit State(const Options& options)
        : seed(options.seed),
          world(
              std::make_shared<World>(options, options.woken_from_outside ? OnStandstill::wait : OnStandstill::report)),
          runtime(build(options, world)),
          scheduler(runtime.state().schedulers.front()),
          installed(loop()) {}

    [[nodiscard]] Loop& loop() const noexcept { return static_cast<Loop&>(*world->core); }

    std::uint64_t seed;
    int exceptions_in_flight = std::uncaught_exceptions();
    std::shared_ptr<World> world;
    Network network{world->network};
    runtime::Runtime runtime;
    task::Scheduler* scheduler;
    Loop::Installed installed;  // the thread's own runtime while this lives
};

Runtime::Runtime(Options options) : state_(std::make_unique<State>(options)) {}

Runtime::~Runtime() {
    if (std::uncaught_exceptions() > state_->exceptions_in_flight)
        std::fprintf(stderr, "skerry::testing: seed %llu; SKERRY_TEST_SEED=%llu runs it again\n",
                     static_cast<unsigned long long>(state_->seed), static_cast<unsigned long long>(state_->seed));
    const auto report = state_->runtime.shutdown(state_->runtime.state().config.grace);
    for (const std::string& line : report.stuck) std::fprintf(stderr, "skerry::testing: %s\n", line.c_str());
}

// --- stepping

bool Runtime::step() {
    const Loop::Installed here(state_->loop());
    return state_->loop().turn();
}

void Runtime::run_until_idle() {
    const Loop::Installed here(state_->loop());
    Loop& loop = state_->loop();
    while (loop.turn() || state_->scheduler->has_ready()) {
    }
}

void Runtime::advance(time::AnyDuration duration) {
    state_->world->clock.advance(duration);
    run_until_idle();
}

void Runtime::run_for(time::AnyDuration duration) {
    World& world = *state_->world;
    world.clock_limit = now() + std::chrono::nanoseconds{duration};
    world.is_stuck = false;
    Goal goal{&time_has_come, &world, &world};
    state_->loop().run_until(&goal_reached, &goal);
    world.clock_limit = time::Instant::max();
    world.is_stuck = false;
    run_until_idle();
}

void Runtime::drive(bool (*is_over)(const void*), const void* context) {
    World& world = *state_->world;
    world.is_stuck = false;
    Goal goal{is_over, context, &world};
    state_->loop().run_until(&goal_reached, &goal);
    if (std::exchange(world.is_stuck, false) && !is_over(context)) fail("the task under test waits for ever");
}

void Runtime::first_run(const task::TaskHeader& header) {
    do step();
    while (header.has(task::task_state::unstarted));
}

void Runtime::start_root(task::TaskHeader& header) {
    const Loop::Installed here(state_->loop());
    task::start_here(*state_->scheduler, header);
}

void Runtime::abort_now(const AbortHandle& task) noexcept {
    task.abort();
    if (state_->scheduler->current_task() != nullptr) return;
    const Loop::Installed here(state_->loop());
    state_->scheduler->drain();
}

void Runtime::fail(const std::string& what) const {
    throw Failure(what + " (seed " + std::to_string(state_->seed) + "); " + list_tasks(*state_->scheduler));
}

// --- looking

time::Instant Runtime::now() const noexcept { return state_->world->clock.now(); }
Network& Runtime::network() noexcept { return state_->network; }
VirtualClock& Runtime::clock() noexcept { return state_->world->clock; }
std::uint64_t Runtime::live_tasks() const noexcept { return state_->scheduler->live_tasks(); }
task::SlabStats Runtime::slab_stats() const noexcept { return state_->scheduler->slab_stats(); }
const task::SchedulerCounters& Runtime::counters() const noexcept { return state_->scheduler->counters(); }
task::Scheduler& Runtime::scheduler() noexcept { return *state_->scheduler; }
std::uint64_t Runtime::seed() const noexcept { return state_->seed; }
runtime::Handle Runtime::handle() const noexcept { return state_->runtime.handle(); }

std::vector<task::TaskInfo> Runtime::tasks() const {
    std::vector<task::TaskInfo> tasks;
    state_->scheduler->collect(tasks);
    return tasks;
}

}  // namespace skerry::testing
