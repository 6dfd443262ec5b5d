#include "engine/explorer.hpp"

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cxxabi.h>
#include <exception>

namespace skerry::model {

constinit Explorer* running = nullptr;

namespace {

constexpr std::size_t trace_lines_max = 120;
constexpr unsigned let_on_max = 32;
constexpr std::uint64_t cut_max = 100;  // as many cut schedules show that there is a livelock

/// What __cxa_get_globals() points to: the exceptions being handled and in flight. It belongs to the OS thread,
/// so it is exchanged with each switch; a thread may be switched away from within a catch block.
std::array<void*, 2>& exception_state() noexcept {
    return *reinterpret_cast<std::array<void*, 2>*>(abi::__cxa_get_globals());
}

}  // namespace

Report Explorer::explore(const char* name, const Options& options, detail::Body body, void* closure) {
    Report report;
    report.name = name_ = name;
    options_ = options;
    choices_ = Choices{};
    if (!select_mode(report, options)) return report;
    const std::uint64_t wanted = options.random_schedules != 0 ? options.random_schedules : options.schedules_max;
    bool more = true;
    while (more && report.schedules < wanted && report.cut < cut_max && !report.failed) {
        run_schedule(body, closure);
        ++report.schedules;
        report.steps_max = std::max(report.steps_max, steps_);
        report.depth_max = std::max<std::uint64_t>(report.depth_max, choices_.depth());
        if (end_ == End::normal) report.let_on += let_on_;
        if (end_ == End::cut && ++report.cut == 1) explain(report);
        if (end_ == End::normal && choices_.diverged())
            message_ = "the model does not do the same in the same schedule";
        report.failed = end_ == End::failed || choices_.diverged();
        if (report.failed) explain(report);
        if (!report.failed) more = choices_.advance();
    }
    report.complete = !more && report.cut == 0 && !report.failed;
    if (more && !report.failed && report.cut == 0) {
        if (options.random_schedules != 0) {
            report.complete = true;
        } else {
            report.message = "stopped after " + std::to_string(report.schedules) + " schedules (schedules_max)";
        }
    }
    return report;
}

bool Explorer::select_mode(Report& report, const Options& options) {
    if (options.random_schedules != 0) choices_.walk_randomly(options.seed);
    const char* wanted = std::getenv("MODEL_REPLAY");
    if (wanted == nullptr) return true;
    const std::string text = wanted;
    const std::size_t at = text.rfind('@');
    if (at == std::string::npos || text.substr(0, at) != report.name) {
        report.skipped = true;
        return false;
    }
    if (choices_.replay(text.substr(at + 1))) return true;
    report.failed = true;
    report.message = "MODEL_REPLAY cannot be read";
    return false;
}

void Explorer::explain(Report& report) const {
    auto& self = const_cast<Explorer&>(*this);  // the lookups of a trace change nothing
    report.message = message_;
    report.replay = report.name + '@' + choices_.to_string();
    report.trace = format_trace(trace_, self.locations_, self.heap_, trace_lines_max);
}

void Explorer::run_schedule(detail::Body body, void* closure) {
    ++schedule_;
    locations_.begin_schedule();
    heap_.reset();
    trace_.clear();
    message_.clear();
    ready_ = alive_ = 0;
    preemptions_ = thread_count_ = locals_count_ = 0;
    locals_bytes_ = 0;
    steps_ = 0;
    let_on_ = 0;
    stuck_at_ = 0;
    tracked_ = 0;
    spurious_left_ = options_.spurious_failure;
    end_ = End::normal;

    Thread& main = threads_[0];
    current_ = &main;
    prepare_thread(main, body);
    main.outer_closure = closure;
    main.fresh = false;
    root_.exception_state = exception_state();
    exception_state() = {};
    running = this;
    Fiber::switch_to(root_.fiber, main.fiber);
}

/// Ends the schedule; comes back only in a thread that has ended and is given its next body.
void Explorer::leave(End end) {
    end_ = end;
    running = nullptr;
    load_locals(root_);
    Fiber::switch_to(current_->fiber, root_.fiber);
}

void Explorer::fail(const std::string& message) {
    message_ = message;
    current_->idle = false;  // it may have been about to end, but its fiber stays here
    leave(End::failed);
    std::abort();  // an abandoned fiber is never switched to
}

void Explorer::prepare_thread(Thread& thread, detail::Body body) {
    thread.id = static_cast<std::uint8_t>(thread_count_++);
    thread.body = body;
    thread.outer_closure = nullptr;
    thread.fresh = true;
    thread.joins = 0;
    thread.held_at = nullptr;
    thread.forget_reads();
    thread.exception_state = {};
    thread.locals = root_.locals;
    thread.clock = thread.id == 0 ? VectorClock{} : current_->clock;
    thread.clock.at[thread.id] = 1;
    if (!thread.idle) thread.fiber.prepare(&Explorer::thread_main, &thread);
    thread.idle = false;
    ready_ |= bit(thread.id);
    alive_ |= bit(thread.id);
}

void Explorer::thread_main(void* argument) {
    auto& thread = *static_cast<Thread*>(argument);
    while (true) {
        try {
            thread.body(thread.outer_closure != nullptr ? thread.outer_closure : thread.closure.data());
        } catch (const std::exception& exception) {
            running->fail(std::string("an exception left the thread: ") + exception.what());
        } catch (...) {
            running->fail("an exception left the thread");
        }
        running->end_thread();
    }
}

void* Explorer::new_thread_closure() {
    if (thread_count_ == threads_max) fail("more than 7 threads in one schedule");
    return threads_[thread_count_].closure.data();
}

unsigned Explorer::start_thread(detail::Body body) {
    Thread& thread = threads_[thread_count_];
    prepare_thread(thread, body);
    ++current_->clock.at[current_->id];  // what the parent does from here on is not before the child's start
    progress();
    record(TraceEntry::What::thread_start, nullptr, thread.id);
    return thread.id;
}

void Explorer::end_thread() {
    Thread& self = *current_;
    record(TraceEntry::What::thread_end);
    progress();
    alive_ &= ~bit(self.id);
    ready_ &= ~bit(self.id);
    if (self.id == 0) {
        check_end_of_schedule();
        self.idle = true;
        leave(End::normal);
        return;
    }
    for (unsigned i = 0; i < thread_count_; ++i) {
        if (threads_[i].joins != 0 && (threads_[i].joins & alive_) == 0) ready_ |= bit(i);
    }
    self.idle = true;
    reschedule(false);
}

void Explorer::check_end_of_schedule() {
    if (alive_ != 0) fail("the main thread returned while others run: join_all() is missing");
    if (tracked_ != 0) fail(std::to_string(tracked_) + " Tracked objects were not destroyed (leak)");
    for (const Heap::Block& block : heap_.blocks()) {
        if (!block.freed) fail("block " + std::to_string(heap_.number_of(block)) + " was not freed (leak)");
    }
    if (const Heap::Block* block = heap_.find_overwritten())
        fail("block " + std::to_string(heap_.number_of(*block)) + " was written to after it was freed");
}

void Explorer::join(std::uint32_t threads) {
    Thread& self = *current_;
    threads &= started_threads() & ~bit(self.id);
    record(TraceEntry::What::join);
    if ((threads & alive_) != 0) {
        self.joins = threads;
        ready_ &= ~bit(self.id);
        reschedule(false);
        self.joins = 0;
    }
    for (unsigned i = 0; i < thread_count_; ++i) {
        if ((threads & bit(i)) != 0) self.clock.join(threads_[i].clock);
    }
    progress();
}

void Explorer::yield() {
    record(TraceEntry::What::yield);
    if (++steps_ > options_.steps_max) step(nullptr, nullptr, false);
    reschedule(true);
}

unsigned Explorer::choose(unsigned count) {
    if (count == 0 || count > 255) fail("choose() takes 1 to 255");
    const unsigned chosen = count == 1 ? 0 : choices_.next(count);
    progress();
    record(TraceEntry::What::choose, nullptr, chosen);
    return chosen;
}

/// Comes before every operation. `fruitless` says that it would change nothing if it were done now.
void Explorer::step(Location* location, const void* site, bool fruitless) {
    Thread& self = *current_;
    if (++steps_ > options_.steps_max) {
        message_ = "cut after " + std::to_string(options_.steps_max) + " steps (a livelock, or steps_max is too low)";
        leave(End::cut);
    }
    if (self.fresh) {
        self.fresh = false;
        return;
    }
    if (ready_ == bit(self.id) && !fruitless) return;
    if (fruitless && self.would_repeat(location, site)) {
        self.held_at = location;
        ready_ &= ~bit(self.id);
        record(TraceEntry::What::wait, location->address);
    }
    reschedule(false);
}

void Explorer::reschedule(bool voluntary) {
    const unsigned next = pick_next(voluntary);
    if (next == current_->id && !current_->idle) return;
    switch_to(threads_[next]);
}

unsigned Explorer::pick_next(bool voluntary) {
    std::array<std::uint8_t, threads_max> candidates;
    unsigned count = 0;
    const std::uint32_t self = bit(current_->id);
    const bool can_go_on = (ready_ & self) != 0 && !voluntary;
    if (can_go_on) candidates[count++] = current_->id;
    if (!can_go_on || preemptions_ < options_.preemptions_max) {
        for (std::uint32_t rest = ready_ & ~self; rest != 0; rest &= rest - 1)
            candidates[count++] = static_cast<std::uint8_t>(std::countr_zero(rest));
    }
    if (count == 0) return (ready_ & self) != 0 ? current_->id : let_one_on();
    const unsigned chosen = count == 1 ? candidates[0] : candidates[choices_.next(count)];
    if (can_go_on && chosen != current_->id) ++preemptions_;
    return chosen;
}

/// Nobody is ready. A held thread may only have looked like a spinning one, so each goes on some more times.
unsigned Explorer::let_one_on() {
    Thread* best = nullptr;
    for (unsigned i = 0; i < thread_count_; ++i) {
        Thread& thread = threads_[i];
        if (thread.held_at != nullptr && thread.let_on < let_on_max &&
            (best == nullptr || thread.let_on < best->let_on))
            best = &thread;
    }
    if (best == nullptr) {
        if (stuck_at_ != 0) trace_.resize(stuck_at_);  // the rounds since then show nothing
        fail("deadlock: " + describe_waiters());
    }
    if (stuck_at_ == 0) stuck_at_ = trace_.size();
    ++let_on_;
    ++best->let_on;
    best->held_at = nullptr;
    ready_ |= bit(best->id);
    return best->id;
}

std::string Explorer::describe_waiters() {
    std::string text;
    for (unsigned i = 0; i < thread_count_; ++i) {
        const Thread& thread = threads_[i];
        if ((alive_ & bit(i)) == 0) continue;
        if (!text.empty()) text += "; ";
        text += "thread " + std::to_string(i);
        text += thread.held_at != nullptr
                    ? " waits for a change of " + describe_address(thread.held_at->address, locations_, heap_)
                    : std::string(" joins");
    }
    return text;
}

void Explorer::switch_to(Thread& next) {
    Thread& self = *current_;
    save_locals(self);
    load_locals(next);
    current_ = &next;
    Fiber::switch_to(self.fiber, next.fiber);
}

void Explorer::save_locals(Thread& thread) noexcept {
    thread.exception_state = exception_state();
    for (unsigned i = 0; i < locals_count_; ++i)
        std::memcpy(thread.locals.data() + locals_[i].offset, locals_[i].variable, locals_[i].bytes);
}

void Explorer::load_locals(const Thread& thread) noexcept {
    exception_state() = thread.exception_state;
    for (unsigned i = 0; i < locals_count_; ++i)
        std::memcpy(locals_[i].variable, thread.locals.data() + locals_[i].offset, locals_[i].bytes);
}

void Explorer::register_fiber_local(void* variable, std::size_t bytes) {
    if (locals_count_ == locals_.size() || locals_bytes_ + bytes > Thread::locals_bytes_max)
        fail("too many fiber locals");
    if (thread_count_ > 1) fail("fiber_local() comes before the first thread()");
    std::memcpy(root_.locals.data() + locals_bytes_, variable, bytes);
    locals_[locals_count_++] = {variable, bytes, locals_bytes_};
    locals_bytes_ += bytes;
}

void Explorer::wake_held_at(const Location* location) noexcept {
    for (unsigned i = 0; i < thread_count_; ++i) {
        Thread& thread = threads_[i];
        if (!thread.waits_for(location)) continue;
        thread.held_at = nullptr;
        thread.let_on = 0;
        ready_ |= bit(i);
    }
}

void Explorer::print_crash(const char* what, const void* address) noexcept {
    running = nullptr;
    const bool overflow = current_->fiber.guards(address);
    std::fprintf(stderr, "model: %s in thread %u%s\n%s", what, current_->id, overflow ? " (its stack overflowed)" : "",
                 format_trace(trace_, locations_, heap_, trace_lines_max).c_str());
    std::fprintf(stderr, "replay with MODEL_REPLAY='%s@%s'\n", name_, choices_.to_string().c_str());
}

}  // namespace skerry::model
