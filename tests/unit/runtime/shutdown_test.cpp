#include "runtime_support.hpp"

#include "support/catch.hpp"
#include "support/test_core.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/sync/mpsc.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/yield.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace skerry;
using namespace skerry::tests;
using namespace std::chrono_literals;

TEST_CASE("behaviour 16: a shutdown destroys tasks that nobody polls", "[runtime][shutdown]") {
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    std::atomic<int> alive{0};
    auto runtime = make(flavour);
    const auto handle = runtime.handle();
    for (int i = 0; i < 50; ++i) handle.spawn(wait_for_ever(Alive(&alive))).detach();
    (void)runtime.block_on(give(0));
    CHECK(alive == 50);
    const auto report = runtime.shutdown(5s);
    CHECK(report.is_clean());
    CHECK(alive == 0);
}

TEST_CASE("behaviour 16: tasks that hold each other's handles are destroyed too", "[runtime][shutdown]") {
    struct Work {
        // Waits for a handle that comes through the channel, and holds it.
        static Task<> join_other(Alive, sync::mpsc::Receiver<JoinHandle<void>> from) {
            auto other = co_await from.recv();
            if (other) (void)co_await *other;
        }
        static Task<> start(std::atomic<int>* alive) {
            auto one = sync::mpsc::channel<JoinHandle<void>>(1);
            auto two = sync::mpsc::channel<JoinHandle<void>>(1);
            auto first = spawn(join_other(Alive(alive), std::move(one.second)));
            auto second = spawn(join_other(Alive(alive), std::move(two.second)));
            (void)one.first.try_send(std::move(second));
            (void)two.first.try_send(std::move(first));
            for (int i = 0; i < 10; ++i) co_await yield_now();
        }
    };
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    std::atomic<int> alive{0};
    auto runtime = make(flavour);
    runtime.block_on(Work::start(&alive));
    CHECK(alive == 2);
    CHECK(runtime.shutdown(5s).is_clean());
    CHECK(alive == 0);
}

TEST_CASE("behaviour 17: a spawn after the shutdown gives a cancelled join", "[runtime][shutdown]") {
    std::atomic<int> alive{0};
    auto first = make(runtime::Flavour::per_core);
    const auto handle = first.handle();
    (void)first.shutdown(5s);
    auto late = handle.spawn(wait_for_ever(Alive(&alive)));
    CHECK(alive == 0);
    CHECK(late.is_finished());
    struct Join {
        static Task<bool> cancelled(JoinHandle<void>* late_task) {
            auto outcome = co_await *late_task;
            co_return !outcome && outcome.error().is_cancelled();
        }
    };
    auto second = make(runtime::Flavour::current_thread);
    CHECK(second.block_on(Join::cancelled(&late)));
}

TEST_CASE("a runtime that was shut down ends what comes, and has nothing to do", "[runtime][shutdown]") {
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    auto runtime = make(flavour);
    CHECK(runtime.shutdown(std::chrono::nanoseconds::max()).is_clean());
    const auto ended = runtime.try_block_on(give(5));
    REQUIRE_FALSE(ended);
    CHECK(ended.error().is_cancelled());
    CHECK(runtime.wake_fd() == -1);
    if (flavour == runtime::Flavour::current_thread) CHECK(runtime.poll_once() == time::Instant::max());
}

TEST_CASE("behaviour 15: ten thousand spawns that race with a shutdown are all ended", "[runtime][shutdown]") {
    for (int round = 0; round < 5; ++round) {
        std::atomic<int> alive{0};
        auto runtime = make(runtime::Flavour::per_core);
        const auto handle = runtime.handle();
        std::latch begun(1);
        std::thread spawner([&] {
            for (int i = 0; i < 10'000; ++i) {
                handle.spawn(wait_for_ever(Alive(&alive))).detach();
                if (i == 100) begun.count_down();
            }
        });
        begun.wait();
        (void)runtime.shutdown(10s);
        spawner.join();
        CHECK(alive == 0);
    }
}

TEST_CASE("behaviour 15: wakes that race with a shutdown find the tasks or nobody", "[runtime][shutdown]") {
    struct Work {
        static Task<> listen(sync::Notify* notify, Alive) {
            for (;;) co_await notify->notified();
        }
    };
    for (int round = 0; round < 5; ++round) {
        std::atomic<int> alive{0};
        sync::Notify notify;
        auto runtime = make(runtime::Flavour::per_core);
        for (int i = 0; i < 50; ++i) runtime.handle().spawn(Work::listen(&notify, Alive(&alive))).detach();
        std::atomic<bool> is_over{false};
        std::latch begun(1);
        std::thread waker([&] {
            for (int i = 0; !is_over; ++i) {
                if (i % 2 == 0)
                    notify.notify_one();
                else
                    notify.notify_waiters();
                if (i == 1000) begun.count_down();
            }
        });
        begun.wait();
        CHECK(runtime.shutdown(10s).is_clean());
        CHECK(alive == 0);
        is_over = true;
        waker.join();
    }
}

TEST_CASE("behaviour 15: what is local to a core's thread may wake others when the thread ends",
          "[runtime][shutdown]") {
    struct WakesAtTheEnd {
        sync::Notify* notify = nullptr;
        ~WakesAtTheEnd() {
            if (notify != nullptr) notify->notify_one();
        }
    };
    struct Work {
        static void arm_this_thread(sync::Notify* notify) {
            thread_local WakesAtTheEnd last;
            last.notify = notify;
        }
        static Task<> arm(sync::Notify* notify) {
            arm_this_thread(notify);
            co_return;
        }
        static Task<> wait(sync::Notify* notify) { co_await notify->notified(); }
    };
    sync::Notify notify;
    auto waits = make(runtime::Flavour::per_core);
    {
        auto ends = make(runtime::Flavour::per_core);
        ends.block_on(Work::arm(&notify));
    }
    waits.block_on(Work::wait(&notify));
}

TEST_CASE("a spawn after the shutdown may spawn again from its arguments' destructors", "[runtime][shutdown]") {
    struct SpawnsAnother {
        SpawnsAnother(const runtime::Handle* handle, std::atomic<int>* count) : handle_(handle), count_(count) {}
        SpawnsAnother(SpawnsAnother&& other) noexcept
            : handle_(std::exchange(other.handle_, nullptr)), count_(other.count_) {}
        SpawnsAnother& operator=(SpawnsAnother&&) = delete;
        ~SpawnsAnother() {
            if (handle_ != nullptr) handle_->spawn(wait_for_ever(Alive(count_))).detach();
        }
        static Task<> hold(SpawnsAnother) { co_return; }

    private:
        const runtime::Handle* handle_;
        std::atomic<int>* count_;
    };
    std::atomic<int> alive{0};
    auto runtime = make(runtime::Flavour::current_thread);
    const auto handle = runtime.handle();
    (void)runtime.shutdown(5s);
    handle.spawn(SpawnsAnother::hold(SpawnsAnother(&handle, &alive))).detach();
    CHECK(alive == 0);
}

TEST_CASE("a shutdown that ends a block_on tells the caller when the task is gone", "[runtime][shutdown]") {
    struct Looks {
        Looks(const runtime::Completion* told, bool* early) : told_(told), early_(early) {}
        Looks(Looks&& other) noexcept : told_(std::exchange(other.told_, nullptr)), early_(other.early_) {}
        Looks& operator=(Looks&&) = delete;
        ~Looks() {
            if (told_ != nullptr) *early_ = told_->is_signalled();
        }
        static Task<> wait(Looks) {
            for (;;) co_await yield_now();
        }

    private:
        const runtime::Completion* told_;
        bool* early_;
    };
    bool told_early = true;
    runtime::detail::RootOutcome<void> root;
    {
        test_support::TestCore core;
        // Made on no core, the root is the first that a shutdown ends.
        auto task = core.in([&] { return Looks::wait(Looks(&root.completion, &told_early)); });
        auto run =
            runtime::detail::run_root<void>(runtime::detail::Root<void>(root.completion, std::move(task)), &root.value);
        core.in([&] { spawn(std::move(run)).detach(); });
        core.step();
        core.step();
    }
    CHECK(root.completion.is_signalled());
    CHECK_FALSE(told_early);
    CHECK_FALSE(root.value.has_value());
}

TEST_CASE("a handle may outlive its runtime and be dropped or aborted anywhere", "[runtime][shutdown]") {
    std::atomic<int> alive{0};
    std::vector<JoinHandle<void>> handles;
    {
        auto runtime = make(runtime::Flavour::per_core);
        const auto handle = runtime.handle();
        for (int i = 0; i < 10; ++i) handles.push_back(handle.spawn(wait_for_ever(Alive(&alive))));
        (void)runtime.block_on(give(0));
    }
    CHECK(alive == 0);
    for (auto& handle : handles) {
        CHECK(handle.is_finished());
        handle.abort();
    }
}

TEST_CASE("a task that a shutdown ended is joined as cancelled", "[runtime][shutdown]") {
    std::atomic<int> alive{0};
    std::optional<JoinHandle<void>> handle;
    {
        auto runtime = make(runtime::Flavour::per_core);
        handle = runtime.handle().spawn(wait_for_ever(Alive(&alive)));
        (void)runtime.block_on(give(0));
    }
    struct Join {
        static Task<bool> is_cancelled(JoinHandle<void>* ended) {
            auto outcome = co_await *ended;
            co_return !outcome && outcome.error().is_cancelled();
        }
    };
    auto second = make(runtime::Flavour::current_thread);
    CHECK(second.block_on(Join::is_cancelled(&*handle)));
}

TEST_CASE("try_block_on gives the value, the exception, or cancelled when a shutdown comes first",
          "[runtime][shutdown]") {
    auto runtime = make(runtime::Flavour::per_core);
    CHECK(runtime.try_block_on(give(5)) == 5);
    const auto failed = runtime.try_block_on(fail());
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message() == "on purpose");

    std::atomic<int> alive{0};
    bool was_cancelled = false;
    std::thread waiting([&] {
        const auto outcome = runtime.try_block_on(wait_for_ever(Alive(&alive)));
        was_cancelled = !outcome && outcome.error().is_cancelled();
    });
    struct Work {
        static Task<> until_it_waits(const std::atomic<int>* begun) {
            while (*begun == 0) co_await yield_now();
            for (int i = 0; i < 100; ++i) co_await yield_now();
        }
    };
    runtime.block_on(Work::until_it_waits(&alive));
    CHECK(runtime.shutdown(10s).is_clean());
    waiting.join();
    CHECK(was_cancelled);
    CHECK(alive == 0);
}

TEST_CASE("a shutdown reports the core that does not return to its loop", "[runtime][shutdown]") {
    struct Work {
        static Task<> block(std::latch* began, std::shared_ptr<std::latch> until) {
            began->count_down();
            until->wait();
            co_return;
        }
    };
    std::latch began(1);
    auto release = std::make_shared<std::latch>(1);
    auto runtime = make(runtime::Flavour::per_core);
    runtime.handle().spawn_on(task::CoreId(0), Work::block(&began, release)).detach();
    began.wait();
    const auto report = runtime.shutdown(20ms);
    release->count_down();
    REQUIRE(report.stuck.size() == 1);
    CHECK(report.stuck.front().find("core 0") != std::string::npos);
}
