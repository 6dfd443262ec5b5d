#include "host_state.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/runtime/blocking_pool.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/testing/failure.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace skerry::testing {

namespace {

runtime::Config on_virtual_time(runtime::Config config) {
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "testing";
    config.cores.reset();
    config.pin = false;
    config.idle = runtime::IdlePolicy::sleep;
    config.idle_of_core.clear();
    return config;
}

}  // namespace

// --- the state

Host::State::State(std::string host_name, const Place& host_place, stack::StackConfig of_stack,
                   const runtime::Config& of_runtime, std::uint64_t seed, bool shuffles)
    : name(std::move(host_name)),
      clock(host_place.pace->clock.now()),
      place(host_place),
      stack_config(of_stack),
      config(on_virtual_time(of_runtime)),
      seeds(seed) {
    place.clock = &clock;
    if (shuffles) place.shuffle = &shuffle.emplace(seeds.next());
}

void Host::State::start() {
    if (shuffle) {  // short turns, between which the order is drawn anew
        config.event_interval = static_cast<std::uint32_t>(1 + shuffle->below(8));
        config.max_next_slot_runs = static_cast<std::uint32_t>(1 + shuffle->below(3));
    }
    clock.follow(place.pace->clock.now());
    config.seed = seeds.next();
    auto backend = make_host_backend(config_of(stack_config, place.station, seeds.next()), place);
    auto built = runtime::Builder(config).offer(std::move(backend)).build();
    if (!built) throw Failure(name + ": " + built.error().message);
    runtime = std::make_unique<runtime::Runtime>(std::move(*built));
    wake();
    if (!program) return;
    const HostLoop::Installed here(loop());
    running_program.emplace(skerry::spawn(program()));
}

void Host::State::stop() {
    running_program.reset();
    const auto report = runtime->shutdown(config.grace);
    for (const std::string& line : report.stuck)
        std::fprintf(stderr, "skerry::testing: %s: %s\n", name.c_str(), line.c_str());
}

void Host::State::end() { runtime.reset(); }

bool Host::State::poll(time::Instant now) {
    if (due() > now) return false;
    clock.follow(now);
    const time::Instant due_own = runtime->state().cores.front()->core->poll_once();
    core_due = clock.true_time_of(due_own);
    if (running_program && running_program->is_finished()) check_program();
    return true;
}

void Host::State::check_program() {
    auto awaiter = running_program->operator co_await();
    const Result<void, JoinError> outcome = awaiter.await_resume();
    running_program.reset();
    if (!outcome && outcome.error().is_exception()) outcome.error().rethrow();
}

HostLoop& Host::State::loop() const noexcept {
    SKERRY_ASSERT(runtime != nullptr, "the host is down");
    return static_cast<HostLoop&>(*runtime->state().cores.front()->core);
}

bool Host::State::has_blocking_calls() const noexcept {
    return runtime != nullptr && runtime->state().blocking->outstanding() != 0;
}

// --- its clock

void Host::State::set_clock(const ClockSkew& skew) noexcept {
    own_skew = skew;
    own_since = place.pace->clock.now();
    adjust_clock();
}

void Host::State::begin_skew(std::uint64_t fault, std::chrono::nanoseconds ahead) {
    skews.emplace_back(fault, ahead);
    adjust_clock();
}

void Host::State::end_skew(std::uint64_t fault) noexcept {
    std::erase_if(skews, [fault](const auto& each) { return each.first == fault; });
    adjust_clock();
}

void Host::State::adjust_clock() noexcept {
    const time::Instant now = place.pace->clock.now();
    if (skews.empty())
        clock.set(own_skew, own_since, now);
    else
        clock.set({.ahead = skews.back().second}, now);
    wake();
}

// --- what programs see

Host::Host(Simulation& simulation, std::unique_ptr<State> state) noexcept
    : simulation_(&simulation), state_(std::move(state)) {}
Host::~Host() = default;

const std::string& Host::name() const noexcept { return state_->name; }
net::IpAddr Host::address() const noexcept { return address_of(state_->place.station).ip(); }
net::IpAddr Host::address6() const noexcept {
    return address6_of(state_->stack_config.address6, state_->place.station).ip();
}
bool Host::is_up() const noexcept { return state_->runtime != nullptr; }

void Host::crash() {
    SKERRY_ASSERT(is_up(), "a host that is down cannot crash");
    SKERRY_ASSERT(task::current_scheduler != &state_->scheduler(), "a host is crashed from outside");
    state_->place.wire->set_plugged(state_->place.station, false);
    state_->stop();
    state_->end();
}

void Host::restart() {
    SKERRY_ASSERT(!is_up(), "crash() the host before it is restarted");
    state_->place.wire->set_plugged(state_->place.station, true);
    state_->start();
}

void Host::set_clock(const ClockSkew& skew) noexcept { state_->set_clock(skew); }

time::Instant Host::now() const noexcept {
    return std::max(state_->clock.own_time_of(state_->place.pace->clock.now()),
                    time::Instant::from_nanos(state_->clock.time().now_ns));
}

void Host::start_root(task::TaskHeader& header) {
    state_->clock.follow(state_->place.pace->clock.now());
    const HostLoop::Installed here(state_->loop());
    task::start_here(state_->scheduler(), header);
    state_->wake();
}

std::uint64_t Host::live_tasks() const noexcept { return state_->scheduler().live_tasks(); }
stack::Stack& Host::stack() const noexcept { return state_->loop().driver().stack(); }
std::uint64_t Host::frames_out() const noexcept { return state_->loop().driver().port().frames_out(); }

}  // namespace skerry::testing
