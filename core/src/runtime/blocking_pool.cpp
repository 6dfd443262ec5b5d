#include <skerry/runtime/blocking_pool.hpp>

#include "pool_worker.hpp"

#include <skerry/task/scheduler.hpp>
#include <skerry/topology/bind_thread.hpp>

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace skerry::runtime {

namespace {

constexpr auto keep_alive = std::chrono::seconds{10};
constexpr std::size_t cores_looked_at = 8;

thread_local constinit const void* pool_of_this_thread = nullptr;

// Of several runtimes of a process none knows how awake the others are: each takes an equal part.
constinit std::atomic<std::uint32_t> pools_that_share{0};

}  // namespace

// Outlives the pool: a thread whose call outlasts the shutdown still uses it.
struct BlockingPool::Shared {
    explicit Shared(std::uint32_t queue_max) : slots(queue_max) {}

    // Under the lock.
    [[nodiscard]] PoolWorker* pop_sleeping() noexcept;
    void push_sleeping(PoolWorker& worker) noexcept;
    [[nodiscard]] std::uint64_t running() const noexcept { return taken - over.load(std::memory_order_acquire); }
    [[nodiscard]] std::unique_ptr<BlockingJob> take_queued() noexcept;
    void set_sharing(bool on) noexcept;
    // The lock makes one step of it, for less than a step of its own.
    void count_awake(int more) noexcept {
        awake.store(awake.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(more),
                    std::memory_order_relaxed);
    }

    // Not under the lock. The first gives a call; null: the thread is not counted any more. The next two give one that
    // follows; null: there is none.
    [[nodiscard]] std::unique_ptr<BlockingJob> take_or_end() noexcept;
    [[nodiscard]] std::unique_ptr<BlockingJob> run(PoolWorker& worker, std::unique_ptr<BlockingJob> job) noexcept;
    [[nodiscard]] std::unique_ptr<BlockingJob> wait_for_call(PoolWorker& worker) noexcept;
    void push_lingering(PoolWorker& worker) noexcept;
    [[nodiscard]] bool has_cpu_for(std::size_t workers) noexcept;

    sync::Semaphore slots;  // here, because a call that the shutdown did not wait for may still hold a permit
    std::uint32_t threads_max = 0;
    std::string thread_name;
    topology::CpuSet cpus;
    std::uint32_t awake_max = 0;  // threads of the process, at a time
    std::vector<std::uint16_t> cores;  // their schedulers' numbers; those outlive all
    std::atomic<std::uint32_t> looked_at{0};  // core, first
    std::mutex mutex;
    std::condition_variable thread_ended;
    std::deque<std::unique_ptr<BlockingJob>> queue;  // for the threads that are busy or begin; empty while one is idle
    IdleWorkers lingering;  // awake
    IdleWorkers sleeping;
    std::uint32_t threads = 0;
    std::atomic<std::uint32_t> awake{0};  // of them; changed under the lock
    std::uint64_t taken = 0;  // calls, by a thread
    std::atomic<std::uint64_t> over{0};  // of them: answered, and gone
    std::uint64_t found_awake = 0;
    bool is_sharing = false;  // counted in pools_that_share
    bool stopped = false;
};

PoolWorker* BlockingPool::Shared::pop_sleeping() noexcept {
    PoolWorker* const worker = sleeping.pop();
    if (worker != nullptr) count_awake(1);
    return worker;
}

std::unique_ptr<BlockingJob> BlockingPool::Shared::take_queued() noexcept {
    if (queue.empty()) return nullptr;
    std::unique_ptr<BlockingJob> job = std::move(queue.front());
    queue.pop_front();
    ++taken;
    return job;
}

// The look into the queue and the end are one step: whoever hands in a call finds a thread that takes it, or starts
// one.
std::unique_ptr<BlockingJob> BlockingPool::Shared::take_or_end() noexcept {
    const std::lock_guard guard(mutex);
    std::unique_ptr<BlockingJob> job = take_queued();
    if (job != nullptr) return job;
    --threads;
    count_awake(-1);
    thread_ended.notify_all();
    return nullptr;
}

void BlockingPool::Shared::push_sleeping(PoolWorker& worker) noexcept {
    sleeping.push(worker);
    count_awake(-1);
}

// Whoever asks for more when it has the answer finds this thread, and needs no other.
std::unique_ptr<BlockingJob> BlockingPool::Shared::run(PoolWorker& worker, std::unique_ptr<BlockingJob> job) noexcept {
    job->run();
    std::unique_ptr<BlockingJob> next;
    bool is_idle = false;
    {
        const std::lock_guard guard(mutex);
        next = take_queued();
        is_idle = next == nullptr && !stopped;
        if (is_idle) push_sleeping(worker);
    }
    job->answer();
    job.reset();
    over.fetch_add(1, std::memory_order_release);
    return is_idle ? wait_for_call(worker) : std::move(next);
}

// It is among those that sleep, or was taken off already. Not before its answer does it look for a CPU: that may have
// woken a core.
std::unique_ptr<BlockingJob> BlockingPool::Shared::wait_for_call(PoolWorker& worker) noexcept {
    if (worker.take_wake()) return std::move(worker.job);
    if (worker.tries_to_linger() && has_cpu_for(awake.load(std::memory_order_relaxed) + 1)) {
        push_lingering(worker);
        if (worker.linger()) return std::move(worker.job);
        const std::lock_guard guard(mutex);
        if (lingering.remove(worker)) push_sleeping(worker);
    }
    if (worker.sleep_for(keep_alive)) return std::move(worker.job);
    {
        const std::lock_guard guard(mutex);
        if (sleeping.remove(worker)) {
            count_awake(1);
            return nullptr;
        }
    }
    worker.sleep();  // it was taken off at the last moment
    return std::move(worker.job);
}

void BlockingPool::Shared::push_lingering(PoolWorker& worker) noexcept {
    const std::lock_guard guard(mutex);
    if (!sleeping.remove(worker)) return;
    count_awake(1);
    lingering.push(worker);
}

void BlockingPool::Shared::set_sharing(bool on) noexcept {
    if (std::exchange(is_sharing, on) == on) return;
    on ? pools_that_share.fetch_add(1, std::memory_order_relaxed)
       : pools_that_share.fetch_sub(1, std::memory_order_relaxed);
}

// For so many threads of the pool beside the cores that are awake. Of many cores a few are looked at, not the same each
// time: where none of those sleeps there is most often enough to do.
bool BlockingPool::Shared::has_cpu_for(std::size_t workers) noexcept {
    if (awake_max == 0) return false;
    const std::uint32_t most = awake_max / std::max(1U, pools_that_share.load(std::memory_order_relaxed));
    const std::size_t with_all_cores = cores.size() + workers;
    if (with_all_cores <= most) return true;
    std::size_t asleep_wanted = with_all_cores - most;
    const std::size_t looks = std::min(cores.size(), cores_looked_at);
    if (asleep_wanted > looks) return false;
    const bool sees_all = looks == cores.size();
    const std::size_t first = sees_all ? 0 : looked_at.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < looks; ++i)
        if (task::Scheduler::at(cores[(first + i) % cores.size()]).is_asleep() && --asleep_wanted == 0) return true;
    return false;
}

BlockingPool::BlockingPool(std::uint32_t threads_max, std::uint32_t queue_max, std::string thread_name)
    : shared_(std::make_shared<Shared>(queue_max)) {
    shared_->threads_max = threads_max;
    shared_->thread_name = (std::move(thread_name) + "-block").substr(0, 15);
    shared_->cpus = topology::current_affinity().value_or(topology::CpuSet());
}

BlockingPool::~BlockingPool() { (void)shutdown(std::chrono::steady_clock::now()); }

void BlockingPool::submit(std::unique_ptr<BlockingJob> job) {
    std::unique_ptr<BlockingJob> refused;
    PoolWorker* worker = nullptr;
    {
        const std::lock_guard guard(shared_->mutex);
        if (shared_->stopped) {
            refused = std::move(job);  // destroyed outside the lock: it wakes the task that waits for it
            return;
        }
        worker = shared_->lingering.pop();
        if (worker != nullptr)
            ++shared_->found_awake;
        else
            worker = shared_->pop_sleeping();
        if (worker != nullptr) {
            worker->job = std::move(job);
            ++shared_->taken;
        } else {
            shared_->queue.push_back(std::move(job));
            if (shared_->threads < shared_->threads_max) start_thread(refused);
        }
    }
    if (worker != nullptr) worker->wake();
}

// Under the lock. Without a new thread the call waits for one of the others; when there is none it is handed back in
// `refused` and the system's error thrown.
void BlockingPool::start_thread(std::unique_ptr<BlockingJob>& refused) {
    try {
        std::thread(&BlockingPool::work, shared_).detach();
        ++shared_->threads;
        shared_->count_awake(1);
    } catch (const std::system_error&) {
        if (shared_->threads != 0) return;
        refused = std::move(shared_->queue.back());
        shared_->queue.pop_back();
        throw;
    }
}

sync::Semaphore& BlockingPool::slots() noexcept { return shared_->slots; }

void BlockingPool::work(const std::shared_ptr<Shared>& shared) {
    pool_of_this_thread = shared.get();
    ::pthread_setname_np(::pthread_self(), shared->thread_name.c_str());
    if (!shared->cpus.empty()) (void)topology::bind_current_thread(shared->cpus);  // not the starting core's
    PoolWorker self;
    while (std::unique_ptr<BlockingJob> job = shared->take_or_end())
        while (job) job = shared->run(self, std::move(job));
}

std::vector<std::string> BlockingPool::shutdown(std::chrono::steady_clock::time_point deadline) {
    std::deque<std::unique_ptr<BlockingJob>> dropped;
    std::unique_lock lock(shared_->mutex);
    shared_->stopped = true;
    shared_->set_sharing(false);
    dropped.swap(shared_->queue);
    while (PoolWorker* const worker = shared_->lingering.pop()) worker->wake();
    while (PoolWorker* const worker = shared_->pop_sleeping()) worker->wake();
    shared_->thread_ended.wait_until(lock, deadline, [&] { return shared_->threads == 0; });
    std::vector<std::string> report;
    const std::uint64_t running = shared_->running();
    if (running != 0) report.push_back(std::to_string(running) + " blocking call(s) did not return");
    lock.unlock();
    return report;
}

bool BlockingPool::has_this_thread() const noexcept { return pool_of_this_thread == shared_.get(); }

void BlockingPool::share_cpus(std::uint32_t awake_max, std::vector<std::uint16_t> cores) {
    const std::lock_guard guard(shared_->mutex);
    shared_->set_sharing(awake_max != 0);
    shared_->awake_max = awake_max;
    shared_->cores = std::move(cores);
}

bool BlockingPool::has_cpu_beside() const noexcept {
    return shared_->has_cpu_for(shared_->awake.load(std::memory_order_relaxed));
}

const topology::CpuSet& BlockingPool::cpus() const noexcept { return shared_->cpus; }

std::uint32_t BlockingPool::outstanding() const noexcept {
    const std::lock_guard guard(shared_->mutex);
    return static_cast<std::uint32_t>(shared_->running() + shared_->queue.size());
}

std::uint64_t BlockingPool::found_awake() const noexcept {
    const std::lock_guard guard(shared_->mutex);
    return shared_->found_awake;
}

std::uint32_t BlockingPool::threads() const noexcept {
    const std::lock_guard guard(shared_->mutex);
    return shared_->threads;
}

}  // namespace skerry::runtime
