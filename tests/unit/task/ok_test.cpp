#include "support/catch.hpp"
#include "support/test_core.hpp"
#include "support/throws_when_destroyed.hpp"

#include <skerry/task/task.hpp>
#include <skerry/task/yield.hpp>

#include <memory>
#include <stdexcept>
#include <string>

using namespace skerry;
using skerry::test_support::TestCore;

namespace {

Task<Result<int>> inner(bool good) {
    co_await yield_now();
    if (!good) co_return Errc::closed;
    co_return 20;
}

Task<Result<int>> outer(bool good, std::shared_ptr<int> local, bool* went_on) {
    const std::shared_ptr<int> held = std::move(local);
    auto first = co_await inner(good);
    const int value = co_await ok(std::move(first));
    *went_on = true;
    co_return value + 1;
}

}  // namespace

TEST_CASE("ok() unwraps a value", "[task][ok]") {
    TestCore core;
    bool went_on = false;
    auto outcome = core.run(outer(true, std::make_shared<int>(0), &went_on));
    REQUIRE(outcome.has_value());
    CHECK(*outcome == 21);
    CHECK(went_on);
}

TEST_CASE("a local that throws when ok() ends a spawned task is the task's outcome and nobody else's", "[task][ok]") {
    struct Work {
        static Task<Result<int>> fail() {
            const tests::ThrowsWhenDestroyed local;
            co_await ok(Result<int>(Errc::closed));
            co_return 1;
        }
        static Task<int> yield_often() {
            for (int i = 0; i < 20; ++i) co_await yield_now();
            co_return 20;
        }
        static Task<std::string> message(JoinHandle<Result<int>>* handle) {
            auto outcome = co_await *handle;
            co_return outcome ? "ended" : outcome.error().message();
        }
        static Task<int> value(JoinHandle<int>* handle) {
            auto outcome = co_await *handle;
            co_return outcome.has_value() ? *outcome : -1;
        }
    };
    TestCore core;
    auto failing = core.start(Work::fail());
    auto other = core.start(Work::yield_often());
    core.run_until_idle();
    CHECK(*core.run(Work::message(&failing)) == "thrown by a destructor");
    CHECK(*core.run(Work::value(&other)) == 20);
}

TEST_CASE("a value whose return a local's destructor undid goes when the next is returned", "[task]") {
    const auto twice = [](std::shared_ptr<int> first) -> Task<std::shared_ptr<int>> {
        try {
            const tests::ThrowsWhenDestroyed local;
            co_return first;
        } catch (const std::runtime_error&) {
        }
        co_return nullptr;
    };
    const auto first = std::make_shared<int>(1);
    TestCore core;
    auto outcome = core.run(twice(first));
    REQUIRE(outcome.has_value());
    CHECK(*outcome == nullptr);
    CHECK(first.use_count() == 1);
}

TEST_CASE("ok() ends the task with the error and destroys its locals", "[task][ok]") {
    TestCore core;
    bool went_on = false;
    const auto local = std::make_shared<int>(0);
    auto outcome = core.run(outer(false, local, &went_on));
    REQUIRE(outcome.has_value());
    REQUIRE_FALSE(outcome->has_value());
    CHECK(outcome->error() == Errc::closed);
    CHECK_FALSE(went_on);
    CHECK(local.use_count() == 1);
}
