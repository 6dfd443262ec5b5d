#include "support/catch.hpp"
#include "support/limits.hpp"

#include <skerry/base/compiler.hpp>
#include <skerry/runtime/blocking_pool.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/spawn_blocking.hpp>
#include <skerry/task/scheduler.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using namespace skerry;

namespace {

// What a call that outlasts its pool shares with the test.
struct Gate {
    std::latch began{1};
    std::latch may_end{1};
    std::latch ended{1};
};

// A call that gives its place in the queue back only when it ends.
class LongCall final : public runtime::BlockingJob {
public:
    LongCall(std::shared_ptr<Gate> gate, sync::Permit permit) : gate_(std::move(gate)), permit_(std::move(permit)) {}
    LongCall(const LongCall&) = delete;
    LongCall& operator=(const LongCall&) = delete;
    ~LongCall() override {
        permit_.release();
        gate_->ended.count_down();
    }
    void run() noexcept override {
        gate_->began.count_down();
        gate_->may_end.wait();
    }

private:
    std::shared_ptr<Gate> gate_;
    sync::Permit permit_;
};

// Waits for whoever made it, and tells when it begins or, as a call is answered, when it is over.
struct Call final : runtime::BlockingJob {
    Call(std::latch& has_begun, std::latch& end) noexcept : begun(&has_begun), may_end(&end) {}
    explicit Call(std::latch& is_over) noexcept : over(&is_over) {}
    void run() noexcept override {
        if (begun != nullptr) begun->count_down();
        if (may_end != nullptr) may_end->wait();
    }
    void answer() noexcept override {
        if (over != nullptr) over->count_down();
    }
    std::latch* begun = nullptr;
    std::latch* may_end = nullptr;
    std::latch* over = nullptr;
};

void stop(runtime::BlockingPool& pool) {
    CHECK(pool.shutdown(std::chrono::steady_clock::now() + std::chrono::seconds{10}).empty());
    CHECK(pool.threads() == 0);
}

void call_and_wait(runtime::BlockingPool& pool) {
    std::latch done{1};
    pool.submit(std::make_unique<Call>(done));
    done.wait();
}

// Asks again as soon as a caller can: one that slept until its answer may be woken later than a thread waits awake.
void call_and_wait_awake(runtime::BlockingPool& pool) {
    std::latch done{1};
    pool.submit(std::make_unique<Call>(done));
    while (!done.try_wait()) cpu_relax();
}

// Whether `count` calls, one after the other, have found a thread awake before the time is over.
bool finds_awake(runtime::BlockingPool& pool, std::uint64_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (pool.found_awake() < count && std::chrono::steady_clock::now() < end) call_and_wait_awake(pool);
    return pool.found_awake() >= count;
}

}  // namespace

// A fault here is seen by AddressSanitizer only.
TEST_CASE("a call that outlasts the pool may give its place back", "[runtime][blocking][shutdown]") {
    const auto gate = std::make_shared<Gate>();
    auto pool = std::make_unique<runtime::BlockingPool>(1, 1, "test");
    auto permit = pool->slots().try_acquire();
    REQUIRE(permit.has_value());
    pool->submit(std::make_unique<LongCall>(gate, std::move(*permit)));
    gate->began.wait();
    CHECK(pool->shutdown(std::chrono::steady_clock::now()).size() == 1);
    pool.reset();
    gate->may_end.count_down();
    gate->ended.wait();
}

TEST_CASE("a blocking call runs where the pool's maker may, not on the core that started its thread",
          "[runtime][blocking]") {
    const auto everywhere = topology::current_affinity();
    REQUIRE(everywhere.has_value());
    Result<topology::CpuSet> ran_on = Errc::not_found;
    std::thread core([&] {
        runtime::BlockingPool pool(1, 1, "test");
        if (!topology::pin_current_thread(*everywhere->begin())) return;
        struct Look final : runtime::BlockingJob {
            Look(Result<topology::CpuSet>& to, std::latch& over) noexcept : found(to), done(over) {}
            void run() noexcept override {
                found = topology::current_affinity();
                done.count_down();
            }
            Result<topology::CpuSet>& found;
            std::latch& done;
        };
        std::latch done{1};
        pool.submit(std::make_unique<Look>(ran_on, done));
        done.wait();
    });
    core.join();
    CHECK(ran_on == everywhere);
}

TEST_CASE("a blocking call for which no thread can be started fails, and a later one runs", "[runtime][blocking]") {
    struct Work {
        static int seven() { return 7; }
        static Task<Result<int, JoinError>> call() {
            auto handle = spawn_blocking(&seven);
            co_return co_await handle;
        }
    };
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.pin = false;
    auto runtime = runtime::Builder(config).build();
    REQUIRE(runtime.has_value());
    {
        const tests::NoThreads here;
        auto refused = runtime->block_on(Work::call());
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().is_exception());
    }
    CHECK(runtime->state().blocking->threads() == 0);
    CHECK(runtime->state().blocking->outstanding() == 0);
    auto served = runtime->block_on(Work::call());
    REQUIRE(served.has_value());
    CHECK(*served == 7);
}

TEST_CASE("a call that comes while a thread ends that found none finds a thread", "[runtime][blocking]") {
    for (int round = 0; round < 2000; ++round) {
        std::latch first{1}, begun{1}, may_end{1}, last{1};
        runtime::BlockingPool pool(2, 3, "test");
        pool.submit(std::make_unique<Call>(first));
        pool.submit(std::make_unique<Call>(begun, may_end));  // the first thread may take it, and the second ends
        begun.wait();
        for (int i = 0; i < round % 100 * 20; ++i) cpu_relax();
        pool.submit(std::make_unique<Call>(last));
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (!last.try_wait() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
        const bool is_over = last.try_wait();
        may_end.count_down();
        stop(pool);
        REQUIRE(is_over);
    }
}

TEST_CASE("a pool has a CPU beside where all cores and calls that are awake have one", "[runtime][blocking]") {
    runtime::BlockingPool pool(2, 1, "test");
    CHECK_FALSE(pool.has_cpu_beside());
    task::Scheduler& core = *task::Scheduler::acquire();
    task::Scheduler& other = *task::Scheduler::acquire();
    const std::vector<std::uint16_t> cores{core.home(), other.home()};
    const auto has_with = [&](std::uint32_t awake_max) {
        pool.share_cpus(awake_max, cores);
        return pool.has_cpu_beside();
    };
    std::latch begun{2};
    std::latch may_end{1};
    pool.submit(std::make_unique<Call>(begun, may_end));
    CHECK(has_with(3));
    CHECK_FALSE(has_with(2));
    REQUIRE(other.try_sleep());
    CHECK(has_with(2));
    CHECK_FALSE(has_with(1));
    CHECK_FALSE(has_with(0));
    pool.submit(std::make_unique<Call>(begun, may_end));
    CHECK_FALSE(has_with(2));
    CHECK(has_with(3));
    REQUIRE(other.awake());
    CHECK_FALSE(has_with(3));
    begun.wait();
    may_end.count_down();
    stop(pool);
    core.retire();
    other.retire();
}

TEST_CASE("of several pools each takes its part of the CPUs", "[runtime][blocking]") {
    runtime::BlockingPool pool(1, 1, "test");
    std::latch begun{1};
    std::latch may_end{1};
    pool.submit(std::make_unique<Call>(begun, may_end));
    pool.share_cpus(1, {});
    CHECK(pool.has_cpu_beside());
    {
        runtime::BlockingPool another(1, 1, "test");
        another.share_cpus(1, {});
        CHECK_FALSE(pool.has_cpu_beside());
        another.share_cpus(0, {});
        CHECK(pool.has_cpu_beside());
        another.share_cpus(1, {});
    }
    CHECK(pool.has_cpu_beside());
    begun.wait();
    may_end.count_down();
    stop(pool);
}

TEST_CASE("threads of a pool wait awake for calls that come soon, and stop", "[runtime][blocking][shutdown]") {
    if (topology::available_cpus().value().count() < 2) {
        WARN("this machine has one CPU: not looked at");
        return;
    }
    runtime::BlockingPool pool(2, 1, "test");
    pool.share_cpus(2, {});
    CHECK(finds_awake(pool, 100));
    CHECK(pool.threads() == 1);  // who asks again when it has the answer needs no second
    stop(pool);
}

TEST_CASE("a thread of a pool does not wait awake on the only CPU", "[runtime][blocking]") {
    task::Scheduler& core = *task::Scheduler::acquire();
    runtime::BlockingPool pool(1, 1, "test");
    pool.share_cpus(1, {core.home()});
    for (int i = 0; i < 500; ++i) call_and_wait(pool);
    CHECK(pool.found_awake() == 0);
    stop(pool);
    core.retire();
}
