#include <skerry/runtime/blocking_pool.hpp>

#include "pool_worker.hpp"

#include <skerry/task/scheduler.hpp>
#include <skerry/topology/bind_thread.hpp>

#include <pthread.h>

#include <algorithm>
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

}  // namespace

// Outlives the pool: a thread whose call outlasts the shutdown still uses it.
struct BlockingPool::Shared {
    explicit Shared(std::uint32_t queue_max) : slots(queue_max) {}

    // All under the lock, which the last one lets go of to sleep. It returns true without it: the worker has a call.
    void push_idle(PoolWorker& worker) noexcept;
    [[nodiscard]] PoolWorker* pop_idle() noexcept;
    [[nodiscard]] bool remove_idle(PoolWorker& worker) noexcept;
    [[nodiscard]] std::unique_ptr<BlockingJob> take_queued() noexcept;
    [[nodiscard]] bool idle_until_woken(PoolWorker& worker, std::unique_lock<std::mutex>& lock) noexcept;

    // Not under the lock.
    [[nodiscard]] bool has_cpu_beside() const noexcept;
    [[nodiscard]] bool lingers(PoolWorker& worker) noexcept;

    sync::Semaphore slots;  // here, because a call that the shutdown did not wait for may still hold a permit
    std::uint32_t threads_max = 0;
    std::string thread_name;
    topology::CpuSet cpus;
    std::uint32_t awake_max = 0;  // threads of the process, at a time
    std::vector<std::uint16_t> cores;  // their schedulers' numbers; those outlive all
    AwakeLimit lingering;
    std::mutex mutex;
    std::condition_variable thread_ended;
    std::deque<std::unique_ptr<BlockingJob>> queue;  // for the threads that are busy or begin; empty while one is idle
    PoolWorker* idle = nullptr;  // who slept last comes first
    std::uint32_t threads = 0;
    std::uint32_t running = 0;  // calls that a thread has
    bool stopped = false;
};

void BlockingPool::Shared::push_idle(PoolWorker& worker) noexcept { worker.next_idle = std::exchange(idle, &worker); }

PoolWorker* BlockingPool::Shared::pop_idle() noexcept {
    PoolWorker* const worker = idle;
    if (worker != nullptr) idle = worker->next_idle;
    return worker;
}

bool BlockingPool::Shared::remove_idle(PoolWorker& worker) noexcept {
    for (PoolWorker** link = &idle; *link != nullptr; link = &(*link)->next_idle) {
        if (*link != &worker) continue;
        *link = worker.next_idle;
        return true;
    }
    return false;
}

std::unique_ptr<BlockingJob> BlockingPool::Shared::take_queued() noexcept {
    if (queue.empty()) return nullptr;
    std::unique_ptr<BlockingJob> job = std::move(queue.front());
    queue.pop_front();
    ++running;
    return job;
}

bool BlockingPool::Shared::idle_until_woken(PoolWorker& worker, std::unique_lock<std::mutex>& lock) noexcept {
    push_idle(worker);
    lock.unlock();
    if (!lingers(worker) && !worker.sleep_for(keep_alive)) {
        lock.lock();
        if (remove_idle(worker)) return false;
        lock.unlock();
        worker.sleep();  // it was taken off the list at the last moment
    }
    if (worker.job) return true;
    lock.lock();  // the pool stops
    return false;
}

// Of many cores a few are looked at: where none of those sleeps there is enough to do.
bool BlockingPool::Shared::has_cpu_beside() const noexcept {
    if (awake_max > cores.size()) return true;
    std::size_t asleep_wanted = cores.size() - awake_max + 1;
    for (std::size_t i = 0; i < std::min(cores.size(), cores_looked_at); ++i)
        if (task::Scheduler::at(cores[i]).is_asleep() && --asleep_wanted == 0) return true;
    return false;
}

bool BlockingPool::Shared::lingers(PoolWorker& worker) noexcept {
    if (!has_cpu_beside() || !lingering.enter()) return false;
    const bool is_woken = worker.linger();
    lingering.leave();
    return is_woken;
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
        worker = shared_->pop_idle();
        if (worker != nullptr) {
            worker->job = std::move(job);
            ++shared_->running;
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
    std::unique_lock lock(shared->mutex);
    while ((self.job = shared->take_queued()) || (!shared->stopped && shared->idle_until_woken(self, lock))) {
        if (lock.owns_lock()) lock.unlock();
        self.job->run();
        self.job.reset();
        lock.lock();
        --shared->running;
    }
    --shared->threads;
    shared->thread_ended.notify_all();
}

std::vector<std::string> BlockingPool::shutdown(std::chrono::steady_clock::time_point deadline) {
    std::deque<std::unique_ptr<BlockingJob>> dropped;
    std::unique_lock lock(shared_->mutex);
    shared_->stopped = true;
    dropped.swap(shared_->queue);
    while (PoolWorker* const worker = shared_->pop_idle()) worker->wake();
    shared_->thread_ended.wait_until(lock, deadline, [&] { return shared_->threads == 0; });
    std::vector<std::string> report;
    if (shared_->running != 0) report.push_back(std::to_string(shared_->running) + " blocking call(s) did not return");
    lock.unlock();
    return report;
}

bool BlockingPool::has_this_thread() const noexcept { return pool_of_this_thread == shared_.get(); }

void BlockingPool::share_cpus(std::uint32_t awake_max, std::vector<std::uint16_t> cores) {
    shared_->awake_max = awake_max;
    const auto taken = static_cast<std::uint32_t>(cores.size());
    shared_->lingering.set(awake_max > taken ? awake_max - taken : 1);
    shared_->cores = std::move(cores);
}

bool BlockingPool::has_cpu_beside() const noexcept { return shared_->has_cpu_beside(); }

const topology::CpuSet& BlockingPool::cpus() const noexcept { return shared_->cpus; }

std::uint32_t BlockingPool::outstanding() const noexcept {
    const std::lock_guard guard(shared_->mutex);
    return shared_->running + static_cast<std::uint32_t>(shared_->queue.size());
}

std::uint32_t BlockingPool::threads() const noexcept {
    const std::lock_guard guard(shared_->mutex);
    return shared_->threads;
}

}  // namespace skerry::runtime
