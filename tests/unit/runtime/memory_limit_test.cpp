// A core at its process's limit of memory.

#include "support/catch.hpp"
#include "support/limits.hpp"

#include <skerry/base/compiler.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <latch>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#if !SKERRY_ASAN && !SKERRY_TSAN  // they need address space of their own

using namespace skerry;
using namespace std::chrono_literals;

namespace {

runtime::Runtime make_runtime() {
    runtime::Config config;
    config.pin = false;
    auto built = runtime::Builder(config).build();
    REQUIRE(built);
    return std::move(*built);
}

// Of each size some blocks that this thread may have although there is no memory for others.
void keep_blocks() {
    std::vector<std::unique_ptr<std::byte[]>> blocks;
    for (std::size_t bytes = 16; bytes <= 1024; bytes += 16)
        for (int i = 0; i < 6; ++i) blocks.push_back(std::make_unique<std::byte[]>(bytes));
}

// All the memory that its thread can have.
class Hoard {
public:
    void take_all() {
        for (const std::size_t bytes : {std::size_t{1} << 16, std::size_t{1} << 10, sizeof(Block)})
            while (void* const memory = std::malloc(bytes)) last_ = new (memory) Block{last_};
    }
    ~Hoard() {
        while (last_ != nullptr) std::free(std::exchange(last_, last_->before));
    }

private:
    struct Block {
        Block* before;
    };
    Block* last_ = nullptr;
};

Task<> take_all_memory(std::latch& taken) {
    Hoard hoard;
    hoard.take_all();
    taken.count_down();
    co_await time::sleep(1h);
}

Task<int> fail() {
    co_await yield_now();
    throw 1;
}

enum class Caught { nothing, bad_alloc, other };

template <class Awaitable>
Task<Caught> catch_of(Awaitable awaitable) {
    const tests::NoMemory no_memory(8);
    try {
        (void)co_await std::move(awaitable);
    } catch (const std::bad_alloc&) {
        co_return Caught::bad_alloc;
    } catch (...) {
        co_return Caught::other;
    }
    co_return Caught::nothing;
}

Task<int> wait_long() {
    co_await time::sleep(1h);
    co_return 0;
}

Task<Caught> catch_of_spawned() {
    auto failing = spawn(fail());
    const tests::NoMemory no_memory(8);
    auto failed = co_await failing;
    try {
        if (!failed && failed.error().is_exception()) failed.error().rethrow();
    } catch (const std::bad_alloc&) {
        co_return Caught::bad_alloc;
    } catch (...) {
        co_return Caught::other;
    }
    co_return Caught::nothing;
}

Task<> take_a_turn() { co_await yield_now(); }

// The first task of a core takes what is taken once.
Task<> start_taking(std::latch& taken, std::optional<tests::LowerLimit>& no_more) {
    (void)co_await spawn(take_a_turn());
    no_more.emplace(RLIMIT_AS, 1);
    spawn(take_all_memory(taken)).detach();
}

}  // namespace

TEST_CASE("block_on throws bad_alloc when the core has no memory to take its task on", "[runtime]") {
    runtime::Runtime runtime = make_runtime();
    bool refused = false;
    bool ran = false;
    std::latch taken(1);
    {
        auto work = [](bool& has_run) -> Task<> {
            has_run = true;
            co_return;
        };
        keep_blocks();
        std::optional<tests::LowerLimit> no_more;
        runtime.block_on(start_taking(taken, no_more));
        taken.wait();
        try {
            runtime.block_on(work(ran));
        } catch (const std::bad_alloc&) {
            refused = true;
        }
    }
    CHECK(refused);
    CHECK_FALSE(ran);
}

TEST_CASE("an exception that there is no memory to keep is bad_alloc for whoever awaits the task", "[runtime]") {
    runtime::Runtime runtime = make_runtime();
    CHECK(runtime.block_on(catch_of(fail())) == Caught::bad_alloc);
    // A branch stands at any multiple of 8: each place has its turn.
    CHECK(runtime.block_on(catch_of(select(fail(), wait_long()))) == Caught::bad_alloc);
    CHECK(runtime.block_on(catch_of(select(wait_long(), fail()))) == Caught::bad_alloc);
    CHECK(runtime.block_on(catch_of(join(fail(), fail()))) == Caught::bad_alloc);
    CHECK(runtime.block_on(catch_of(time::timeout(1h, fail()))) == Caught::bad_alloc);
    CHECK(runtime.block_on(catch_of_spawned()) == Caught::bad_alloc);
}

#endif
