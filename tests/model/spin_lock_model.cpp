// model sources: core/src/base/spin_lock.cpp
//
// SpinLock: one holder at a time, what a holder wrote is seen by the next, everybody gets in. A thread that
// finds the lock taken goes through lock_slow(), where every round yields here.

#include "model_suite.hpp"

#include <skerry/base/spin_lock.hpp>

#include <mutex>

namespace {

namespace model = skerry::model;

struct State {
    skerry::SpinLock lock;
    model::var<int> inside{0};
    model::var<int> count{0};
    skerry::atomic<int> place{0};

    State() {
        model::name(&lock, "lock");
        model::name(&inside, "inside");
        model::name(&count, "count");
    }

    /// Needs the lock held.
    void visit() {
        inside = inside + 1;
        MODEL_ASSERT(inside == 1);
        place.fetch_add(1, std::memory_order_relaxed);  // where another thread may come in, which at a var it may not
        count = count + 1;
        MODEL_ASSERT(inside == 1);
        inside = inside - 1;
    }
};

void lock_by(unsigned threads, int times) {
    State s;
    for (unsigned i = 0; i < threads; ++i) {
        model::thread([&s, times] {
            for (int round = 0; round < times; ++round) {
                const std::lock_guard guard(s.lock);
                s.visit();
            }
        });
    }
    model::join_all();
    MODEL_ASSERT(s.count == static_cast<int>(threads) * times);
}

/// One thread takes what it can get, the other waits: try_lock() never lets a second one in.
void lock_beside_try_lock() {
    State s;
    int got = 0;
    model::thread([&] {
        const std::lock_guard guard(s.lock);
        s.visit();
    });
    model::thread([&] {
        for (int attempt = 0; attempt < 2; ++attempt) {
            model::progress();
            if (!s.lock.try_lock()) continue;
            s.visit();
            ++got;
            s.lock.unlock();
        }
    });
    model::join_all();
    MODEL_ASSERT(s.count == 1 + got);
    MODEL_ASSERT(s.lock.try_lock(), "free when everybody has left");
    s.lock.unlock();
}

/// The lock as it would be with a load and a store in place of the exchange, and with a relaxed unlock.
template <std::memory_order Unlock, bool Exchange>
class BrokenLock {
public:
    void lock() noexcept {
        if constexpr (Exchange) {
            while (word_.exchange(1, std::memory_order_acquire) != 0) model::yield();
        } else {
            while (word_.load(std::memory_order_acquire) != 0) model::yield();
            word_.store(1, std::memory_order_relaxed);
        }
    }
    void unlock() noexcept { word_.store(0, Unlock); }

private:
    skerry::atomic<std::uint32_t> word_{0};
};

template <class Lock>
void count_under() {
    Lock lock;
    model::var<int> count{0};
    const auto add = [&] {
        const std::lock_guard guard(lock);
        count = count + 1;
    };
    model::thread(add);
    model::thread(add);
    model::join_all();
    MODEL_ASSERT(count == 2);
}

}  // namespace

int main() {
    model::Suite suite;
    suite.expect_pass("two threads lock twice", {.preemptions_max = 3}, [] { lock_by(2, 2); });
    suite.expect_pass("three threads lock once", {.preemptions_max = 3}, [] { lock_by(3, 1); });
    suite.expect_pass("lock beside try_lock", {.preemptions_max = 3}, [] { lock_beside_try_lock(); });
    suite.expect_failure("a lock with a relaxed unlock", {}, "data race",
                         [] { count_under<BrokenLock<std::memory_order_relaxed, true>>(); });
    suite.expect_failure("a lock that looks, then stores", {}, "data race",
                         [] { count_under<BrokenLock<std::memory_order_release, false>>(); });
    return suite.exit_code();
}
