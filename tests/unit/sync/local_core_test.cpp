// What is local to a core is used there; elsewhere it is a bug, which debug builds assert.

#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/test_core.hpp"

#include <skerry/sync/notify.hpp>
#include <skerry/sync/oneshot.hpp>

#include <utility>

using namespace skerry;
using test_support::TestCore;

#ifndef NDEBUG

TEST_CASE("a local primitive that another core wakes is asserted", "[sync][local]") {
    struct Work {
        static Task<> wait(sync::local::Notify* notify) { co_await notify->notified(); }
    };
    TestCore there;
    TestCore here;
    sync::local::Notify notify;
    const auto waiting = here.start(Work::wait(&notify));
    here.step();
    CHECK(tests::aborts([&] { there.in([&] { notify.notify_one(); }); }));
    CHECK(tests::aborts([&] { there.in([&] { notify.notify_last(); }); }));
    CHECK(tests::aborts([&] { there.in([&] { notify.notify_waiters(); }); }));
    here.in([&] { notify.notify_one(); });
    here.step();
    CHECK(here.in([&] { return waiting.is_finished(); }));
}

TEST_CASE("a local channel that another core sends into is asserted", "[sync][local]") {
    TestCore there;
    TestCore here;
    using Ends = decltype(sync::oneshot::channel<int, task::LocalScope>());
    struct Work {
        static Task<> receive(Ends* ends) { (void)co_await ends->second.recv(); }
    };
    Ends ends = here.in([] { return sync::oneshot::channel<int, task::LocalScope>(); });
    const auto waiting = here.start(Work::receive(&ends));
    here.step();
    CHECK(tests::aborts([&] { there.in([&] { (void)ends.first.send(1); }); }));
    here.in([&] { (void)ends.first.send(1); });
    here.step();
    CHECK(here.in([&] { return waiting.is_finished(); }));
}

#endif
