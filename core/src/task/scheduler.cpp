#include "live_task.hpp"

#include <skerry/task/scheduler.hpp>

#include <skerry/task/promise.hpp>
#include <skerry/task/run.hpp>
#include <skerry/time/clock.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace skerry::task {

namespace {

constexpr std::uint32_t first_queue_size = 256;

void ring_nobody(void*) noexcept {}

struct Pool {
    std::mutex mutex;
    std::vector<Scheduler*> free;
    std::uint16_t made = 0;
};

// Never destroyed: a thread that a shutdown left behind may give a scheduler back while the process exits.
Pool& pool() {
    static Pool& instance = *new Pool;
    return instance;
}

}  // namespace

std::array<Scheduler*, max_schedulers> Scheduler::table_{};

Scheduler::Scheduler(std::uint16_t home)
    : ring_(new WaitNode*[first_queue_size]),
      ring_mask_(first_queue_size - 1),
      ring_limit_(first_queue_size),
      unstarted_mask_(first_queue_size - 1),
      unstarted_limit_(first_queue_size),
      unstarted_(new TaskHeader*[first_queue_size]),
      home_(home),
      slab_(home),
      ring_doorbell_(&ring_nobody) {}

Scheduler* Scheduler::acquire() {
    Pool& all = pool();
    const std::lock_guard guard(all.mutex);
    if (!all.free.empty()) {
        Scheduler* scheduler = all.free.back();
        all.free.pop_back();
        return scheduler;
    }
    if (all.made == max_schedulers) return nullptr;
    auto* scheduler = new Scheduler(all.made);
    table_[all.made++] = scheduler;
    return scheduler;
}

void Scheduler::configure(CoreId core, SchedulerLimits limits, const TaskHooks* hooks, std::uint64_t seed) noexcept {
    core_ = core;
    limits_ = limits;
    limits_.ties_a_draw = std::max(1U, limits.ties_a_draw);
    hooks_ = hooks;
    random_ = seed * 0x9e3779b97f4a7c15ULL + 0x632be59bd9b4e019ULL + home_;
    if (random_ == 0) random_ = 1;
    ties_left_ = 1;
    for (std::atomic<std::uint64_t>* counter :
         {&counters_.spawned, &counters_.finished, &counters_.aborted, &counters_.resumed, &counters_.budget_yields,
          &counters_.inbox_drained, &counters_.unhandled_exceptions, &counters_.spills})
        counter->store(0, std::memory_order_relaxed);
    stopping_ = false;
    stack_turn_ = false;
    post_wait_ = {};
    starts_ = 0;
    next_runs_ = 0;
    turn_deadline_cycles_ = ~std::uint64_t{0};
}

void Scheduler::draw_ties() noexcept {
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    tie_ = static_cast<std::uint32_t>(random_ >> 32U);
    ties_left_ = limits_.ties_a_draw;
}

void Scheduler::set_doorbell(void (*ring)(void*) noexcept, void* context) noexcept {
    ring_doorbell_ = ring;
    doorbell_context_ = context;
}

// --- running

// Behind a run of the next slot, or from the start: with `ran` of `count` behind it. Whether more may be ready.
bool Scheduler::run_rest(unsigned count, unsigned ran) noexcept {
    next_runs_ += ran;
    if (ring_tail_ - ring_head_ > many_ready) ran += run_many(count - ran);
    while (ran < count && run_one()) ++ran;
    SchedulerCounters::add(counters_.resumed, ran);
    current_ = nullptr;
    if (ring_limit_ == 0) [[unlikely]] {
        take_back();
        return true;
    }
    return ran == count;
}

unsigned Scheduler::run(unsigned count) noexcept {
    const std::uint64_t before = counters_.resumed.load(std::memory_order_relaxed);
    run_inlined(count);
    return static_cast<unsigned>(counters_.resumed.load(std::memory_order_relaxed) - before);
}

namespace {

// How many awaiters in front of it a frame is fetched, and how much of it: what a loop that reads and writes touches,
// as g++ lays it out, is a block of 512 bytes, all of it. A line less, and each write waits for the one that is
// missing.
constexpr std::uint32_t frames_ahead = 4;
constexpr std::size_t frame_bytes_fetched = 8 * cache_line_bytes;
static_assert(frames_ahead < Scheduler::many_ready);

}  // namespace

// The node is warm: waking it wrote its place in the ring.
SKERRY_ALWAYS_INLINE void Scheduler::fetch_frame(std::uint32_t place) const noexcept {
    const WaitNode* const node = ring_[(ring_head_ + place) & ring_mask_];
    if (node == nullptr) return;
    const auto* const frame = static_cast<const std::byte*>(node->continuation.address());
    for (std::size_t i = 0; i < frame_bytes_fetched; i += cache_line_bytes) prefetch_write(frame + i);
}

unsigned Scheduler::run_many(unsigned count) noexcept {
    for (std::uint32_t place = 0; place < frames_ahead; ++place) fetch_frame(place);
    unsigned ran = 0;
    while (ran < count && ring_tail_ - ring_head_ > frames_ahead) {
        fetch_frame(frames_ahead);
        if (!run_one()) break;
        ++ran;
    }
    return ran;
}

// Apart, because the block may be gone, or another task's, when after_run is called: the id is taken before.
void Scheduler::resume_hooked(TaskId task, std::coroutine_handle<> coroutine) noexcept {
    call_hook(hooks_->before_run, task);
    coroutine.resume();
    settle();
    call_hook(hooks_->after_run, task);
}

void Scheduler::resume_nested(std::coroutine_handle<> coroutine) noexcept {
#if SKERRY_HAND_OVER
    const std::coroutine_handle<> outer = std::exchange(handed_over_, nullptr);
    coroutine.resume();
    while (handed_over_) std::exchange(handed_over_, nullptr).resume();
    handed_over_ = outer;
#else
    coroutine.resume();
#endif
}

bool Scheduler::spend_slow() noexcept {
    const std::uint64_t now = time::Clock::cycles();
    if (turn_deadline_cycles_ == 0) begin_turn(now);
    if (budget_ > 0 && now < turn_deadline_cycles_) return false;
    budget_ = 0;
    SchedulerCounters::add(counters_.budget_yields);
    return true;
}

void Scheduler::call_hook(const std::function<void(TaskId)>& hook, TaskId task) noexcept {
    if (hook) hook(task);
}

// --- ends of tasks

void Scheduler::complete(TaskHeader& task) noexcept {
    task.state |= task_state::done;
    --live_tasks_;
    SchedulerCounters::add(counters_.finished);
    if (task.has(task_state::adopted)) [[unlikely]]
        adopted_.erase(&task);
    if (hooks_ != nullptr) [[unlikely]]
        call_hook(hooks_->on_terminate, id_of(task));
    if (is_unobserved(task)) return reap(task);
    // Publishes the outcome to a joiner on another core, and acquires the node it may have registered.
    std::uintptr_t word = task.remote.fetch_or(remote_word::done, std::memory_order_acq_rel);
    while ((word & remote_word::join_lock) != 0) [[unlikely]] {
        cpu_relax();
        word = task.remote.load(std::memory_order_acquire);
    }
    WaitNode* joiner = std::exchange(task.joiner, nullptr);
    if (joiner == nullptr) return reap(task);
    TaskHeader& waiting = *joiner->task();
    if (waiting.home() == home_)
        wake(*joiner);
    else if (fire(waiting, *joiner))
        push(waiting);
}

void Scheduler::kill(TaskHeader& task) noexcept {
    TaskHeader* const outer = std::exchange(current_, &task);  // destructors may ask which task they are in
    SchedulerCounters::add(counters_.aborted);
    if (task.has(task_state::unplaced)) [[unlikely]]
        --unplaced_;
    task.state &= static_cast<std::uint16_t>(~(task_state::unstarted | task_state::unplaced));
    task.state |= task_state::cancelled | task_state::taken;
    std::exception_ptr thrown;
    if (!destroy_unfinished(task.coroutine(), thrown)) [[unlikely]] {
        ::new (task.frame()) StoredPanic{std::move(thrown)};
        task.state |= task_state::panicked;
    }
    complete(task);
    current_ = outer;
}

void Scheduler::reap(TaskHeader& task) noexcept {
    if (!task.has(task_state::done) || task.has_handles()) return;
    // Anything posted keeps the block: the drain that takes it comes back here.
    if ((task.remote.load(std::memory_order_acquire) & ~remote_word::done) != 0) return;
    if (task.has(task_state::panicked)) [[unlikely]]
        static_cast<StoredPanic*>(task.frame())->~StoredPanic();
    else if (auto* const stored = static_cast<StoredOutcomeBase*>(task.frame());
             !task.has(task_state::taken) && stored->drop != nullptr)
        stored->drop(stored);
    if (task.has(task_state::named)) [[unlikely]]
        names_.erase(&task);
    if (task.has(task_state::adopted)) [[unlikely]]
        --adopted_blocks_;
    task.remote.store(0, std::memory_order_relaxed);
    release(task);
}

void Scheduler::drop_handle(TaskHeader& task) noexcept {
    if (on_home_core(task)) [[likely]] {
        --task.handles;
        current_scheduler->reap(task);
        return;
    }
    std::uintptr_t word = task.remote.load(std::memory_order_relaxed);
    // Release: what this handle's owner did with the outcome is done before the home core drops it.
    while (!task.remote.compare_exchange_weak(word, (word - remote_word::one_handle) | remote_word::posted,
                                              std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
    if ((word & remote_word::posted) == 0) push(task);
}

void Scheduler::add_handle(TaskHeader& task) noexcept {
    if (on_home_core(task)) {
        ++task.handles;
        SKERRY_ASSERT(task.has_handles(), "a task has at most 32,767 handles");
        return;
    }
    std::uintptr_t word = task.remote.load(std::memory_order_relaxed);
    while (!task.remote.compare_exchange_weak(word, (word + remote_word::one_handle) | remote_word::posted,
                                              std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
    if ((word & remote_word::posted) == 0) push(task);
}

void Scheduler::request_abort(TaskHeader& task) noexcept {
    // Also from the home core: a frame is only destroyed with nothing of it on the stack.
    const std::uintptr_t word =
        task.remote.fetch_or(remote_word::abort | remote_word::posted, std::memory_order_acq_rel);
    if ((word & remote_word::posted) == 0) push(task);
}

void Scheduler::start_on(Scheduler& target, TaskHeader& task) noexcept {
    task.set_state_elsewhere(task.state | task_state::arriving | task_state::adopted);
    task.set_home(target.home_);
    task.remote.store(remote_word::posted, std::memory_order_relaxed);  // published by the push
    target.push_inbox(task);
}

// False when there is no memory to know the task by: then it is to be ended unstarted.
bool Scheduler::arrive(TaskHeader& task) noexcept {
    task.state &= static_cast<std::uint16_t>(~task_state::arriving);
    count_in(task);
    const bool foreign = task.size_class() == heap_class || Slab::owner_of(task) != home_;
    if (foreign) {
        ++adopted_blocks_;
        if (!remember_adopted(task)) return false;
    } else {
        task.state &= static_cast<std::uint16_t>(~task_state::adopted);
    }
    start_counted(task);
    return true;
}

bool Scheduler::remember_adopted(TaskHeader& task) noexcept try {
    adopted_.insert(&task);
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

void Scheduler::abort_all() noexcept {
    stopping_ = true;
    // A destructor may start or end other tasks, so each pass asks again what there is.
    do {
        while (unstarted_head_ != unstarted_tail_) {
            TaskHeader& task = *unstarted_[--unstarted_tail_ & unstarted_mask_];
            task.state |= task_state::cancelled;
            start_now(task);
        }
        while (!adopted_.empty()) kill(**adopted_.begin());
        slab_.for_each_block([&](TaskHeader& block) {
            if (is_live_here(block, home_) && (!block.has(task_state::unstarted) || block.has(task_state::unplaced)))
                kill(block);
        });
    } while (unstarted_head_ != unstarted_tail_ || !adopted_.empty());
    take_back();
}

// --- the inbox

void Scheduler::push_inbox(TaskHeader& header) noexcept {
    TaskHeader* seen = nullptr;
    header.next = nullptr;
    // seq_cst: pairs with close(), which stores closed_ and then takes the inbox.
    while (!inbox_.compare_exchange_weak(seen, &header, std::memory_order_seq_cst, std::memory_order_relaxed))
        header.next = seen == asleep_mark() ? nullptr : seen;
    if (seen == asleep_mark()) [[unlikely]] {
        ring_doorbell_(doorbell_context_);
        rings_done_.fetch_add(1, std::memory_order_release);
    }
    if (closed_.load(std::memory_order_seq_cst)) [[unlikely]]
        drain_closed();
}

void PendingPosts::deliver() noexcept {
    while (first_ != nullptr) {
        TaskHeader* header = first_;
        first_ = header->next;
        Scheduler::push(*header);
    }
}

bool Scheduler::drain_slow() noexcept {
    // Acquire: pairs with the push's release; the poster's writes are seen. seq_cst for a closed core: either this
    // finds a post, or its poster finds the core closed.
    TaskHeader* newest = inbox_.exchange(nullptr, std::memory_order_seq_cst);
    if (newest == nullptr) return false;
    TaskHeader* oldest = nullptr;  // reversed, so that posts of one sender are taken in its order
    while (newest != nullptr) {
        TaskHeader* const next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    std::uint64_t count = 0;
    while (oldest != nullptr) {
        TaskHeader& header = *oldest;
        oldest = header.next;
        handle_post(header);
        ++count;
    }
    SchedulerCounters::add(counters_.inbox_drained, count);
    return true;
}

void Scheduler::handle_post(TaskHeader& header) noexcept {
    if (header.has(task_state::freeing)) [[unlikely]]
        return handle_returned(header);
    const std::uintptr_t word =
        header.remote.fetch_and(remote_word::done | remote_word::join_lock, std::memory_order_acq_rel);
    for (WaitNode* node = remote_word::fired(word); node != nullptr;) {
        auto* const next = static_cast<WaitNode*>(node->next);
        node->give_claim();
        enqueue(*node);
        node = next;
    }
    header.handles = static_cast<std::int16_t>(header.handles + remote_word::handle_delta(word));
    bool ends = (word & remote_word::abort) != 0;
    if (header.has(task_state::arriving) && !arrive(header)) [[unlikely]]
        ends = true;
    if (ends && !header.has(task_state::done | task_state::cancelled)) {
        header.state |= task_state::cancelled;
        if (!header.has(task_state::unstarted)) return kill(header);
    }
    reap(header);
}

void Scheduler::take_fired(TaskHeader& task) noexcept {
    // POSTED stays: the header is in an inbox, and only the drain may say that it is out again.
    const std::uintptr_t word = task.remote.fetch_and(~remote_word::node_mask, std::memory_order_acq_rel);
    for (WaitNode* node = remote_word::fired(word); node != nullptr;) {
        auto* const next = static_cast<WaitNode*>(node->next);
        node->give_claim();
        enqueue(*node);
        node = next;
    }
}

bool Scheduler::link_remote_joiner(TaskHeader& task, WaitNode& node) noexcept {
    std::uintptr_t word = task.remote.load(std::memory_order_acquire);
    do {
        if ((word & remote_word::done) != 0) return false;
        SKERRY_ASSERT((word & remote_word::join_lock) == 0, "two tasks await one JoinHandle");
    } while (!task.remote.compare_exchange_weak(word, word | remote_word::join_lock, std::memory_order_acq_rel,
                                                std::memory_order_acquire));
    SKERRY_ASSERT(task.joiner == nullptr, "two tasks await one JoinHandle");
    node.set_state(node_state::remote);
    node.next = nullptr;
    task.joiner = &node;
    task.remote.fetch_and(~remote_word::join_lock, std::memory_order_release);
    return true;
}

void Scheduler::unlink_remote_joiner(TaskHeader& task, WaitNode& node) noexcept {
    std::uintptr_t word = task.remote.load(std::memory_order_acquire);
    while ((word & remote_word::done) == 0) {
        if (task.remote.compare_exchange_weak(word, word | remote_word::join_lock, std::memory_order_acq_rel,
                                              std::memory_order_acquire)) {
            SKERRY_DEBUG_ASSERT(task.joiner == &node, "another waits where this one was registered");
            task.joiner = nullptr;
            task.remote.fetch_and(~remote_word::join_lock, std::memory_order_release);
            node.set_state(node_state::idle);
            return;
        }
    }
    // The task ended: its core fires this node, a few instructions from now at the latest.
    while (node.state() == node_state::remote) {
        take_fired(*node.task());
        cpu_relax();
    }
    blank(node);
}

// --- blocks that come home

void Scheduler::release_foreign(TaskHeader& block) noexcept {
    if (block.size_class() == heap_class) return Slab::release_heap(block);
    const std::uint16_t owner = Slab::owner_of(block);
    block.set_state_elsewhere(task_state::freeing);
    block.set_home(owner);
    if (current_scheduler != nullptr && current_scheduler->home_ == owner) {
        current_scheduler->handle_returned(block);
        return;
    }
    block.remote.store(remote_word::posted, std::memory_order_relaxed);  // published by the push
    push(block);
}

void Scheduler::handle_returned(TaskHeader& block) noexcept {
    block.remote.store(0, std::memory_order_relaxed);
    slab_.release(block);
}

void Scheduler::close() noexcept {
    SKERRY_ASSERT(live_tasks_ == 0, "a scheduler is closed while tasks of it are alive");
    SKERRY_DEBUG_ASSERT(!post_wait_.expects_any(), "a task has gone and is still expecting a post");
    // Whoever took a sleeping mark may still be about to ring: the driver behind the bell stays until then.
    while (rings_done_.load(std::memory_order_acquire) != rings_due_) cpu_relax();
    set_doorbell(&ring_nobody, nullptr);
    hooks_ = nullptr;
    stopping_ = true;
    closed_.store(true, std::memory_order_seq_cst);
    drain_closed();
}

void Scheduler::retire() noexcept {
    if (!closed_.load(std::memory_order_relaxed)) close();
    retired_.store(true, std::memory_order_seq_cst);
    drain_closed();
}

// One thread at a time works for a closed core. Who finds another one at it, or itself, because a destructor posts to
// the core whose posts it is handling, leaves a count behind, and the one at work goes round once more. So nobody
// waits here, and two closed cores that post to each other cannot wait for one another.
void Scheduler::drain_closed() noexcept {
    // seq_cst: pairs with the exchange below; whoever counts in has its post in the inbox.
    if (drains_due_.fetch_add(1, std::memory_order_seq_cst) != 0) return;
    std::uint32_t seen = 1;
    do {
        if (closed_.load(std::memory_order_seq_cst)) drain_once_closed();
    } while (!drains_due_.compare_exchange_strong(seen, 0, std::memory_order_seq_cst, std::memory_order_seq_cst));
}

void Scheduler::drain_once_closed() noexcept {
    Scheduler* const outer = std::exchange(current_scheduler, this);
    // What arrives now is ended here: nobody will run it.
    while (drain_slow() || live_tasks_ != 0)
        if (live_tasks_ != 0) abort_all();
    current_scheduler = outer;
    // A block that some handle holds may still be posted here, and while the owner is there it may post itself.
    if (retired_.load(std::memory_order_seq_cst) && slab_.stats().live_blocks == 0 && adopted_blocks_ == 0)
        give_back_to_pool();
}

void Scheduler::give_back_to_pool() noexcept {
    slab_.reset();
    names_.clear();
    runtime_ = nullptr;
    retired_.store(false, std::memory_order_relaxed);
    closed_.store(false, std::memory_order_seq_cst);
    Pool& all = pool();
    const std::lock_guard guard(all.mutex);
    all.free.push_back(this);
}

// --- the side table

void Scheduler::set_name(TaskHeader& task, std::string name) noexcept try {
    names_[&task] = std::move(name);
    task.state |= task_state::named;
} catch (const std::bad_alloc&) {
}

std::string_view Scheduler::name_of(const TaskHeader& task) const noexcept {
    const auto found = names_.find(&task);
    return found == names_.end() ? std::string_view{} : std::string_view{found->second};
}

void Scheduler::collect(std::vector<TaskInfo>& out) {
    const auto add = [&](TaskHeader& task) {
        out.push_back(
            {id_of(task), std::string(name_of(task)), spawn_location(task), core_, !task.has(task_state::unstarted)});
    };
    slab_.for_each_block([&](TaskHeader& block) {
        if (is_live_here(block, home_)) add(block);
    });
    for (TaskHeader* task : adopted_) add(*task);
}

}  // namespace skerry::task
