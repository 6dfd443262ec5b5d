#include "support/catch.hpp"

#include <skerry/testing/no_alloc.hpp>

#include <skerry/task/yield.hpp>
#include <skerry/testing/runtime.hpp>
#include <skerry/time/sleep.hpp>

#include <cstdint>
#include <memory>
#include <thread>

namespace skerry {
namespace {

using namespace std::chrono_literals;

// Through a pointer the compiler cannot see through: it may leave an allocation out otherwise.
std::unique_ptr<std::uint64_t>* volatile sink;

TEST_CASE("an allocation is counted with its bytes", "[testing][no_alloc]") {
    const testing::NoAlloc guard;
    CHECK(guard.allocations() == 0);
    std::unique_ptr<std::uint64_t> made;
    sink = &made;
    *sink = std::make_unique<std::uint64_t>(1);
    const std::uint64_t allocations = guard.allocations();
    const std::uint64_t bytes = guard.bytes();
    CHECK(allocations == 1);
    CHECK(bytes == 8);
}

TEST_CASE("a guard counts from its own beginning", "[testing][no_alloc]") {
    const testing::NoAlloc outer;
    std::unique_ptr<std::uint64_t> made;
    sink = &made;
    *sink = std::make_unique<std::uint64_t>(1);
    const testing::NoAlloc inner;
    const std::uint64_t inside = inner.allocations();
    const std::uint64_t outside = outer.allocations();
    CHECK(inside == 0);
    CHECK(outside == 1);
}

TEST_CASE("what another thread allocates is not counted", "[testing][no_alloc]") {
    std::uint64_t counted = 1;
    std::thread watched([&counted] {
        const testing::NoAlloc guard;
        counted = guard.allocations();
    });
    std::unique_ptr<std::uint64_t> made;
    sink = &made;
    *sink = std::make_unique<std::uint64_t>(1);
    watched.join();
    CHECK(counted == 0);
}

Task<> works(int times) {
    for (int i = 0; i < times; ++i) {
        co_await yield_now();
        co_await time::sleep(1us);
    }
}

TEST_CASE("spawning, yielding and sleeping allocate nothing in steady state", "[testing][no_alloc]") {
    testing::Runtime rt;
    rt.run(works(10));
    const testing::NoAlloc guard;
    for (int i = 0; i < 10; ++i) rt.run(works(10));
    const std::uint64_t allocations = guard.allocations();
    CHECK(allocations == 0);
}

}  // namespace
}  // namespace skerry
