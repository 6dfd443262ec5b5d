#include "simulation_state.hpp"

#include "../quiet.hpp"

#include <skerry/testing/seeds.hpp>

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

Host& Simulation::State::add(Simulation& simulation, const std::string& name, std::function<Task<>()> program) {
    Place place{&pace, &bell, &wire, wire.add(name), nullptr};
    place.mtu = options.stack.mtu;
    auto state =
        std::make_unique<Host::State>(name, place, options.stack, options.config, seeds.next(), options.shuffle);
    state->program = std::move(program);
    Host& host = *hosts.emplace_back(std::make_unique<Host>(simulation, std::move(state)));
    cut_off_late(host);
    host.state_->start();
    return host;
}

// --- running

bool Simulation::State::run_instant(const std::function<bool()>& is_done) {
    for (unsigned round = 0; round < rounds_max; ++round) {
        if (bell.take()) wake_all();
        if (is_done()) return true;
        bool any = run_actions();
        for (std::size_t i = 0; i < hosts.size(); ++i) {
            if (!hosts[i]->state_->poll(pace.clock.now())) continue;
            any = true;
            wire.rethrow();
            check_invariants();
        }
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
        if (next == time::Instant::max()) {
            if (!is_stuck_ok) fail("everything waits for ever");
            if (end == time::Instant::max()) return false;  // to which the clock does not go
        }
        if (next > end) {
            pace.clock.advance_to(end);
            return false;
        }
        pace.clock.advance_to(next);
    }
}

bool Simulation::State::run_actions() {
    bool any = false;
    while (!actions.empty() && actions.begin()->first <= pace.clock.now()) {
        auto due = actions.extract(actions.begin());
        due.mapped()();
        any = true;
    }
    return any;
}

void Simulation::State::check_invariants() const {
    for (const Invariant& invariant : invariants) {
        const std::string wrong = invariant.check();
        if (wrong.empty()) continue;
        const double seconds = static_cast<double>((pace.clock.now() - options.start).count()) / 1e9;
        throw Failure("\"" + invariant.name + "\" is broken after " + std::to_string(seconds) + " s: " + wrong +
                      " (seed " + std::to_string(options.seed) + ")");
    }
}

time::Instant Simulation::State::next_due() const noexcept {
    time::Instant next = actions.empty() ? time::Instant::max() : actions.begin()->first;
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
    if (!is_searching && std::uncaught_exceptions() > state_->exceptions_in_flight) state_->say_seed();
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

void Simulation::run_for(time::AnyDuration duration) {
    (void)state_->run(&never, now() + std::chrono::nanoseconds{duration}, true);
}

bool Simulation::run_until(const std::function<bool()>& is_done, time::AnyDuration limit) {
    return state_->run(is_done, now() + std::chrono::nanoseconds{limit}, false);
}

bool Simulation::settle(time::AnyDuration limit) {
    const time::Instant end = now() + std::chrono::nanoseconds{limit};
    const auto has_settled = [this] {
        return state_->next_due() == time::Instant::max() && !state_->has_blocking_calls();
    };
    return state_->run(has_settled, end, true) || has_settled();
}

void Simulation::at(time::AnyDuration since_beginning, std::function<void()> action) {
    state_->actions.emplace(state_->options.start + std::chrono::nanoseconds{since_beginning}, std::move(action));
}

void Simulation::invariant(std::string name, std::function<std::string()> check) {
    state_->invariants.push_back({std::move(name), std::move(check)});
}

time::Instant Simulation::now() const noexcept { return state_->pace.clock.now(); }
std::chrono::nanoseconds Simulation::elapsed() const noexcept { return now() - state_->options.start; }
std::uint64_t Simulation::seed() const noexcept { return state_->options.seed; }
void Simulation::fail(const std::string& what) const { state_->fail(what); }

}  // namespace skerry::testing
