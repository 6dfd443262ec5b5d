#include "host_state.hpp"

#include <skerry/testing/seeds.hpp>
#include <skerry/testing/simulation.hpp>

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <vector>

namespace skerry::testing {

namespace {

// An instant in which hosts take so many turns never ends: a task goes on without waiting for anything.
constexpr unsigned rounds_max = 1'000'000;

bool never() { return false; }

}  // namespace

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
};

Host& Simulation::State::add(Simulation& simulation, const std::string& name, std::function<Task<>()> program) {
    const Place place{&pace, &bell, &wire, wire.add(name), nullptr};
    auto state = std::make_unique<Host::State>(name, place, options.stack, options.config, seeds.next());
    state->program = std::move(program);
    hosts.push_back(std::make_unique<Host>(simulation, std::move(state)));
    hosts.back()->state_->start();
    return *hosts.back();
}

// --- running

bool Simulation::State::run_instant(const std::function<bool()>& is_done) {
    for (unsigned round = 0; round < rounds_max; ++round) {
        if (bell.take()) wake_all();
        if (is_done()) return true;
        bool any = false;
        for (std::size_t i = 0; i < hosts.size(); ++i) any |= hosts[i]->state_->poll(pace.clock.now());
        if (!any) return false;
    }
    fail("the time stands still: hosts go on for ever without waiting for it");
}

bool Simulation::State::run(const std::function<bool()>& is_done, time::Instant end, bool is_stuck_ok) {
    SKERRY_ASSERT(task::current_scheduler == nullptr || task::current_scheduler->current_task() == nullptr,
                  "a task cannot run the simulation that it is part of");
    for (;;) {
        if (run_instant(is_done)) return true;
        if (has_blocking_calls()) {  // whose end the time must not overtake
            bell.wait(blocking_poll);
            wake_all();
            continue;
        }
        const time::Instant next = next_due();
        if (next == time::Instant::max() && !is_stuck_ok) fail("everything waits for ever");
        if (next > end) {
            pace.clock.advance_to(end);
            return false;
        }
        pace.clock.advance_to(next);
    }
}

time::Instant Simulation::State::next_due() const noexcept {
    time::Instant next = time::Instant::max();
    for (const auto& host : hosts) next = std::min(next, host->state_->due());
    return next;
}

bool Simulation::State::has_blocking_calls() const noexcept {
    return std::any_of(hosts.begin(), hosts.end(), [](const auto& host) { return host->state_->has_blocking_calls(); });
}

void Simulation::State::wake_all() noexcept {
    for (const auto& host : hosts) host->state_->wake();
}

void Simulation::State::fail(const std::string& what) const {
    std::string text = what + " (seed " + std::to_string(options.seed) + ")";
    for (const auto& host : hosts)
        if (host->is_up()) text += "; on " + host->name() + ": " + list_tasks(host->state_->scheduler());
    throw Failure(text);
}

void Simulation::State::say_seed() const {
    const std::string again = options.seed == default_seed()
                                  ? "SKERRY_TEST_SEED=" + std::to_string(options.seed) + " runs it again"
                                  : "where the seed is one of testing::seeds(), again: " + replay_command(options.seed);
    std::fprintf(stderr, "skerry::testing: seed %s; %s\n", std::to_string(options.seed).c_str(), again.c_str());
}

// --- what tests see

Simulation::Simulation(const SimulationOptions& options) : state_(std::make_unique<State>(options)) {}

Simulation::~Simulation() {
    if (std::uncaught_exceptions() > state_->exceptions_in_flight) state_->say_seed();
    // A task that ends may still wake one on another host: all stop before the first is freed.
    for (const auto& host : state_->hosts) state_->wire.set_plugged(host->state_->place.station, false);
    for (const auto& host : state_->hosts)
        if (host->is_up()) host->state_->stop();
    for (const auto& host : state_->hosts)
        if (host->is_up()) host->state_->end();
}

Host& Simulation::host(const std::string& name) {
    for (const auto& host : state_->hosts)
        if (host->name() == name) return *host;
    return state_->add(*this, name, nullptr);
}

Host& Simulation::host(const std::string& name, std::function<Task<>()> program) {
    for (const auto& host : state_->hosts)
        SKERRY_ASSERT(host->name() != name, "a host that exists has its program already");
    return state_->add(*this, name, std::move(program));
}

void Simulation::run_for(std::chrono::nanoseconds duration) { (void)state_->run(&never, now() + duration, true); }

bool Simulation::run_until(const std::function<bool()>& is_done, std::chrono::nanoseconds limit) {
    return state_->run(is_done, now() + limit, false);
}

bool Simulation::settle(std::chrono::nanoseconds limit) {
    const time::Instant end = now() + limit;
    const auto has_settled = [this] {
        return state_->next_due() == time::Instant::max() && !state_->has_blocking_calls();
    };
    return state_->run(has_settled, end, true) || has_settled();
}

time::Instant Simulation::now() const noexcept { return state_->pace.clock.now(); }
std::chrono::nanoseconds Simulation::elapsed() const noexcept { return now() - state_->options.start; }
std::uint64_t Simulation::seed() const noexcept { return state_->options.seed; }
void Simulation::fail(const std::string& what) const { state_->fail(what); }

// --- the wire

void Simulation::set_link(const Link& link) { state_->wire.set_all(link); }

void Simulation::set_link(const Host& from, const Host& to, const Link& link) {
    state_->wire.set(from.state_->place.station, to.state_->place.station, link);
}

Link Simulation::link(const Host& from, const Host& to) const {
    return state_->wire.link(from.state_->place.station, to.state_->place.station);
}

void Simulation::partition(const Host& one, const Host& other) {
    for (const auto& [from, to] : {std::pair(&one, &other), std::pair(&other, &one)}) {
        Link changed = link(*from, *to);
        changed.is_down = true;
        set_link(*from, *to, changed);
    }
}

void Simulation::repair(const Host& one, const Host& other) {
    for (const auto& [from, to] : {std::pair(&one, &other), std::pair(&other, &one)}) {
        Link changed = link(*from, *to);
        changed.is_down = false;
        set_link(*from, *to, changed);
    }
}

const WireCounters& Simulation::wire() const noexcept { return state_->wire.counters(); }

void Simulation::capture(const std::string& path) {
    auto capture = Pcapng::create(path);
    if (!capture) throw Failure(path + ": " + capture.error().message());
    state_->wire.set_capture(std::move(*capture));
}

}  // namespace skerry::testing
