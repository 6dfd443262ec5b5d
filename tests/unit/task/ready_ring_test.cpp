// The ready ring when there is no memory to grow it.

#include "support/catch.hpp"
#include "support/limits.hpp"
#include "support/test_core.hpp"

#include <skerry/base/compiler.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

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

}  // namespace
}  // namespace skerry

#endif
