// Two cores on two threads use the same mutex, semaphore, notification, tokens and set, and give up at random.
// What must hold at the end: nothing was let in twice, nothing that was granted is lost, nobody waits for ever.

#include "support/catch.hpp"
#include "support/test_core.hpp"

#include <skerry/sync/mutex.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/sync/semaphore.hpp>
#include <skerry/task/cancel.hpp>
#include <skerry/task/join_set.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace skerry;
using test_support::TestCore;

namespace {

constexpr std::size_t permits = 4;
constexpr int workers_a_core = 6;
constexpr int rounds = 1500;

struct Shared {
    sync::Mutex<long> mutex{0};
    sync::Semaphore semaphore{permits};
    sync::Notify notify;
    CancellationToken root;
    std::atomic<long> locks{0};
    std::atomic<std::size_t> held{0};
    std::atomic<std::size_t> held_max{0};
    std::atomic<int> busy_cores{2};

    void hold(std::size_t n) {
        const std::size_t now = held.fetch_add(n) + n;
        std::size_t seen = held_max.load();
        while (seen < now && !held_max.compare_exchange_weak(seen, now)) {
        }
    }
};

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed * 2654435761U + 1) {}
    std::uint64_t below(std::uint64_t limit) {
        state_ ^= state_ << 13U;
        state_ ^= state_ >> 7U;
        state_ ^= state_ << 17U;
        return (state_ >> 20U) % limit;
    }

private:
    std::uint64_t state_;
};

/// One count in Shared::held for each permit, also when the task that has them is aborted.
class HeldCount {
public:
    HeldCount(Shared& shared, std::size_t n) : shared_(&shared), count_(n) { shared.hold(n); }
    HeldCount(const HeldCount&) = delete;
    HeldCount& operator=(const HeldCount&) = delete;
    ~HeldCount() { shared_->held.fetch_sub(count_); }

private:
    Shared* shared_;
    std::size_t count_;
};

Task<void> lock_once(Shared& shared, std::uint64_t yields) {
    auto guard = co_await shared.mutex.lock();
    ++*guard;
    shared.locks.fetch_add(1);
    for (std::uint64_t i = 0; i < yields; ++i) co_await yield_now();
}

Task<void> lock_or_yield(Shared& shared) {
    auto winner = co_await select(shared.mutex.lock(), yield_now());
    if (auto* const guard = std::get_if<0>(&winner)) {
        ++**guard;
        shared.locks.fetch_add(1);
    }
}

Task<void> acquire_once(Shared& shared, std::size_t n, std::uint64_t yields) {
    auto permit = co_await shared.semaphore.acquire(n);
    const HeldCount count(shared, n);
    for (std::uint64_t i = 0; i < yields; ++i) co_await yield_now();
}

Task<void> acquire_or_yield(Shared& shared, std::size_t n) {
    auto winner = co_await select(shared.semaphore.acquire(n), yield_now());
    if (winner.index() == 0) const HeldCount count(shared, n);
}

Task<void> notify_and_wait(Shared& shared, std::uint64_t how) {
    if (how == 0)
        shared.notify.notify_waiters();
    else if (how == 1)
        shared.notify.notify_last();
    else
        shared.notify.notify_one();
    auto winner = co_await select(shared.notify.notified(), yield_now());
    (void)winner;
}

Task<void> until_cancelled(CancellationToken token) { co_await token.cancelled(); }

Task<void> cancel_child(Shared& shared) {
    const CancellationToken child = shared.root.child_token();
    auto waiting = spawn(until_cancelled(child.child_token()));
    co_await yield_now();
    child.cancel();
    (void)co_await waiting;
}

Task<void> abort_one(Shared& shared, bool of_mutex, std::uint64_t yields) {
    auto victim = of_mutex ? spawn(lock_once(shared, 3)) : spawn(acquire_once(shared, 2, 3));
    for (std::uint64_t i = 0; i < yields; ++i) co_await yield_now();
    victim.abort();
    (void)co_await victim;
}

Task<void> work(Shared& shared, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < rounds; ++i) {
        switch (random.below(8)) {
            case 0: co_await lock_once(shared, random.below(2)); break;
            case 1: co_await acquire_once(shared, 1 + random.below(3), random.below(2)); break;
            case 2: co_await lock_or_yield(shared); break;
            case 3: co_await acquire_or_yield(shared, 1 + random.below(permits)); break;
            case 4: co_await notify_and_wait(shared, random.below(4)); break;
            case 5: co_await cancel_child(shared); break;
            case 6: co_await abort_one(shared, true, random.below(4)); break;
            default: co_await abort_one(shared, false, random.below(4)); break;
        }
    }
}

// Runs the core until both cores have nothing left: until then the other one may still post here.
void drive(TestCore& core, Shared& shared) {
    const TestCore::Entered here(core);
    bool is_busy = true;
    while (shared.busy_cores.load() != 0) {
        core.scheduler().drain();
        const bool ran = core.scheduler().run(61) != 0;
        if (is_busy && core.scheduler().live_tasks() == 0) {
            is_busy = false;
            shared.busy_cores.fetch_sub(1);
        }
        if (!ran) std::this_thread::yield();  // in a container the other thread may need this CPU
    }
}

void drive_both(TestCore& a, TestCore& b, Shared& shared) {
    std::thread other([&] { drive(b, shared); });
    drive(a, shared);
    other.join();
}

Task<int> after_yields(int yields, int value) {
    for (int i = 0; i < yields; ++i) co_await yield_now();
    co_return value;
}

Task<void> join_all(JoinSet<int>& members, int& sum, int& ended) {
    for (;;) {
        auto outcome = co_await select(members.join_next(), yield_now());
        auto* const joined = std::get_if<0>(&outcome);
        if (joined == nullptr) continue;
        if (!joined->has_value()) co_return;
        sum += (*joined)->value_or(0);
        ++ended;
    }
}

}  // namespace

TEST_CASE("two threads lose nothing and let nobody in twice", "[sync][two_threads]") {
    Shared shared;
    {
        TestCore a(1);
        TestCore b(2);
        std::vector<JoinHandle<void>> tasks;
        for (int i = 0; i < workers_a_core; ++i) {
            tasks.push_back(a.start(work(shared, 10 + i)));
            tasks.push_back(b.start(work(shared, 20 + i)));
        }
        drive_both(a, b, shared);
        for (const auto& task : tasks) CHECK(task.is_finished());
    }
    CHECK(shared.semaphore.available_permits() == permits);
    CHECK(shared.held.load() == 0);
    CHECK(shared.held_max.load() <= permits);
    auto guard = shared.mutex.try_lock();
    REQUIRE(guard);
    CHECK(**guard == shared.locks.load());
}

// Behaviour 18.
TEST_CASE("a set is joined on one thread while its members end on another", "[sync][two_threads]") {
    constexpr int count = 2000;
    Shared shared;
    JoinSet<int> members;
    int sum = 0;
    int ended = 0;
    {
        TestCore a(1);
        TestCore b(2);
        b.in([&] {
            for (int i = 0; i < count; ++i) {
                const AbortHandle abort = members.spawn(after_yields(i % 50, 1));
                if (i % 10 == 9) abort.abort();
            }
        });
        auto joiner = a.start(join_all(members, sum, ended));
        drive_both(a, b, shared);
        CHECK(joiner.is_finished());
    }
    CHECK(ended == count);
    CHECK(sum == count - count / 10);
    CHECK(members.is_empty());
}
