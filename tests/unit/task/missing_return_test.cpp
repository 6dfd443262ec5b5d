// A coroutine that ends without the value that it promised.

#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/test_core.hpp"

#include <skerry/task/yield.hpp>

#if !defined(NDEBUG) && !defined(__clang__)  // which warns of it

using namespace skerry;
using skerry::test_support::TestCore;

namespace {

Task<int> forget_to_return(bool is_asked) {
    if (!is_asked) co_return 1;
    co_await yield_now();
}

Task<int> await_it(bool is_asked) { co_return co_await forget_to_return(is_asked); }

bool runs(Task<int> (*what)(bool), bool is_asked) {
    return !tests::aborts([&] {
        TestCore core;
        (void)core.run(what(is_asked));
    });
}

TEST_CASE("a task that ends without co_return where a value is wanted is asserted", "[task][join]") {
    CHECK(runs(&await_it, false));
    CHECK_FALSE(runs(&await_it, true));
    CHECK_FALSE(runs(&forget_to_return, true));
}

}  // namespace

#endif
