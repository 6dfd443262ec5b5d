// Awaits in awaits, as deep as the rules allow.

#include "support/catch.hpp"
#include "support/test_core.hpp"

#include <skerry/base/compiler.hpp>
#include <skerry/sync/notify.hpp>

#include <pthread.h>

#include <cstddef>
#include <utility>

using namespace skerry;
using skerry::test_support::TestCore;

namespace {

constexpr std::size_t stack_bytes = std::size_t{8} << 20;
constexpr int depth = SKERRY_ASAN || SKERRY_TSAN ? 2'000 : 100'000;  // their frames are many times as large

/// Calls `fn` on a thread with a stack of 8 MiB, whatever this one has.
template <class F>
void on_plain_stack(F fn) {
    pthread_attr_t attributes;
    REQUIRE(::pthread_attr_init(&attributes) == 0);
    REQUIRE(::pthread_attr_setstacksize(&attributes, stack_bytes) == 0);
    pthread_t thread;
    const auto call = [](void* self) -> void* {
        (*static_cast<F*>(self))();
        return nullptr;
    };
    REQUIRE(::pthread_create(&thread, &attributes, call, &fn) == 0);
    ::pthread_join(thread, nullptr);
    ::pthread_attr_destroy(&attributes);
}

struct Counted {
    explicit Counted(int& alive) noexcept : count(&alive) { ++*count; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --*count; }
    int* count;
};

Task<int> descend(int levels, sync::Notify& end, int& alive) {
    const Counted self(alive);
    if (levels == 1) {
        co_await end.notified();
        co_return 1;
    }
    const int below = co_await descend(levels - 1, end, alive);
    co_return below + 1;
}

}  // namespace

TEST_CASE("a chain of 100,000 awaits is destroyed on a stack of 8 MiB", "[task][abort]") {
    int alive = 0;
    int alive_before = 0;
    on_plain_stack([&] {
        TestCore core;
        sync::Notify never;
        auto handle = core.start(descend(depth, never, alive));
        core.run_until_idle();
        alive_before = alive;
        handle.abort();
        core.run_until_idle();
    });
    CHECK(alive_before == depth);
    CHECK(alive == 0);
}

TEST_CASE("a chain of 100,000 awaits comes back on a stack of 8 MiB", "[task]") {
    int alive = 0;
    int came_back = 0;
    on_plain_stack([&] {
        TestCore core;
        sync::Notify end;
        core.in([&] { end.notify_one(); });
        auto outcome = core.run(descend(depth, end, alive));
        came_back = outcome ? *outcome : 0;
    });
    CHECK(came_back == depth);
    CHECK(alive == 0);
}
