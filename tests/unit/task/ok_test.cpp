#include "support/catch.hpp"
#include "support/test_core.hpp"

#include <skerry/task/task.hpp>
#include <skerry/task/yield.hpp>

#include <memory>

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
