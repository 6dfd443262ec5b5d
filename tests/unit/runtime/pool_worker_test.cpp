// How a thread of the blocking pool waits for its next call.

#include "support/catch.hpp"

#include "runtime/pool_worker.hpp"

namespace skerry::runtime {
namespace {

/// Of as many waits, each with a call that has come or none, how many found it awake.
int found_awake(PoolWorker& worker, int waits) {
    int count = 0;
    for (int i = 0; i < waits; ++i) {
        worker.wake();
        if (worker.tries_to_linger() && worker.linger())
            ++count;
        else
            worker.sleep();
    }
    return count;
}

TEST_CASE("a thread of the pool waits awake as long as calls come soon", "[runtime][blocking]") {
    PoolWorker worker;
    CHECK(found_awake(worker, 40) == 8);
    CHECK(found_awake(worker, 40) == 40);
    for (int i = 0; i < 40; ++i)
        if (worker.tries_to_linger()) CHECK_FALSE(worker.linger());
    CHECK(found_awake(worker, 3) == 0);  // many in vain: the next 32 not
}

TEST_CASE("a call goes to the thread that fell idle last", "[runtime][blocking]") {
    IdleWorkers idle;
    PoolWorker first, second, third;
    CHECK(idle.pop() == nullptr);
    for (PoolWorker* const worker : {&first, &second, &third}) idle.push(*worker);
    CHECK(idle.remove(second));
    CHECK_FALSE(idle.remove(second));
    CHECK(idle.pop() == &third);
    CHECK(idle.pop() == &first);
    CHECK(idle.pop() == nullptr);
}

}  // namespace
}  // namespace skerry::runtime
