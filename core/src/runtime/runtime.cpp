#include <skerry/runtime/runtime.hpp>

#include <skerry/runtime/blocking_pool.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

namespace skerry::runtime {

namespace {

// A closed core for tasks that come when their runtime has stopped: whoever posts them there ends them there.
task::Scheduler& nowhere() {
    static task::Scheduler& closed = []() -> task::Scheduler& {
        task::Scheduler* const scheduler = task::Scheduler::acquire();
        SKERRY_ASSERT(scheduler != nullptr, "more schedulers than a process can have");
        scheduler->configure(task::CoreId{}, {}, nullptr, 0);
        scheduler->close();
        return *scheduler;
    }();
    return closed;
}

// Ends this runtime's use of the schedulers. With per_core each core's thread has closed its own.
void close_schedulers(RuntimeState& state) {
    for (auto& slot : state.cores) {
        if (slot->thread.joinable() || slot->is_left_behind || slot->core == nullptr) continue;
        slot->core->stop_tasks();
        slot->scheduler->close();
        slot->core.reset();
    }
    state.borrowed.reset();
}

bool has_ended(const CoreSlot& slot) noexcept { return slot.ended.load(std::memory_order_acquire); }

// Also those that another shutdown has left behind.
bool has_threads_left(const RuntimeState& state) noexcept {
    return std::any_of(state.cores.begin(), state.cores.end(), [](const auto& slot) {
        return (slot->thread.joinable() || slot->is_left_behind) && !has_ended(*slot);
    });
}

// Joins the thread of a core, or leaves it behind. Whether it is over. The core of one that is left behind stays until
// nobody uses the state any more: its thread does.
bool end_thread(CoreSlot& slot) {
    if (!slot.thread.joinable()) return !slot.is_left_behind || has_ended(slot);
    if (has_ended(slot) || slot.tasks_stopped.load(std::memory_order_acquire)) {
        slot.thread.join();
        slot.core.reset();
        return true;
    }
    slot.is_left_behind = true;
    slot.thread.detach();
    return false;
}

/// Held by the one shutdown that goes on.
class OneShutdown {
public:
    explicit OneShutdown(RuntimeState& state) : state_(state) {
        SKERRY_ASSERT(state.shut_down_by.load(std::memory_order_relaxed) != std::this_thread::get_id(),
                      "a runtime is shut down by a destructor that its shutdown runs");
        state.shutting_down.lock();
        state.shut_down_by.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }
    ~OneShutdown() {
        state_.shut_down_by.store(std::thread::id(), std::memory_order_relaxed);
        state_.shutting_down.unlock();
    }
    OneShutdown(const OneShutdown&) = delete;
    OneShutdown& operator=(const OneShutdown&) = delete;

private:
    RuntimeState& state_;
};

}  // namespace

RuntimeState::RuntimeState() = default;
RuntimeState::~RuntimeState() {
    cores.clear();
    // Not before: while this state lives, a task of another core may still hand something to one that has closed.
    for (task::Scheduler* const scheduler : schedulers) scheduler->retire();
}

Runtime& Runtime::operator=(Runtime&& other) noexcept {
    if (this != &other) {
        if (state_ != nullptr && !is_stopped()) shutdown(state_->config.grace);
        state_ = std::move(other.state_);
    }
    return *this;
}

Runtime::~Runtime() {
    if (state_ != nullptr && !is_stopped()) shutdown(state_->config.grace);
}

bool Runtime::is_stopped() const noexcept {
    const std::lock_guard guard(state_->life);
    return state_->stopped;
}

void Runtime::assert_in_its_thread() const {
    SKERRY_ASSERT(state_->config.flavour != Flavour::current_thread || state_->builder == std::this_thread::get_id(),
                  "a current_thread runtime is driven by the thread that built it");
}

void Runtime::assert_outside() const {
    const RuntimeState& state = *state_;
    const bool is_in_task = state.config.flavour == Flavour::current_thread
                                ? state.schedulers.front()->current_task() != nullptr
                                : task::current_scheduler != nullptr && task::current_scheduler->runtime() == &state;
    SKERRY_ASSERT(!is_in_task, "a runtime is shut down in one of its own tasks");
    SKERRY_ASSERT(!state.blocking->has_this_thread(), "a runtime is shut down in one of its own blocking calls");
}

void Runtime::drive(bool (*done)(void*), void* context) {
    assert_in_its_thread();
    if (state_->config.flavour != Flavour::current_thread) return static_cast<Completion*>(context)->wait();
    // Without a core it has been shut down, and who came since was ended where it came.
    if (const auto& core = state_->cores.front()->core) core->run_until(done, context);
}

time::Instant Runtime::poll_once() {
    SKERRY_ASSERT(state_->config.flavour == Flavour::current_thread, "poll_once() is for the flavour current_thread");
    assert_in_its_thread();
    SKERRY_ASSERT(state_->schedulers.front()->current_task() == nullptr, "poll_once() in a task of the same runtime");
    const auto& core = state_->cores.front()->core;
    return core != nullptr ? core->poll_once() : time::Instant::max();
}

int Runtime::wake_fd() const noexcept {
    const auto& core = state_->cores.front()->core;
    return core != nullptr ? core->wake_fd() : -1;
}

ShutdownReport Runtime::shutdown(time::AnyDuration grace) {
    assert_outside();
    RuntimeState& state = *state_;
    const time::Instant begin = time::Instant::from_steady(std::chrono::steady_clock::now());
    const auto deadline = (begin + std::chrono::nanoseconds{grace}).to_steady();
    const OneShutdown the_only_one(state);
    {
        const std::lock_guard guard(state.life);
        state.stopped = true;
    }
    for (auto& slot : state.cores)
        if (slot->thread.joinable() && slot->core != nullptr) slot->core->request_stop();
    close_schedulers(state);
    while (has_threads_left(state) && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::microseconds{200});
    state.give_up.store(true, std::memory_order_relaxed);
    ShutdownReport report;
    for (std::size_t i = 0; i < state.cores.size(); ++i)
        if (!end_thread(*state.cores[i]))
            report.stuck.push_back("core " + std::to_string(i) + " did not return to its loop: a task of it blocks");
    if (state.capture != nullptr) state.capture->close();
    for (std::string& line : state.blocking->shutdown(deadline)) report.stuck.push_back(std::move(line));
    return report;
}

// --- from other threads

void start_from_anywhere(RuntimeState& state, task::Scheduler& target, task::TaskHeader& header) {
    {
        const std::lock_guard guard(state.life);
        if (!state.stopped) return task::Scheduler::start_on(target, header);
    }
    // Not to the target, which may be stuck. And after the unlock: the task's arguments are destroyed here.
    task::Scheduler::start_on(nowhere(), header);
}

void spawn_root(RuntimeState& state, Task<> task, std::source_location where) {
    task::TaskHeader& header = task::make_root(std::move(task), where);
    task::Scheduler& target = *state.schedulers.front();
    start_from_anywhere(state, target, header);
    task::Scheduler::drop_handle(header);
}

task::Scheduler& Handle::pick_core() const noexcept {
    task::Scheduler* const here = task::current_scheduler;
    if (here != nullptr && here->runtime() == state_.get()) return *here;
    const std::uint32_t turn = state_->next_core.fetch_add(1, std::memory_order_relaxed);
    return *state_->schedulers[turn % state_->schedulers.size()];
}

RuntimeState& current_runtime() noexcept {
    SKERRY_ASSERT(task::current_scheduler != nullptr && task::current_scheduler->runtime() != nullptr,
                  "this thread is not a core of a runtime");
    return *static_cast<RuntimeState*>(task::current_scheduler->runtime());
}

}  // namespace skerry::runtime
