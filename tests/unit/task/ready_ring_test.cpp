// The ready ring and the stack of unstarted tasks when there is no memory to grow them.

#include "support/catch.hpp"
#include "support/limits.hpp"
#include "support/test_core.hpp"

#include <skerry/base/compiler.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

#include <algorithm>
#include <numeric>
#include <source_location>
#include <utility>
#include <vector>

#if !SKERRY_ASAN && !SKERRY_TSAN  // they need address space of their own

namespace skerry {
namespace {

using test_support::TestCore;

struct Orders {
    std::vector<int> waited, first, second;

    explicit Orders(std::size_t count) {
        for (auto* order : {&waited, &first, &second}) order->reserve(count);
    }
};

Task<> wait_and_append(sync::local::Notify& notify, Orders& orders, int number) {
    orders.waited.push_back(number);
    co_await notify.notified();
    orders.first.push_back(number);
    co_await yield_now();
    orders.second.push_back(number);
}

TEST_CASE("wakes for which the ready ring cannot grow are late, in order, and not lost", "[task][scheduler]") {
    constexpr int count = 100'000;  // more than any ring that another test has left behind
    sync::local::Notify notify;
    Orders orders(count);
    std::vector<JoinHandle<void>> handles;
    handles.reserve(count);
    TestCore core;
    for (int i = 0; i < count; ++i) handles.push_back(core.start(wait_and_append(notify, orders, i)));
    core.run_until_idle();
    {
        const tests::NoMemory here;
        core.in([&] { notify.notify_waiters(); });
        CHECK(core.scheduler().counters().spills.load() > 0);
        handles[static_cast<std::size_t>(orders.waited.back())].abort();  // it has spilled
        core.run_until_idle();
    }
    orders.waited.pop_back();
    CHECK((orders.first == orders.waited));
    CHECK((orders.second == orders.waited));
    CHECK(core.scheduler().live_tasks() == 0);
    // With memory again the ring grows as before.
    const auto spilled = core.scheduler().counters().spills.load();
    Orders again(count);
    for (int i = 0; i < count; ++i) core.start(wait_and_append(notify, again, i)).detach();
    core.run_until_idle();
    core.in([&] { notify.notify_waiters(); });
    CHECK(core.scheduler().counters().spills.load() == spilled);
    core.run_until_idle();
    CHECK(core.scheduler().live_tasks() == 0);
}

Task<> append(std::vector<int>& order, int number) {
    order.push_back(number);
    co_return;
}

TEST_CASE("tasks for which the stack of unstarted ones cannot grow start later, each once", "[task][scheduler]") {
    constexpr int count = 140'000;  // more than any stack that another test has left behind
    TestCore core;
    std::vector<int> order;
    order.reserve(count);
    std::vector<Task<>> tasks;
    tasks.reserve(count);
    std::vector<JoinHandle<void>> handles;
    handles.reserve(count);
    core.in([&] {
        for (int i = 0; i < count; ++i) tasks.push_back(append(order, i));
    });
    {
        const tests::NoMemory here;
        for (Task<>& task : tasks) handles.push_back(core.start(std::move(task)));
        CHECK(core.scheduler().counters().spills.load() > 0);
        handles.back().abort();
        core.run_until_idle();
    }
    std::ranges::sort(order);
    std::vector<int> all_but_one(count - 1);
    std::iota(all_but_one.begin(), all_but_one.end(), 0);
    CHECK((order == all_but_one));
    CHECK(core.scheduler().live_tasks() == 0);
    // With memory again the stack grows as before.
    const auto spilled = core.scheduler().counters().spills.load();
    for (int i = 0; i < count; ++i) core.start(append(order, i)).detach();
    CHECK(core.scheduler().counters().spills.load() == spilled);
    core.run_until_idle();
    CHECK(order.size() == 2 * count - 1);
}

TEST_CASE("tasks that never fitted on the stack end with their core", "[task][scheduler]") {
    constexpr int count = 300'000;  // as above, and the test above has left one behind
    std::vector<int> order;
    std::vector<JoinHandle<void>> handles;
    handles.reserve(count);
    {
        TestCore core;
        std::vector<Task<>> tasks;
        tasks.reserve(count);
        core.in([&] {
            for (int i = 0; i < count; ++i) tasks.push_back(append(order, i));
        });
        const tests::NoMemory here;
        for (Task<>& task : tasks) handles.push_back(core.start(std::move(task)));
    }
    CHECK(order.empty());
    CHECK(std::ranges::all_of(handles, [](const auto& handle) { return handle.is_finished(); }));
}

TEST_CASE("a task handed to a core that has no memory to know it by is cancelled", "[task][scheduler]") {
    TestCore made;
    TestCore runs;
    std::vector<int> order;
    Task<> work = made.in([&] { return append(order, 1); });
    task::TaskHeader& header = task::make_root(std::move(work), std::source_location::current());
    const JoinHandle<void> handle(header);
    {
        const tests::NoMemory here(16);
        task::Scheduler::start_on(runs.scheduler(), header);
        runs.run_until_idle();
    }
    CHECK(handle.is_finished());
    CHECK(order.empty());
    CHECK(runs.scheduler().live_tasks() == 0);
}

}  // namespace
}  // namespace skerry

#endif
