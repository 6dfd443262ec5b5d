// What a core knows of the lines that a task of its will touch when another core has woken it.

#include "support/catch.hpp"
#include "support/test_core.hpp"

#include <skerry/sync/mpsc.hpp>
#include <skerry/task/wake_lines.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace skerry::task {
namespace {

using test_support::TestCore;

TEST_CASE("what a task will touch is known until another has its place", "[task][wake_lines]") {
    WakeLines lines;
    std::array<TaskHeader, 9> tasks{};
    const int primitive = 0;
    const int value = 0;
    CHECK(lines.find(tasks[0]) == nullptr);
    lines.expect(tasks[0], &primitive, {.read = &value});
    REQUIRE(lines.find(tasks[0]) != nullptr);
    CHECK(lines.find(tasks[0])->primitive == &primitive);
    CHECK(lines.find(tasks[0])->lines.read == &value);
    CHECK(lines.find(tasks[0])->lines.written == nullptr);
    for (std::size_t i = 1; i < tasks.size(); ++i) {
        CHECK(lines.find(tasks[i]) == nullptr);
        lines.expect(tasks[i], &primitive, {});
    }
    int known = 0;
    for (const TaskHeader& task : tasks) known += lines.find(task) != nullptr;
    CHECK(known <= 8);
    CHECK(known > 1);
    CHECK(lines.find(tasks.back()) != nullptr);
    lines.fetch(tasks.back());
    CHECK(lines.find(tasks.back()) == nullptr);
    lines.fetch(tasks.back());  // known or not
}

// Knows where the last one was put.
struct Message {
    Message() = default;
    Message(Message&&) noexcept { place = this; }
    Message& operator=(Message&&) noexcept = default;
    static inline const void* place = nullptr;
};

template <class Receiver>
Task<> receive(Receiver& messages, const TaskHeader** self) {
    *self = current_scheduler->current_task();
    for (;;)
        if (auto message = co_await messages.recv(); !message) co_return;
}

TEST_CASE("a core knows where the message will be that a task of its waits for, where each comes alone",
          "[task][wake_lines]") {
    const int at_once = GENERATE(1, 2);
    auto [tx, rx] = sync::mpsc::channel<Message>(4);  // outlives the task, also where a check fails
    TestCore sender;
    TestCore core;
    const TaskHeader* waiter = nullptr;
    core.in([&] { spawn(receive(rx, &waiter)).detach(); });
    int known = 0;
    for (int i = 0; i < 20; ++i) {
        core.run_until_idle();
        REQUIRE(waiter != nullptr);
        const auto* const place = core.in([&] { return current_scheduler->wake_lines().find(*waiter); });
        const void* const expected = place != nullptr ? place->lines.read : nullptr;
        for (int sent = 0; sent < at_once; ++sent) {
            REQUIRE(sender.in([&] { return tx.try_send(Message()).has_value(); }));
            if (sent == 0 && expected != nullptr) CHECK(expected == Message::place);
        }
        known += expected != nullptr;
    }
    CHECK(known == (at_once == 1 ? 16 : 0));
    {
        const auto last = std::move(tx);
    }
    core.run_until_idle();
}

}  // namespace
}  // namespace skerry::task
