// The poller, on event descriptors: how events are handed out, and what stays alive meanwhile.

#include "support/catch.hpp"

#include "epoll/poller.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace skerry::kernel_io::epoll {
namespace {

OwnedFd event_fd(unsigned count) {
    OwnedFd fd(::eventfd(count, EFD_NONBLOCK | EFD_CLOEXEC));
    REQUIRE(fd);
    return fd;
}

/// Says which of several was called.
struct Caller final : Watched {
    Caller(std::vector<int>& callers, int number) noexcept : calls(&callers), me(number) {}
    ~Caller() override {
        if (gone != nullptr) *gone = true;
    }
    void on_events(std::uint32_t) noexcept override { calls->push_back(me); }

    std::vector<int>* calls;
    int me;
    bool* gone = nullptr;
};

struct Fixture {
    explicit Fixture(int count) {
        for (int i = 0; i < count; ++i) {
            fds.push_back(event_fd(1));
            watched.push_back(new Caller(calls, i));
            REQUIRE(poller.add(fds.back().get(), *watched.back()));
        }
    }
    ~Fixture() {
        for (Caller* each : watched)
            if (each != nullptr) poller.retire(each);
    }

    std::vector<int> calls;
    std::vector<OwnedFd> fds;
    std::vector<Caller*> watched;
    Poller poller = std::move(*Poller::make());
};

TEST_CASE("events are handed out a few a turn, each once, and none is lost", "[kernel_io][poller]") {
    const int count = GENERATE(1, Poller::events_per_turn, Poller::events_per_turn + 1, 3 * Poller::events_per_turn);
    Fixture f(count);
    int handed_out = 0;
    int turns = 0;
    do {
        const int now = f.poller.dispatch();
        CHECK(now <= Poller::events_per_turn);
        handed_out += now;
        ++turns;
    } while (f.poller.has_harvested());
    CHECK(handed_out == count);
    CHECK(turns == (count + Poller::events_per_turn - 1) / Poller::events_per_turn);
    std::sort(f.calls.begin(), f.calls.end());
    for (int i = 0; i < count; ++i) CHECK(f.calls.at(static_cast<std::size_t>(i)) == i);
    CHECK(f.poller.dispatch() == 0);  // edges: nothing is new
}

TEST_CASE("what a park brought is handed out without another look at the kernel", "[kernel_io][poller]") {
    Fixture f(1);
    f.poller.park(time::Instant::now());
    CHECK(f.poller.has_harvested());
    CHECK(f.poller.dispatch() == 1);
    CHECK(f.calls == std::vector{0});
}

TEST_CASE("events are not seen before the kernel was asked for them", "[kernel_io][poller]") {
    const time::VirtualTime later{5'000'000'000};
    const time::VirtualTimeScope scope(later);
    const auto turn = time::Instant::from_nanos(1'000'000'000);
    Fixture f(1);
    const bool is_parked = GENERATE(false, true);
    if (is_parked) f.poller.park(time::Instant::max());
    REQUIRE(f.poller.dispatch(turn) == 1);
    CHECK(f.poller.seen_at() == (is_parked ? turn : time::Instant::now()));
}

TEST_CASE("a park that nothing ended is not followed by another look at the kernel", "[kernel_io][poller]") {
    Fixture f(0);
    f.fds.push_back(event_fd(0));
    f.watched.push_back(new Caller(f.calls, 0));
    REQUIRE(f.poller.add(f.fds.back().get(), *f.watched.back(), EPOLLIN));
    f.poller.park(time::Instant{});
    const std::uint64_t one = 1;
    REQUIRE(::write(f.fds.back().get(), &one, sizeof one) == sizeof one);
    CHECK(f.poller.dispatch() == 0);
    CHECK(f.poller.dispatch() == 1);
}

TEST_CASE("what is retired hears no more, and lives until the last event of its batch", "[kernel_io][poller]") {
    Fixture f(2 * Poller::events_per_turn);
    CHECK(f.poller.dispatch() == Poller::events_per_turn);
    const int last = 2 * Poller::events_per_turn - 1 - f.calls.front();  // still to come, whichever end came first
    bool gone = false;
    Caller*& retired = f.watched.at(static_cast<std::size_t>(last));
    retired->gone = &gone;
    f.poller.retire(std::exchange(retired, nullptr));
    CHECK_FALSE(gone);
    f.poller.dispatch();
    CHECK_FALSE(f.poller.has_harvested());
    CHECK(gone);
    CHECK(std::find(f.calls.begin(), f.calls.end(), last) == f.calls.end());
}

// It begins with the longest pause.
void expect_until_it_lingers(Poller& poller) {
    for (int i = 0; i < 1000; ++i) {
        poller.expect_more();
        if (poller.lingers()) return;
    }
    FAIL("it never lingers");
}

TEST_CASE("where much came the poller looks again before a sleep, and not for ever", "[kernel_io][poller]") {
    Fixture f(1);
    CHECK(f.poller.dispatch() == 1);
    CHECK_FALSE(f.poller.lingers());  // nothing was expected
    expect_until_it_lingers(f.poller);
    unsigned looks = 1;
    for (; f.poller.lingers(); ++looks) REQUIRE(looks < Poller::looks_before_sleep);
    CHECK(looks == Poller::looks_before_sleep);
    f.poller.expect_more();
    CHECK_FALSE(f.poller.lingers());  // it was wrong, so not the next time
}

TEST_CASE("what comes while the poller lingers ends that, and it lingers the next time", "[kernel_io][poller]") {
    Fixture f(1);
    CHECK(f.poller.dispatch() == 1);
    for (int i = 0; i < 8; ++i) {
        expect_until_it_lingers(f.poller);
        const std::uint64_t one = 1;
        REQUIRE(::write(f.fds.front().get(), &one, sizeof one) == sizeof one);
        CHECK(f.poller.dispatch() == 1);
        CHECK_FALSE(f.poller.lingers());
    }
    expect_until_it_lingers(f.poller);
    while (f.poller.lingers()) {
    }
    f.poller.expect_more();
    CHECK(f.poller.lingers());  // one wrong guess among right ones
}

TEST_CASE("a poller whose descriptor a loop outside waits for does not linger", "[kernel_io][poller]") {
    Fixture f(1);
    CHECK(f.poller.fd() >= 0);
    for (int i = 0; i < 100; ++i) {
        f.poller.expect_more();
        REQUIRE_FALSE(f.poller.lingers());
    }
}

}  // namespace
}  // namespace skerry::kernel_io::epoll
