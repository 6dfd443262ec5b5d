#pragma once

// Hot path. What one core runs and in which order, and the door through which other cores reach it.
//
// Ready work waits in three places: the next slot (the last one woken, at most three runs in a row), the
// FIFO ring of woken awaiters, and the LIFO stack of tasks that have not started. Ring and stack alternate
// one to one while both have work, and every 61st start takes the oldest: ring-first starved 98 % of the
// tasks when each running one spawned a child per yield. LIFO starts keep a tree of tasks in cache: skynet
// runs in a third of the time of a FIFO. What is woken while there is no memory to grow the ring waits in a list
// behind it. The stack is an array of headers, so thieves could take its oldest.
//
// Other threads reach a core through its inbox: an intrusive stack whose nodes are the task headers, so it
// is never full and two full cores cannot deadlock. The inbox word also says when the core sleeps: whoever
// replaces that mark rings the doorbell, and no fence or second flag is needed.
//
// Rules (a) to (f) of the task core: core/src/task/README.md.

#include "header.hpp"
#include "post_wait.hpp"
#include "slab.hpp"
#include "wake_lines.hpp"

#include "../base/assert.hpp"
#include "../base/cache_line.hpp"
#include "../base/compiler.hpp"
#include "../base/intrusive_list.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace skerry::task {

/// Which core of its runtime a task runs on, counted from 0.
struct CoreId {
    std::uint16_t index = 0;
    constexpr CoreId() noexcept = default;
    constexpr explicit CoreId(std::uint16_t i) noexcept : index(i) {}
    friend constexpr bool operator==(CoreId, CoreId) noexcept = default;
};

/// Names a task among those alive: the place of its block and which life of the block it is.
struct TaskId {
    std::uint64_t value = 0;
    friend constexpr bool operator==(TaskId, TaskId) noexcept = default;
};

[[nodiscard]] inline TaskId id_of(const TaskHeader& task) noexcept {
    return {(reinterpret_cast<std::uintptr_t>(&task) >> 4U) << 16U | task.generation};
}

/// What is known of a task from outside.
struct TaskInfo {
    TaskId id;
    std::string name;
    std::source_location spawned_at;
    CoreId core;
    bool started = false;
};

/// Calls into user code around tasks. Unset ones cost one predictable branch per run.
struct TaskHooks {
    std::function<void(TaskId)> on_spawn;
    std::function<void(TaskId)> before_run;
    std::function<void(TaskId)> after_run;
    std::function<void(TaskId)> on_terminate;
};

/// Numbers of one core. Written by it alone with plain stores, readable from anywhere.
struct SchedulerCounters {
    std::atomic<std::uint64_t> spawned{0};
    std::atomic<std::uint64_t> finished{0};
    std::atomic<std::uint64_t> aborted{0};
    std::atomic<std::uint64_t> resumed{0};
    std::atomic<std::uint64_t> budget_yields{0};
    std::atomic<std::uint64_t> inbox_drained{0};
    std::atomic<std::uint64_t> unhandled_exceptions{0};
    std::atomic<std::uint64_t> spills{0};  ///< wakes and spawns that found a queue full which could not grow

    /// One writer: a load and a store, no locked instruction.
    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
};

/// Numbers that shape a scheduler; set before its core runs.
struct SchedulerLimits {
    std::int32_t task_budget = 128;  ///< operations of one run before it must yield
    std::uint32_t next_slot_runs = 3;  ///< runs from the next slot in a row
    std::uint32_t oldest_interval = 61;  ///< every so many starts the oldest unstarted task
    std::uint32_t ties_a_draw = 32;  ///< tie_break() draws anew every so many
};

class Scheduler;

/// The scheduler of this thread's core, or null on a thread that is no core.
inline thread_local constinit Scheduler* current_scheduler = nullptr;

/// Headers that must be pushed into inboxes once a primitive's lock is released. Linked through the headers
/// themselves: whoever set POSTED owns `next` until the push.
class PendingPosts {
public:
    PendingPosts() noexcept = default;
    PendingPosts(const PendingPosts&) = delete;
    PendingPosts& operator=(const PendingPosts&) = delete;
    ~PendingPosts() { deliver(); }

    void add(TaskHeader& header) noexcept {
        header.next = first_;
        first_ = &header;
    }
    void deliver() noexcept;

private:
    TaskHeader* first_ = nullptr;
};

/// The ready queues, frames, inbox and counters of one core.
///
/// Threads: everything belongs to the core's thread, except what says so.
class alignas(no_sharing_bytes) Scheduler {
public:
    using Finish = void (*)(Scheduler&, TaskHeader&) noexcept;

    /// A scheduler from the process-wide pool, ready for use and installed on no thread. They are never
    /// freed, only reused: a late post from another thread always finds the object.
    ///
    /// Errors: null when max_schedulers are in use.
    /// Threads: any.
    [[nodiscard]] static Scheduler* acquire();

    /// The scheduler with process-wide number `home`. Threads: any.
    [[nodiscard]] static Scheduler& at(std::uint16_t home) noexcept { return *table_[home]; }

    /// Ends this scheduler's use: from now on posts are handled by whoever posts, and tasks that arrive are
    /// cancelled. All tasks must be over.
    void close() noexcept;

    /// The owner's last word, after close() or instead of it: nobody will hand a task to this scheduler any more. It
    /// returns to the pool when the last block that a handle still holds is gone.
    void retire() noexcept;

    /// The process-wide number. Threads: any.
    [[nodiscard]] std::uint16_t home() const noexcept { return home_; }

    /// Whether some thread is in this core's loop. Threads: any.
    [[nodiscard]] bool is_running() const noexcept { return is_running_.load(std::memory_order_relaxed); }
    /// Returns what was said before. Threads: the one that enters the loop, or leaves it.
    bool set_running(bool is_running) noexcept {
        const bool was_running = is_running_.load(std::memory_order_relaxed);
        is_running_.store(is_running, std::memory_order_relaxed);
        return was_running;
    }

    // Set up before the core runs.
    void configure(CoreId core, SchedulerLimits limits, const TaskHooks* hooks, std::uint64_t seed) noexcept;
    void set_doorbell(void (*ring)(void*) noexcept, void* context) noexcept;
    [[nodiscard]] CoreId core() const noexcept { return core_; }
    [[nodiscard]] void* runtime() const noexcept { return runtime_; }
    void set_runtime(void* runtime) noexcept { runtime_ = runtime; }

    // Frames.
    [[nodiscard]] TaskHeader& allocate(std::size_t frame_bytes) { return slab_.allocate(frame_bytes); }

    /// Gives a block back to wherever it came from.
    void release(TaskHeader& block) noexcept {
        if (block.home() == home_ && !block.has(task_state::adopted) && block.size_class() != heap_class) [[likely]]
            slab_.release(block);
        else
            release_foreign(block);
    }

    /// Gives a block back that is not of this thread's slab: to the heap, or to its owner's inbox.
    /// Threads: any.
    static void release_foreign(TaskHeader& block) noexcept;

    // Queues.

    /// Makes `node` run soon: into the next slot, whose former owner goes to the ring.
    void wake(WaitNode& node) noexcept {
        node.set_state(node_state::next);
        put_next(node);
    }

    /// The same with a claim, for one that bind_linked() has tied.
    void wake_linked(WaitNode& node) noexcept {
        SKERRY_DEBUG_ASSERT(node.state() == node_state::linked && !node.has_claim(), "a node is woken that waits not");
        node.task_and_state += node_state::next - node_state::linked + node_state::claim;
        put_next(node);
    }

    /// Puts `node` behind everything that is ready.
    void enqueue(WaitNode& node) noexcept {
        if (ring_tail_ - ring_head_ >= ring_limit_) [[unlikely]]
            return enqueue_slow(node);
        push_ring(node);
    }

    /// Takes a node that is queued or in the next slot back out.
    void blank(WaitNode& node) noexcept {
        if (node.state() == node_state::queued)
            blank_queued(node);
        else if (next_ == &node)
            next_ = nullptr;
        node.set_state(node_state::idle);
    }

    /// Puts all that is ready into another order, the same for the same seed. For simulators, between two runs.
    SKERRY_COLD void shuffle(std::uint64_t seed) noexcept;

    /// Takes over a fresh task of this core's making.
    void start(TaskHeader& task) noexcept {
        count_in(task);
        start_counted(task);
    }

    /// Counts one operation of the running task; true when it must yield: its budget of operations is
    /// spent, or (looked at every 32) the turn has lasted too long.
    [[nodiscard]] bool spend() noexcept {
        if ((--budget_ & 31) != 0) [[likely]]
            return false;
        return spend_slow();
    }

    /// Gives one unit back: the operation made no progress.
    void refund() noexcept { ++budget_; }

    [[nodiscard]] std::int32_t budget() const noexcept { return budget_; }
    void set_budget(std::int32_t units) noexcept { budget_ = units; }

    // Running.

    /// With more awaiters in the ring than these, the frames of those that come next are fetched while one runs.
    static constexpr std::uint32_t many_ready = 8;

    /// Runs up to `count` ready tasks; returns how many ran. Stops early when nothing is ready.
    unsigned run(unsigned count) noexcept;

    /// The same for the loop of a core, into whose turn it is compiled; returns whether more may be ready: as many as
    /// `count` ran, or some had spilled. Defined in run.hpp.
    bool run_inlined(unsigned count) noexcept;

    // What has spilled needs no look: outside of run() the ring is full while there is any.
    [[nodiscard]] bool has_ready() const noexcept {
        return next_ != nullptr || ring_head_ != ring_tail_ || unstarted_head_ != unstarted_tail_;
    }

    /// How many are ready, without those that have spilled. Some may be none any more.
    [[nodiscard]] std::uint32_t ready_count() const noexcept {
        return static_cast<std::uint32_t>((ring_tail_ - ring_head_) + (unstarted_tail_ - unstarted_head_));
    }

    /// Resumes a coroutine from inside an awaiter: a branch of select or join that starts a child in place.
    void resume_nested(std::coroutine_handle<> coroutine) noexcept;

    /// Names the coroutine that the run loop resumes next (builds that hand over through the loop).
    void hand_over(std::coroutine_handle<> coroutine) noexcept { handed_over_ = coroutine; }

    /// Called at the final suspension of a spawned task: what the loop does after the resume returns.
    void finish_after_resume(Finish finish) noexcept { finish_ = finish; }

    /// Takes that back; true when it had been asked for.
    [[nodiscard]] bool take_finish() noexcept { return std::exchange(finish_, nullptr) != nullptr; }

    /// The task whose code runs, or null.
    [[nodiscard]] TaskHeader* current_task() const noexcept { return current_; }

    /// Ties `node` to the running task and to the coroutine that waits.
    void bind(WaitNode& node, std::coroutine_handle<> continuation) noexcept {
        node.continuation = continuation;
        node.task_and_state = reinterpret_cast<std::uintptr_t>(current_);
    }

    /// The same, and says that it waits in a core-local list.
    void bind_linked(WaitNode& node, std::coroutine_handle<> continuation) noexcept {
        node.continuation = continuation;
        node.task_and_state = reinterpret_cast<std::uintptr_t>(current_) | node_state::linked;
    }

    /// How many of the clock's cycles a turn may take.
    void set_turn_limit(std::uint64_t cycles) noexcept { turn_limit_cycles_ = cycles; }

    /// A turn begins whose time counts from the first operation that looks at it: one in 32 of a task's.
    void begin_turn() noexcept { turn_deadline_cycles_ = 0; }

    /// A turn begins now, at this count of cycles.
    void begin_turn(std::uint64_t cycles) noexcept { turn_deadline_cycles_ = cycles + turn_limit_cycles_; }

    // Ends of tasks.

    /// The frame is gone and the outcome stored or dropped: tells the joiner or frees the block.
    void complete(TaskHeader& task) noexcept;

    /// A handle of `task` is gone.
    static void drop_handle(TaskHeader& task) noexcept;

    /// One more handle of `task`. Threads: any that holds a handle.
    static void add_handle(TaskHeader& task) noexcept;

    /// Asks for the end of `task`. Threads: any that holds a handle.
    static void request_abort(TaskHeader& task) noexcept;

    /// Hands a fresh task to `target`. Threads: any.
    static void start_on(Scheduler& target, TaskHeader& task) noexcept;

    /// Aborts every task of this core; their destructors run here. New spawns are cancelled from now on.
    void abort_all() noexcept;

    /// Tasks of this core that are not over.
    [[nodiscard]] std::uint64_t live_tasks() const noexcept { return live_tasks_; }

    [[nodiscard]] bool is_stopping() const noexcept { return stopping_; }

    // The inbox.

    /// Runs what other threads posted; true when there was something.
    bool drain() noexcept {
        const TaskHeader* const newest = inbox_.load(std::memory_order_relaxed);
        if (newest == nullptr) [[likely]]
            return false;
        wake_lines_.fetch(*newest);  // while the word itself is on its way
        return drain_slow();
    }

    /// What other threads were asked for, whose posts are worth a wait.
    [[nodiscard]] PostWait& post_wait() noexcept { return post_wait_; }
    /// Whether the core is to make another turn before it sleeps.
    [[nodiscard]] bool lingers(bool has_worked) noexcept { return post_wait_.lingers(inbox_, has_worked); }

    /// Whether it has left its CPU to others, or is about to. May be out of date when it returns. Threads: any.
    [[nodiscard]] bool is_asleep() const noexcept { return inbox_.load(std::memory_order_relaxed) == asleep_mark(); }

    /// Whether something waits for drain(); one load, of the core's own line as long as nothing does.
    [[nodiscard]] bool has_posts() const noexcept { return inbox_.load(std::memory_order_relaxed) != nullptr; }

    /// Marks the core asleep; false when something was posted meanwhile. After true, whoever posts rings.
    [[nodiscard]] bool try_sleep() noexcept {
        TaskHeader* expected = nullptr;
        return inbox_.compare_exchange_strong(expected, asleep_mark(), std::memory_order_acq_rel,
                                              std::memory_order_relaxed);
    }

    /// Takes the mark back, which try_sleep() has set. False: posts came, and stay in the inbox.
    bool awake() noexcept {
        TaskHeader* expected = asleep_mark();
        if (inbox_.compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel, std::memory_order_relaxed))
            [[likely]]
            return true;
        ++rings_due_;  // whoever took the mark rings, perhaps only later
        return false;
    }

    /// Pushes `node` on its header's fired list and sets POSTED, in one step; true when the caller must
    /// push the header into its inbox. Under the lock of the primitive that held the node, which is unlinked.
    /// Threads: any.
    [[nodiscard]] static bool fire(TaskHeader& header, WaitNode& node) noexcept {
        // The guess "nothing posted" saves a load: a load first would fetch the line twice.
        // The node's `next` is null already, so that firing writes nothing into the waiter's frame.
        std::uintptr_t seen = 0;
        std::uintptr_t word = reinterpret_cast<std::uintptr_t>(&node) | remote_word::posted;
        // Release: the drain, which acquires, sees what the waker wrote before.
        while (!header.remote.compare_exchange_weak(seen, word, std::memory_order_acq_rel, std::memory_order_relaxed))
            [[unlikely]] {
            node.next = remote_word::fired(seen);
            word = (seen & ~remote_word::node_mask) | reinterpret_cast<std::uintptr_t>(&node) | remote_word::posted;
        }
        return (seen & remote_word::posted) == 0;
    }

    /// Pushes a header whose POSTED the caller has set. Threads: any.
    static void push(TaskHeader& header) noexcept { at(header.home()).push_inbox(header); }
    void push_inbox(TaskHeader& header) noexcept;

    /// Of tasks of this core that wait for others.
    [[nodiscard]] WakeLines& wake_lines() noexcept { return wake_lines_; }

    /// Brings the inbox line in for the push that follows. Threads: any.
    void prefetch_inbox() const noexcept { prefetch_write(&inbox_); }

    /// Queues what has fired of `task` without clearing POSTED: for a node that is destroyed before the drain.
    void take_fired(TaskHeader& task) noexcept;

    // Joining from another core.

    /// Registers `node` as the joiner of a task of another core, which has none; false when the task is over.
    [[nodiscard]] static bool link_remote_joiner(TaskHeader& task, WaitNode& node) noexcept;
    /// Takes it back. When the task ended meanwhile, waits for the wake that is on its way and consumes it.
    void unlink_remote_joiner(TaskHeader& task, WaitNode& node) noexcept;

    // The side table.
    void set_name(TaskHeader& task, std::string name) noexcept;
    [[nodiscard]] std::string_view name_of(const TaskHeader& task) const noexcept;
    void collect(std::vector<TaskInfo>& out);

    [[nodiscard]] const SchedulerCounters& counters() const noexcept { return counters_; }
    [[nodiscard]] SchedulerCounters& counters() noexcept { return counters_; }
    [[nodiscard]] SlabStats slab_stats() const noexcept { return slab_.stats(); }

    /// Who goes first among equals, to be taken modulo their number: they take turns, and whose turn it is is drawn
    /// anew, from the runtime's seed, every so many times. Turns alone would always favour the same one of two where
    /// a task takes two in a row; a draw each time would cost a mispredicted branch or two, 12 ns.
    [[nodiscard]] std::uint32_t tie_break() noexcept {
        if (--ties_left_ == 0) [[unlikely]]
            draw_ties();
        return ++tie_;
    }

private:
    explicit Scheduler(std::uint16_t home);

    // In the inbox word in place of a list: the core sleeps and there is nothing in the inbox.
    static TaskHeader* asleep_mark() noexcept { return reinterpret_cast<TaskHeader*>(std::uintptr_t{1}); }

    void count_in(TaskHeader& task) noexcept {
        ++live_tasks_;
        SchedulerCounters::add(counters_.spawned);
        if (hooks_ != nullptr) [[unlikely]]
            call_hook(hooks_->on_spawn, id_of(task));
    }

    void start_counted(TaskHeader& task) noexcept {
        push_unstarted(task);
        if (stopping_) [[unlikely]]
            request_abort(task);
    }

    void push_unstarted(TaskHeader& task) noexcept {
        task.state |= task_state::unstarted;
        if (unstarted_tail_ - unstarted_head_ >= unstarted_limit_) [[unlikely]]
            return push_unstarted_slow(task);
        unstarted_[unstarted_tail_++ & unstarted_mask_] = &task;
    }

    void push_ring(WaitNode& node) noexcept {
        SKERRY_DEBUG_ASSERT(node.prev == nullptr, "a node is queued that is linked elsewhere");
        node.set_state(node_state::queued);
        node.set_ring_index(ring_tail_);
        ring_[ring_tail_++ & ring_mask_] = &node;
    }
    // One that spilled has a neighbour; the links of one in the ring are its index and null.
    void blank_queued(WaitNode& node) noexcept {
        if (node.prev != nullptr) [[unlikely]]
            node.unlink();
        else
            ring_[node.ring_index() & ring_mask_] = nullptr;
    }
    void put_next(WaitNode& node) noexcept {
        WaitNode* const former = std::exchange(next_, &node);
        if (former != nullptr) enqueue(*former);
    }
    SKERRY_NOINLINE void enqueue_slow(WaitNode& node) noexcept;
    SKERRY_COLD void take_spilled() noexcept;
    SKERRY_COLD void take_back() noexcept;

    bool run_one() noexcept;
    SKERRY_NOINLINE bool run_rest(unsigned count, unsigned ran) noexcept;
    void resume(WaitNode& node, std::uintptr_t state) noexcept;
    SKERRY_NOINLINE unsigned run_many(unsigned count) noexcept;
    void fetch_frame(std::uint32_t place) const noexcept;
    void resume(TaskHeader& task, std::coroutine_handle<> coroutine) noexcept;
    SKERRY_COLD void resume_hooked(TaskId task, std::coroutine_handle<> coroutine) noexcept;
    void start_now(TaskHeader& task) noexcept;
    void settle() noexcept;
    void kill(TaskHeader& task) noexcept;
    void reap(TaskHeader& task) noexcept;
    [[nodiscard]] bool arrive(TaskHeader& task) noexcept;
    [[nodiscard]] bool remember_adopted(TaskHeader& task) noexcept;
    void handle_post(TaskHeader& header) noexcept;
    bool drain_slow() noexcept;
    SKERRY_COLD void drain_closed() noexcept;
    void drain_once_closed() noexcept;
    [[nodiscard]] bool spend_slow() noexcept;
    void handle_returned(TaskHeader& block) noexcept;
    void give_back_to_pool() noexcept;
    SKERRY_COLD void draw_ties() noexcept;
    [[nodiscard]] bool grow_ring() noexcept;
    SKERRY_NOINLINE void push_unstarted_slow(TaskHeader& task) noexcept;
    [[nodiscard]] bool grow_unstarted() noexcept;
    SKERRY_COLD void place_unstarted() noexcept;
    SKERRY_COLD static void call_hook(const std::function<void(TaskId)>& hook, TaskId task) noexcept;

    static std::array<Scheduler*, max_schedulers> table_;

    // The first two lines hold what every resume touches.
    WaitNode* next_ = nullptr;
    WaitNode** ring_;
    std::uint32_t ring_mask_;
    std::uint32_t ring_head_ = 0;
    std::uint32_t ring_tail_ = 0;
    std::uint32_t ring_limit_;  // all of the ring, or 0 while something has spilled, of the ring or of the stack
    std::uint32_t unstarted_mask_;
    std::uint32_t unstarted_limit_;  // all of the stack, or 0 while tasks are unplaced
    TaskHeader** unstarted_;
    std::uint32_t unstarted_head_ = 0;
    std::uint32_t unstarted_tail_ = 0;
    TaskHeader* current_ = nullptr;
    std::int32_t budget_ = 128;
    std::uint32_t next_runs_ = 0;

    std::coroutine_handle<> handed_over_;
    Finish finish_ = nullptr;
    const TaskHooks* hooks_ = nullptr;
    std::uint64_t turn_deadline_cycles_ = ~std::uint64_t{0};  // 0: not looked at yet
    std::uint64_t turn_limit_cycles_ = 0;
    std::uint32_t starts_ = 0;
    bool stack_turn_ = false;
    bool stopping_ = false;
    std::uint16_t home_;
    CoreId core_;
    SchedulerLimits limits_;
    std::uint64_t live_tasks_ = 0;
    std::uint64_t rings_due_ = 0;
    std::uint32_t tie_ = 0;
    std::uint32_t ties_left_ = 1;
    std::uint64_t random_ = 0x9e3779b97f4a7c15ULL;

    WakeLines wake_lines_;
    PostWait post_wait_;
    Slab slab_;
    std::uint64_t unplaced_ = 0;  // spawned while there was no memory to grow the stack; see task_state
    IntrusiveList<WaitNode> spilled_;  // woken while there was no memory to grow the ring; behind all that is in it
    SchedulerCounters counters_;
    void* runtime_ = nullptr;
    std::unordered_set<TaskHeader*> adopted_;  // live tasks whose block is not of this slab
    std::uint64_t adopted_blocks_ = 0;  // such blocks, also of tasks that are over
    std::unordered_map<const TaskHeader*, std::string> names_;

    // Other threads write here: lines of their own.
    alignas(no_sharing_bytes) skerry::atomic<TaskHeader*> inbox_{nullptr};
    void (*ring_doorbell_)(void*) noexcept;
    void* doorbell_context_ = nullptr;
    skerry::atomic<bool> closed_{false};
    skerry::atomic<bool> retired_{false};
    skerry::atomic<bool> is_running_{false};  // guards nothing
    skerry::atomic<std::uint32_t> drains_due_{0};  // who wants the posts of a closed core handled; see drain_closed()
    skerry::atomic<std::uint64_t> rings_done_{0};
};

/// Makes an awaiter's node wait for its primitive no more, for cores that only use local queues.
[[nodiscard]] inline bool on_home_core(const TaskHeader& task) noexcept {
    return current_scheduler != nullptr && task.home() == current_scheduler->home();
}

/// Whether this thread may drop or ask what lives on the core with this number without a message to it: that core, and
/// a thread that runs no core while nobody runs that one, as between two block_on() of a current_thread runtime.
[[nodiscard]] inline bool may_touch(std::uint16_t home) noexcept {
    return current_scheduler != nullptr ? current_scheduler->home() == home : !Scheduler::at(home).is_running();
}

}  // namespace skerry::task
