#include <skerry/runtime/blocking_pool.hpp>

#include <pthread.h>

#include <system_error>
#include <utility>

namespace skerry::runtime {

namespace {
constexpr auto keep_alive = std::chrono::seconds{10};
}

// Outlives the pool: a thread whose call outlasts the shutdown still uses it.
struct BlockingPool::Shared {
    explicit Shared(std::uint32_t queue_max) : slots(queue_max) {}

    sync::Semaphore slots;  // here, because a call that the shutdown did not wait for may still hold a permit
    std::uint32_t threads_max = 0;
    std::string thread_name;
    std::mutex mutex;
    std::condition_variable work_or_stop;
    std::condition_variable thread_ended;
    std::deque<std::unique_ptr<BlockingJob>> queue;
    std::uint32_t threads = 0;
    std::uint32_t idle = 0;
    std::uint32_t running = 0;
    bool stopped = false;
};

BlockingPool::BlockingPool(std::uint32_t threads_max, std::uint32_t queue_max, std::string thread_name)
    : shared_(std::make_shared<Shared>(queue_max)) {
    shared_->threads_max = threads_max;
    shared_->thread_name = (std::move(thread_name) + "-block").substr(0, 15);
}

BlockingPool::~BlockingPool() { (void)shutdown(std::chrono::steady_clock::now()); }

void BlockingPool::submit(std::unique_ptr<BlockingJob> job) {
    std::unique_ptr<BlockingJob> refused;
    {
        const std::lock_guard guard(shared_->mutex);
        if (shared_->stopped) {
            refused = std::move(job);  // destroyed outside the lock: it wakes the task that waits for it
            return;
        }
        shared_->queue.push_back(std::move(job));
        if (shared_->idle < shared_->queue.size() && shared_->threads < shared_->threads_max) start_thread(refused);
    }
    shared_->work_or_stop.notify_one();
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
    ::pthread_setname_np(::pthread_self(), shared->thread_name.c_str());
    std::unique_lock lock(shared->mutex);
    for (;;) {
        ++shared->idle;
        const bool has_work =
            shared->work_or_stop.wait_for(lock, keep_alive, [&] { return shared->stopped || !shared->queue.empty(); });
        --shared->idle;
        if (!has_work || shared->queue.empty()) break;
        std::unique_ptr<BlockingJob> job = std::move(shared->queue.front());
        shared->queue.pop_front();
        ++shared->running;
        lock.unlock();
        job->run();
        job.reset();
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
    shared_->work_or_stop.notify_all();
    shared_->thread_ended.wait_until(lock, deadline, [&] { return shared_->threads == 0; });
    std::vector<std::string> report;
    if (shared_->running != 0) report.push_back(std::to_string(shared_->running) + " blocking call(s) did not return");
    lock.unlock();
    return report;
}

std::uint32_t BlockingPool::outstanding() const noexcept {
    const std::lock_guard guard(shared_->mutex);
    return shared_->running + static_cast<std::uint32_t>(shared_->queue.size());
}

std::uint32_t BlockingPool::threads() const noexcept {
    const std::lock_guard guard(shared_->mutex);
    return shared_->threads;
}

}  // namespace skerry::runtime
