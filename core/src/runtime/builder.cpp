#include <skerry/runtime/builder.hpp>

#include <skerry/runtime/blocking_pool.hpp>
#include <skerry/runtime/no_io.hpp>
#include <skerry/time/clock.hpp>

#include <pthread.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdint>
#include <latch>
#include <optional>
#include <random>
#include <system_error>

namespace skerry::runtime {

namespace {

using backend::SetupError;

struct Choice {
    backend::Backend* backend = nullptr;
    std::string driver;
    std::string reason;
};

/// A driver whose cores could not be made after all: a probe tries one, and has let go of it by then.
struct NotStarted {
    std::string driver;
    std::string why;
};

struct StartFailure {
    SetupError error;
    bool is_drivers = true;  // rather than of the machine, which has no thread left
};

/// The driver that is asked for, without what may follow its name.
std::string wanted_driver(const Config& config) { return config.backend.substr(0, config.backend.find(':')); }

bool is_auto(const Config& config) { return wanted_driver(config) == "auto"; }

bool is_denied(const Config& config, std::string_view driver) {
    return std::find(config.deny.begin(), config.deny.end(), driver) != config.deny.end();
}

bool is_offered(std::string_view driver, const std::vector<std::unique_ptr<backend::Backend>>& offered) {
    return std::any_of(offered.begin(), offered.end(), [&](const auto& backend) {
        const auto drivers = backend->drivers();
        return std::find(drivers.begin(), drivers.end(), driver) != drivers.end();
    });
}

backend::Options options_of(const Config& config, std::size_t cores) {
    backend::Options options;
    options.dpdk = config.dpdk;
    options.ip = config.ip;
    options.ip6 = config.ip6;
    options.gateway = config.gateway;
    options.routes = config.routes;
    options.tcp = config.tcp;
    options.vlan = config.vlan;
    if (const auto colon = config.backend.find(':'); colon != std::string::npos)
        options.interface = config.backend.substr(colon + 1);
    options.cores = static_cast<std::uint16_t>(cores);
    options.have_own_threads = config.flavour == Flavour::per_core;
    options.by_ladder = is_auto(config);
    options.mostly_datagrams = options.by_ladder && config.traffic == Traffic::datagrams;
    return options;
}

backend::Probe probe_rung(backend::Backend& candidate, std::string_view driver, const backend::Options& options,
                          const std::vector<NotStarted>& not_started) {
    for (const NotStarted& tried : not_started) {
        if (tried.driver != driver) continue;
        const std::string own_name = tried.driver + ": ";
        return {false, "does not start: " + tried.why.substr(tried.why.starts_with(own_name) ? own_name.size() : 0)};
    }
    return candidate.probe(driver, options);
}

// The ladder: the first offered driver that can run and is not among those that did not start, or the named one.
// `lines` gets one for each rung that was looked at.
Result<Choice, SetupError> choose(const Config& config, std::size_t cores,
                                  const std::vector<std::unique_ptr<backend::Backend>>& offered,
                                  const std::vector<NotStarted>& not_started, std::vector<std::string>& lines) {
    const std::string wanted = wanted_driver(config);
    const backend::Options options = options_of(config, cores);
    Choice choice;
    std::string offered_names;
    std::string why_not;
    const std::string denied = "denied by SKERRY_DENY";
    const auto tell = [&lines](std::string_view driver, const std::string& what) {
        lines.push_back("backend " + std::string(driver) + ": " + what);
    };
    for (const auto& candidate : offered) {
        for (const std::string_view driver : candidate->ladder(options)) {
            offered_names += (offered_names.empty() ? "" : ", ") + std::string(driver);
            if (wanted != "auto" && wanted != driver) continue;
            const bool is_out = wanted == "auto" && is_denied(config, driver);
            if (choice.backend != nullptr) {
                tell(driver, is_out ? "passed over: " + denied : "not tried: " + choice.driver + " comes first");
                continue;
            }
            backend::Probe probe{false, denied};
            if (!is_out) probe = probe_rung(*candidate, driver, options, not_started);
            tell(driver, (probe.usable ? "taken: " : "passed over: ") + probe.reason);
            if (probe.usable) {
                choice.backend = candidate.get();
                choice.driver = driver;
                choice.reason = probe.reason;
            } else {
                why_not += (why_not.empty() ? "" : "; ") + std::string(driver) + ": " + probe.reason;
            }
        }
    }
    for (const std::string& name : config.deny)
        if (!is_offered(name, offered))
            lines.push_back("denied " + name + ": no backend of this build; it has: " + offered_names);
    if (choice.backend != nullptr) return choice;
    if (why_not.empty())
        return Unexpected(SetupError{"backend " + wanted + " is not in this build; it has: " + offered_names});
    if (wanted != "auto") return Unexpected(SetupError{std::move(why_not)});
    return Unexpected(SetupError{"no backend can run here: " + why_not});
}

backend::Idle idle_of(IdlePolicy policy) noexcept {
    switch (policy) {
        case IdlePolicy::spin: return backend::Idle::spin;
        case IdlePolicy::adaptive: return backend::Idle::adaptive;
        case IdlePolicy::sleep: break;
    }
    return backend::Idle::sleep;
}

IdlePolicy policy_of(backend::Idle idle) noexcept {
    switch (idle) {
        case backend::Idle::spin: return IdlePolicy::spin;
        case backend::Idle::adaptive: return IdlePolicy::adaptive;
        case backend::Idle::sleep: break;
    }
    return IdlePolicy::sleep;
}

std::uint64_t seed_of(const Config& config) { return config.seed ? *config.seed : std::random_device{}(); }

backend::CoreSetup setup_of(RuntimeState& state, std::size_t index) {
    backend::CoreSetup setup;
    setup.scheduler = state.schedulers[index];
    setup.core = task::CoreId(static_cast<std::uint16_t>(index));
    setup.core_count = static_cast<std::uint16_t>(state.plan.cores.size());
    setup.has_own_thread = state.config.flavour == Flavour::per_core;
    setup.idle = idle_of(state.plan.cores[index].idle);
    setup.resumes_per_turn = state.config.event_interval;
    setup.options = options_of(state.config, state.plan.cores.size());
    setup.capture = state.capture.get();
    for (const auto& backend : state.backends)
        if (setup.slow_lanes == nullptr && backend->has_slow_lanes()) setup.slow_lanes = backend.get();
    return setup;
}

void prepare_thread(const RuntimeState& state, std::size_t index) {
    const std::string name = (state.config.thread_name + "-" + std::to_string(index)).substr(0, 15);
    ::pthread_setname_np(::pthread_self(), name.c_str());
    if (state.plan.pin) (void)topology::pin_current_thread(state.plan.cores[index].cpu);
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // the default of 50 us makes every sleep late by it
}

// The life of a core's thread. The state is kept alive by the thread itself: a core left behind by a
// shutdown still uses it.
void run_core(std::shared_ptr<RuntimeState> state, std::size_t index, std::latch& made,
              std::optional<SetupError>& failure) {
    CoreSlot& slot = *state->cores[index];
    prepare_thread(*state, index);
    auto core = state->chosen->make_core(state->driver, setup_of(*state, index));
    if (!core) {
        failure = std::move(core).error();
        slot.scheduler->close();
        slot.tasks_stopped.store(true, std::memory_order_release);
        slot.ended.store(true, std::memory_order_release);
        made.count_down();
        return;
    }
    slot.core = std::move(*core);
    made.count_down();
    slot.core->run();
    slot.core->stop_tasks();
    slot.tasks_stopped.store(true, std::memory_order_release);
    // Destructors on other cores may still post here: go on until every core has come this far.
    const auto all_stopped = [&] {
        return std::all_of(state->cores.begin(), state->cores.end(),
                           [](const auto& other) { return other->tasks_stopped.load(std::memory_order_acquire); });
    };
    while (!all_stopped() && !state->give_up.load(std::memory_order_relaxed)) {
        slot.core->stop_tasks();
        std::this_thread::yield();
    }
    slot.core->stop_tasks();
    slot.scheduler->close();
    slot.core->leave();
    slot.ended.store(true, std::memory_order_release);
}

Result<void, StartFailure> start_threads(const std::shared_ptr<RuntimeState>& state) {
    const std::size_t count = state->cores.size();
    auto made = std::make_unique<std::latch>(static_cast<std::ptrdiff_t>(count));
    std::vector<std::optional<SetupError>> failures(count);
    std::optional<SetupError> no_thread;
    for (std::size_t i = 0; i < count; ++i) {
        try {
            state->cores[i]->thread = std::thread(&run_core, state, i, std::ref(*made), std::ref(failures[i]));
        } catch (const std::system_error& error) {
            no_thread = SetupError{"core " + std::to_string(i) + ": cannot start a thread: " + error.what()};
            state->cores[i]->scheduler->close();
            state->cores[i]->tasks_stopped.store(true, std::memory_order_release);
            made->count_down();
        }
    }
    made->wait();
    for (auto& failure : failures)
        if (failure) return Unexpected(StartFailure{std::move(*failure)});
    if (no_thread) return Unexpected(StartFailure{std::move(*no_thread), false});
    return {};
}

Result<void, StartFailure> make_here(RuntimeState& state) {
    state.borrowed.emplace();
    ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    if (state.plan.pin) (void)topology::pin_current_thread(state.plan.cores.front().cpu);
    auto core = state.chosen->make_core(state.driver, setup_of(state, 0));
    if (!core) return Unexpected(StartFailure{std::move(core).error()});
    state.cores.front()->core = std::move(*core);
    return {};
}

// Room for each core of the plan, in `state`.
Result<void, SetupError> add_cores(RuntimeState& state) {
    const bool has_hooks =
        state.hooks.on_spawn || state.hooks.before_run || state.hooks.after_run || state.hooks.on_terminate;
    const std::uint64_t seed = seed_of(state.config);
    for (std::size_t i = 0; i < state.plan.cores.size(); ++i) {
        task::Scheduler* scheduler = task::Scheduler::acquire();
        if (scheduler == nullptr) return Unexpected(SetupError{"this process has no room for more cores"});
        task::SchedulerLimits limits;
        limits.task_budget = static_cast<std::int32_t>(std::min<std::uint32_t>(state.config.task_budget, INT32_MAX));
        limits.next_slot_runs = state.config.max_next_slot_runs;
        scheduler->configure(task::CoreId(static_cast<std::uint16_t>(i)), limits, has_hooks ? &state.hooks : nullptr,
                             seed + i);
        scheduler->set_runtime(&state);
        state.schedulers.push_back(scheduler);
        state.cores.push_back(std::make_unique<CoreSlot>());
        state.cores.back()->scheduler = scheduler;
    }
    return {};
}

// All of a runtime that runs on the chosen driver, but its backends and what runs.
Result<std::shared_ptr<RuntimeState>, SetupError> make_state(const Config& config, const CorePlan& plan,
                                                             const Choice& choice, const task::TaskHooks& hooks) {
    auto state = std::make_shared<RuntimeState>();
    state->config = config;
    state->plan = plan;
    // How its cores idle may be the driver's to say.
    if (const auto idle = choice.backend->default_idle(choice.driver); !config.idle && idle != backend::Idle::sleep) {
        state->config.idle = policy_of(idle);
        auto its_plan = resolve_cores(state->config);
        if (!its_plan) return Unexpected(SetupError{std::move(its_plan).error().message});
        state->plan = std::move(*its_plan);
    }
    state->driver = choice.driver;
    state->reason = choice.reason;
    state->chosen = choice.backend;
    state->builder = std::this_thread::get_id();
    state->hooks = hooks;
    state->blocking =
        std::make_unique<BlockingPool>(config.blocking_threads_max, config.blocking_queue_max, config.thread_name);
    if (auto added = add_cores(*state); !added) return Unexpected(std::move(added).error());
    std::vector<std::uint16_t> homes;
    for (const task::Scheduler* const scheduler : state->schedulers) homes.push_back(scheduler->home());
    state->blocking->share_cpus(state->plan.awake_max, std::move(homes));
    return state;
}

Result<void, StartFailure> start(const std::shared_ptr<RuntimeState>& state) {
    return state->config.flavour == Flavour::current_thread ? make_here(*state) : start_threads(state);
}

/// The recording that the configuration asks for; null when it asks for none.
Result<std::shared_ptr<trace::Capture>, SetupError> open_capture(const Config& config) {
    const std::string& file = config.capture.file;
    if (file.empty()) return std::shared_ptr<trace::Capture>();
    auto opened = trace::Capture::open(config.capture);
    if (!opened) return Unexpected(SetupError{"cannot write the capture " + file + ": " + opened.error().message()});
    return std::shared_ptr<trace::Capture>(std::move(*opened));
}

/// Whether the cores of a runtime that has started give the capture something.
Result<void, SetupError> check_capture(const RuntimeState& state) {
    if (state.capture == nullptr || state.capture->taps() != 0) return {};
    return Unexpected(SetupError{"backend " + state.driver +
                                 ": no port of ours to capture; take dpdk with --ip, tap:IF or xdp:IF, or tcpdump for "
                                 "the kernel's sockets"});
}

}  // namespace

Builder& Builder::offer(std::unique_ptr<backend::Backend> backend) & {
    backends_.push_back(std::move(backend));
    return *this;
}

Builder& Builder::hooks(task::TaskHooks hooks) & {
    hooks_ = std::move(hooks);
    return *this;
}

Builder& Builder::on_log(std::function<void(std::string_view)> log) & {
    log_ = std::move(log);
    return *this;
}

Result<Runtime, SetupError> Builder::build() && {
    time::Clock::init();
    // The plan comes first: a core that does not exist is told before any driver is tried.
    auto plan = resolve_cores(config_);
    if (!plan) return Unexpected(SetupError{std::move(plan).error().message});
    if (backends_.empty()) backends_.push_back(make_no_io_backend());
    const auto log = [this](const std::vector<std::string>& lines) {
        if (log_)
            for (const std::string& line : lines) log_(line);
    };
    std::vector<NotStarted> not_started;
    for (;;) {
        std::vector<std::string> ladder;
        auto choice = choose(config_, plan->cores.size(), backends_, not_started, ladder);
        if (!choice) {
            log(ladder);
            if (not_started.empty()) return Unexpected(std::move(choice).error());
            return Unexpected(SetupError{std::move(not_started.back().why)});
        }
        // For each attempt anew: what has not started leaves no interfaces behind.
        auto capture = open_capture(config_);
        if (!capture) return Unexpected(std::move(capture).error());
        auto made = make_state(config_, *plan, *choice, hooks_);
        if (!made) return Unexpected(std::move(made).error());
        const std::shared_ptr<RuntimeState>& state = *made;
        state->backends = std::move(backends_);
        state->capture = *std::move(capture);
        if (is_auto(config_)) state->ladder = ladder;
        auto started = start(state);
        if (started)
            if (const std::string& note = state->cores.front()->core->note(); !note.empty())
                state->reason += "; " + note;
        std::optional<Runtime> runtime(state);
        if (started || !is_auto(config_) || !started.error().is_drivers) {
            log(ladder);
            log(state->plan.reasons);
            if (started)
                if (auto checked = check_capture(*state); !checked) return Unexpected(std::move(checked).error());
            if (started) return std::move(*runtime);
            return Unexpected(std::move(started).error().error);  // dropping the runtime stops what has started
        }
        runtime.reset();
        backends_ = std::move(state->backends);
        not_started.push_back({choice->driver, std::move(started).error().error.message});
    }
}

}  // namespace skerry::runtime
