#include <skerry/runtime/serve_together.hpp>

#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/testing/runtime.hpp>
#include <skerry/time/sleep.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <new>
#include <stdexcept>
#include <utility>

using namespace skerry;
using namespace std::chrono_literals;
using runtime::serve_together;

namespace {

/// A part of a service that ends after a time.
Task<Result<>> part(std::chrono::nanoseconds lasts, Result<> outcome, int& ended) {
    co_await time::sleep(lasts);
    ++ended;
    co_return outcome;
}

/// Counts what is destroyed before it has ended.
struct Part {
    explicit Part(int& count) : count_(&count) {}
    Part(Part&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Part& operator=(Part&&) = delete;
    ~Part() {
        if (count_ != nullptr) ++*count_;
    }

private:
    int* count_;
};

Task<Result<>> serve_for_ever(Part) {
    for (;;) co_await time::sleep(1h);
}

Task<Result<>> throws() {
    co_await yield_now();
    throw std::runtime_error("on purpose");
}

Task<Result<>> finds_no_memory() {
    co_await yield_now();
    throw std::bad_alloc();
}

AbortAll<Result<>> elsewhere(Task<Result<>> one) {
    AbortAll<Result<>> parts;
    parts.handles.push_back(spawn(std::move(one)));
    return parts;
}

AbortAll<Result<>> elsewhere(Task<Result<>> one, Task<Result<>> other) {
    AbortAll<Result<>> parts = elsewhere(std::move(one));
    parts.handles.push_back(spawn(std::move(other)));
    return parts;
}

}  // namespace

TEST_CASE("a service of several parts lasts as long as the longest", "[runtime][serve_together]") {
    testing::Runtime rt;
    const auto times = GENERATE(std::pair(1s, 5s), std::pair(5s, 1s), std::pair(5s, 5s));
    int ended = 0;
    auto service = rt.start([&, here = times.first, other = times.second]() -> Task<Result<>> {
        auto parts = elsewhere(part(other, {}, ended));
        auto served = co_await serve_together(part(here, {}, ended), std::move(parts));
        co_return served;
    });
    rt.advance(4999ms);
    CHECK_FALSE(service.is_done());
    rt.advance(1ms);
    REQUIRE(service.is_done());
    CHECK(service.take());
    CHECK(ended == 2);
}

TEST_CASE("a service without other parts is its own", "[runtime][serve_together]") {
    testing::Runtime rt;
    int ended = 0;
    const auto served = rt.run([&]() -> Task<Result<>> {
        auto outcome = co_await serve_together(part(1s, Errc::timed_out, ended), {});
        co_return outcome;
    });
    REQUIRE_FALSE(served);
    CHECK(served.error() == Errc::timed_out);
}

TEST_CASE("a part that fails elsewhere ends the service at once", "[runtime][serve_together]") {
    testing::Runtime rt;
    int ended = 0;
    int destroyed = 0;
    auto service = rt.start([&]() -> Task<Result<>> {
        auto parts = elsewhere(serve_for_ever(Part(destroyed)), part(2s, Errc::no_descriptors, ended));
        auto served = co_await serve_together(serve_for_ever(Part(destroyed)), std::move(parts));
        co_return served;
    });
    rt.advance(1999ms);
    CHECK_FALSE(service.is_done());
    rt.advance(1ms);
    REQUIRE(service.is_done());
    CHECK(service.take().error() == Errc::no_descriptors);
    rt.run_until_idle();
    CHECK(destroyed == 2);
}

TEST_CASE("a part that fails here ends the others", "[runtime][serve_together]") {
    testing::Runtime rt;
    int ended = 0;
    int destroyed = 0;
    const auto served = rt.run([&]() -> Task<Result<>> {
        auto parts = elsewhere(serve_for_ever(Part(destroyed)));
        auto outcome = co_await serve_together(part(1s, Errc::io, ended), std::move(parts));
        co_return outcome;
    });
    REQUIRE_FALSE(served);
    CHECK(served.error() == Errc::io);
    rt.run_until_idle();
    CHECK(destroyed == 1);
    CHECK(rt.live_tasks() == 0);
}

// What a service ends with whose part elsewhere ends so; the part here is destroyed.
Errc outcome_beside(Task<Result<>> (*part_elsewhere)()) {
    testing::Runtime rt;
    int destroyed = 0;
    const auto served = rt.run([&]() -> Task<Result<>> {
        auto parts = elsewhere(part_elsewhere());
        auto outcome = co_await serve_together(serve_for_ever(Part(destroyed)), std::move(parts));
        co_return outcome;
    });
    CHECK(destroyed == 1);
    return served ? Errc::ok : served.error().code();
}

TEST_CASE("a part that throws or is aborted ends the service as cancelled", "[runtime][serve_together]") {
    CHECK(outcome_beside(&throws) == Errc::cancelled);
}

TEST_CASE("a part that finds no memory ends the service as no_memory", "[runtime][serve_together][error]") {
    CHECK(outcome_beside(&finds_no_memory) == Errc::no_memory);
}

TEST_CASE("a service that is dropped drops all its parts", "[runtime][serve_together][cancel]") {
    const bool has_started = GENERATE(false, true);
    testing::Runtime rt;
    int destroyed = 0;
    auto service = rt.start([&]() -> Task<Result<>> {
        auto parts = elsewhere(serve_for_ever(Part(destroyed)), serve_for_ever(Part(destroyed)));
        auto served = co_await serve_together(serve_for_ever(Part(destroyed)), std::move(parts));
        co_return served;
    });
    if (has_started) rt.advance(1s);
    service.cancel();
    rt.run_until_idle();
    CHECK(destroyed == 3);
    CHECK(rt.live_tasks() == 0);
}
