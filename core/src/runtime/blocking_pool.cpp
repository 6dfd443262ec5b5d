#include <skerry/runtime/blocking_pool.hpp>

#include <skerry/topology/bind_thread.hpp>

#include <pthread.h>
#include <semaphore.h>

#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace skerry::runtime {

namespace {

constexpr auto keep_alive = std::chrono::seconds{10};

thread_local constinit const void* pool_of_this_thread = nullptr;

/// One thread of the pool, on its stack. Each sleeps on a semaphore of its own: a condition variable of all costs up
/// to two system calls more a call, and wakes whoever has slept longest, whose cache is cold.
class Worker {
public:
    Worker() noexcept { ::sem_init(&woken_, 0, 0); }
    ~Worker() { ::sem_destroy(&woken_); }
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void wake() noexcept { ::sem_post(&woken_); }

    void sleep() noexcept {
        while (::sem_wait(&woken_) != 0) {
        }  // EINTR
    }

    /// False when nobody woke it in time.
    [[nodiscard]] bool sleep_for(std::chrono::seconds limit) noexcept {
        timespec until;
        ::clock_gettime(CLOCK_REALTIME, &until);  // a jump of this clock moves the end of an idle thread, no more
        until.tv_sec += limit.count();
        while (::sem_timedwait(&woken_, &until) != 0)
            if (errno == ETIMEDOUT) return false;
        return true;
    }

    std::unique_ptr<BlockingJob> job;  ///< what it was woken for; none: the pool stops
    Worker* next_idle = nullptr;

private:
    sem_t woken_;
};

}  // namespace

// Outlives the pool: a thread whose call outlasts the shutdown still uses it.
struct BlockingPool::Shared {
    explicit Shared(std::uint32_t queue_max) : slots(queue_max) {}

    // All under the lock, which the last one lets go of to sleep. It returns true without it: the worker has a call.
    void push_idle(Worker& worker) noexcept;
    [[nodiscard]] Worker* pop_idle() noexcept;
    [[nodiscard]] bool remove_idle(Worker& worker) noexcept;
    [[nodiscard]] std::unique_ptr<BlockingJob> take_queued() noexcept;
    [[nodiscard]] bool idle_until_woken(Worker& worker, std::unique_lock<std::mutex>& lock) noexcept;

    sync::Semaphore slots;  // here, because a call that the shutdown did not wait for may still hold a permit
    std::uint32_t threads_max = 0;
    std::string thread_name;
    topology::CpuSet cpus;
    std::mutex mutex;
    std::condition_variable thread_ended;
    std::deque<std::unique_ptr<BlockingJob>> queue;  // for the threads that are busy or begin; empty while one is idle
    Worker* idle = nullptr;  // who slept last comes first
    std::uint32_t threads = 0;
    std::uint32_t running = 0;  // calls that a thread has
    bool stopped = false;
};

void BlockingPool::Shared::push_idle(Worker& worker) noexcept { worker.next_idle = std::exchange(idle, &worker); }

Worker* BlockingPool::Shared::pop_idle() noexcept {
    Worker* const worker = idle;
    if (worker != nullptr) idle = worker->next_idle;
    return worker;
}

bool BlockingPool::Shared::remove_idle(Worker& worker) noexcept {
    for (Worker** link = &idle; *link != nullptr; link = &(*link)->next_idle) {
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

bool BlockingPool::Shared::idle_until_woken(Worker& worker, std::unique_lock<std::mutex>& lock) noexcept {
    push_idle(worker);
    lock.unlock();
    if (!worker.sleep_for(keep_alive)) {
        lock.lock();
        if (remove_idle(worker)) return false;
        lock.unlock();
        worker.sleep();  // it was taken off the list at the last moment
    }
    if (worker.job) return true;
    lock.lock();  // the pool stops
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
    Worker* worker = nullptr;
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
    Worker self;
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
    while (Worker* const worker = shared_->pop_idle()) worker->wake();
    shared_->thread_ended.wait_until(lock, deadline, [&] { return shared_->threads == 0; });
    std::vector<std::string> report;
    if (shared_->running != 0) report.push_back(std::to_string(shared_->running) + " blocking call(s) did not return");
    lock.unlock();
    return report;
}

bool BlockingPool::has_this_thread() const noexcept { return pool_of_this_thread == shared_.get(); }

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
