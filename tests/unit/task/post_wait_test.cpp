// Whether a core that would sleep waits awake for a post.

#include "support/catch.hpp"

#include <skerry/task/post_wait.hpp>

#include <cstdint>
#include <deque>
#include <optional>

namespace skerry::task {
namespace {

// More sleeps than lie between two tries after wrong guesses in a row.
constexpr int more_than_a_pause = 40;

struct Core {
    /// One sleep: how many turns that find nothing come before it, 100 at most. A post ends it, if there is one.
    std::uint32_t turns_before_sleep() noexcept {
        std::uint32_t turns = 0;
        while (turns < 100 && wait.lingers(inbox, false)) {
            ++turns;
            if (inbox.load(std::memory_order_relaxed) != nullptr) break;  // the turn takes it
        }
        return turns;
    }
    /// As many sleeps, each for something that was asked for: before how many it waited awake.
    int lingered(int sleeps, bool comes) noexcept {
        int count = 0;
        for (int i = 0; i < sleeps; ++i) {
            const ExpectedPost asked(&wait);
            set_posted(comes);
            count += turns_before_sleep() != 0;
        }
        set_posted(false);
        return count;
    }
    void set_posted(bool is_posted) noexcept {
        inbox.store(is_posted ? reinterpret_cast<TaskHeader*>(std::uintptr_t{64}) : nullptr, std::memory_order_relaxed);
    }

    skerry::atomic<TaskHeader*> inbox{nullptr};
    PostWait wait;
};

TEST_CASE("a core that has asked nobody for anything sleeps at once", "[task][post_wait]") {
    Core core;
    for (int i = 0; i < more_than_a_pause; ++i) REQUIRE(core.turns_before_sleep() == 0);
    CHECK(core.lingered(more_than_a_pause, true) != 0);
    for (int i = 0; i < more_than_a_pause; ++i) REQUIRE(core.turns_before_sleep() == 0);
}

TEST_CASE("a core waits awake for what it has asked for as long as that comes soon", "[task][post_wait]") {
    Core core;
    CHECK(core.lingered(more_than_a_pause, true) == more_than_a_pause - 32);
    CHECK(core.lingered(more_than_a_pause, true) == more_than_a_pause);
}

TEST_CASE("a core waits awake ever less often for what does not come soon", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    CHECK(core.lingered(100, false) < 12);
    CHECK(core.lingered(1000, false) <= 31);
}

TEST_CASE("a core that waits in vain sleeps after ten looks at its driver", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    const ExpectedPost asked(&core.wait);
    CHECK(core.turns_before_sleep() == PostWait::looks_before_sleep - 1);
    CHECK(core.turns_before_sleep() == 0);
}

TEST_CASE("a core goes on to wait awake while more is on its way", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    const ExpectedPost later(&core.wait);
    std::optional<ExpectedPost> first(&core.wait);
    core.set_posted(true);
    REQUIRE(core.turns_before_sleep() == 1);
    core.set_posted(false);
    first.reset();
    CHECK(core.turns_before_sleep() != 0);
}

TEST_CASE("a core does not wait awake for what is late whenever something else has come", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    const ExpectedPost late(&core.wait);
    REQUIRE(core.turns_before_sleep() != 0);
    for (int i = 0; i < more_than_a_pause; ++i) {
        CHECK(core.lingered(1, true) == 1);
        CHECK(core.turns_before_sleep() == 0);
    }
}

TEST_CASE("a core goes on to wait awake when what was late has come", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    std::optional<ExpectedPost> late(&core.wait);
    REQUIRE(core.turns_before_sleep() != 0);
    const ExpectedPost asked(&core.wait);
    REQUIRE(core.wait.lingers(core.inbox, false));
    late.reset();
    CHECK(core.turns_before_sleep() != 0);
}

TEST_CASE("a call that is made while a core waits awake is waited for as long as any", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    const ExpectedPost first(&core.wait);
    for (std::uint32_t look = 1; look < PostWait::looks_before_sleep; ++look)
        REQUIRE(core.wait.lingers(core.inbox, false));
    const ExpectedPost second(&core.wait);
    CHECK(core.turns_before_sleep() == PostWait::looks_before_sleep - 1);
}

TEST_CASE("a core that waits awake and asks for more and more sleeps after twenty looks", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    std::deque<ExpectedPost> asked;
    asked.emplace_back(&core.wait);
    std::uint32_t looks = 0;
    while (looks < 100 && core.wait.lingers(core.inbox, false)) {
        ++looks;
        asked.emplace_back(&core.wait);
    }
    CHECK(looks == PostWait::looks_before_sleep_max - 1);
}

TEST_CASE("a core does not wait awake for long because others post something else", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    const ExpectedPost asked(&core.wait);
    core.set_posted(true);
    std::uint32_t looks = 0;
    while (looks < 100 && core.wait.lingers(core.inbox, false)) ++looks;
    CHECK(looks == PostWait::looks_before_sleep_max - 1);
}

TEST_CASE("a core that works goes on to its next turn at once, and waits as long after it", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    const ExpectedPost asked(&core.wait);
    for (int turn = 0; turn < 100; ++turn) REQUIRE(core.wait.lingers(core.inbox, true));
    CHECK(core.turns_before_sleep() == PostWait::looks_before_sleep - 1);
    CHECK_FALSE(core.wait.lingers(core.inbox, true));
}

TEST_CASE("what is waited for in vain anyway is not expected", "[task][post_wait]") {
    Core core;
    core.lingered(more_than_a_pause, true);
    const ExpectedPost asked(nullptr);
    CHECK(core.turns_before_sleep() == 0);
}

}  // namespace
}  // namespace skerry::task
