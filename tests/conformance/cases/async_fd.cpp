#include "slow_lane.hpp"

#include <skerry/io/async_fd.hpp>
#include <skerry/task/spawn.hpp>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <optional>

namespace skerry::conformance {
namespace {

using io::AsyncFd;
using io::Interest;

/// An eventfd: readable while its count is not zero, writable while there is room for what is added.
AsyncFd make_counter() {
    auto watched = AsyncFd::watch(OwnedFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
    REQUIRE(watched);
    return std::move(*watched);
}

Result<std::uint64_t> take(int fd) {
    std::uint64_t count = 0;
    if (::read(fd, &count, sizeof count) != sizeof count) return Error::from_os(errno);
    return count;
}

Result<std::uint64_t> add(int fd, std::uint64_t count) {
    if (::write(fd, &count, sizeof count) != sizeof count) return Error::from_os(errno);
    return count;
}

Task<bool> sees_ready(AsyncFd& fd) {
    auto guard = co_await fd.readable();
    co_return guard.has_value();
}

TEST_CASE("a watched descriptor is told when it may be read, and waits when it would block", "[io][async_fd]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto counter = make_counter();
        auto waiting = spawn(counter.async_io(Interest::readable, &take));
        co_await driver_turns(3);
        CHECK_FALSE(waiting.is_finished());
        auto added = co_await counter.async_io(Interest::writable, &add, std::uint64_t{3});
        CHECK(added == 3u);
        auto taken = co_await waiting;
        REQUIRE(taken);
        CHECK(*taken == 3u);
        CHECK(counter.try_io(Interest::readable, &take).error() == Errc::would_block);
        // Nothing is there, and that is known without asking.
        CHECK(counter.try_io(Interest::readable, [](int) -> Result<int> { return 1; }).error() == Errc::would_block);
    });
}

TEST_CASE("a watched descriptor is read and written as it is", "[io][async_fd]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto counter = make_counter();
        std::array<std::byte, 8> count{};
        auto waiting = spawn(counter.read(count));
        co_await driver_turns(3);
        CHECK_FALSE(waiting.is_finished());
        const std::array<std::uint64_t, 1> three{3};
        auto written = co_await counter.write(std::as_bytes(std::span(three)));
        CHECK(written == 8u);
        auto read = co_await waiting;
        REQUIRE(read);
        CHECK(*read == 8u);
        CHECK(std::ranges::equal(count, std::as_bytes(std::span(three))));
        auto refused = co_await counter.write(std::as_bytes(std::span(three)).first(3));
        CHECK(refused == Errc::invalid_argument);
        auto again = co_await counter.write(std::as_bytes(std::span(three)));
        CHECK(again == 8u);
        auto too_short = co_await counter.read(std::span(count).first(3));
        CHECK(too_short == Errc::invalid_argument);
    });
}

TEST_CASE("a write into a pipe that nobody reads is an error and no signal", "[io][async_fd]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0);
        auto intake = AsyncFd::watch(OwnedFd(ends[1]));
        ::close(ends[0]);
        REQUIRE(intake);
        auto written = co_await intake->write(bytes_of("lost"));
        CHECK(written == Errc::broken_pipe);
    });
}

// Behaviour 41: several waiters all wake.
TEST_CASE("all who wait for one side of a descriptor are woken", "[io][async_fd]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto counter = make_counter();
        std::vector<JoinHandle<bool>> waiting;
        for (int i = 0; i < 5; ++i) waiting.push_back(spawn(sees_ready(counter)));
        co_await driver_turns(3);
        for (auto& one : waiting) CHECK_FALSE(one.is_finished());
        REQUIRE(add(counter.fd(), 1));
        for (auto& one : waiting) {
            auto woken = co_await one;
            REQUIRE(woken);
            CHECK(*woken);
        }
    });
}

TEST_CASE("of those who wait for a descriptor any may go, and the others are woken", "[io][async_fd][cancel]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        for (std::size_t gone = 0; gone < 3; ++gone) {
            auto counter = make_counter();
            std::vector<JoinHandle<bool>> waiting;
            for (int i = 0; i < 3; ++i) waiting.push_back(spawn(sees_ready(counter)));
            co_await driver_turns(3);
            waiting[gone].abort();
            auto aborted = co_await waiting[gone];
            CHECK_FALSE(aborted);
            REQUIRE(add(counter.fd(), 1));
            for (std::size_t i = 0; i < waiting.size(); ++i) {
                if (i == gone) continue;
                auto woken = co_await waiting[i];
                CHECK(woken);
            }
        }
    });
}

// The one whom the lane knows is woken and loses a select before its turn: the others must hear of it all the same.
TEST_CASE("a waiter that was woken and goes wakes the others", "[io][async_fd][cancel]") {
    const bool bell_first = GENERATE(false, true);  // which of two woken at once runs first is the core's business
    run([bell_first]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto counter = make_counter();
        auto bell = make_counter();
        auto racing = spawn([](AsyncFd& first, AsyncFd& second) -> Task<std::size_t> {
            auto event = co_await select_biased(first.readable(), second.readable());
            co_return event.index();
        }(bell, counter));
        co_await driver_turns(2);
        auto behind = spawn(sees_ready(counter));
        co_await driver_turns(2);
        REQUIRE(add(bell_first ? bell.fd() : counter.fd(), 1));
        REQUIRE(add(bell_first ? counter.fd() : bell.fd(), 1));
        auto raced = co_await racing;
        REQUIRE(raced);
        auto woken = co_await select_biased(behind, patience());
        CHECK(woken.index() == 0);
    });
}

TEST_CASE("what a guard clears is what it saw: an event that came since stays", "[io][async_fd]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto counter = make_counter();
        REQUIRE(add(counter.fd(), 1));
        auto guard = co_await counter.readable();
        REQUIRE(guard);
        REQUIRE(guard->try_io(&take));
        REQUIRE(add(counter.fd(), 1));
        co_await driver_turns(3);
        guard->clear_ready();
        auto again = co_await select_biased(counter.readable(), patience());
        CHECK(again.index() == 0);

        auto fresh = co_await counter.readable();
        REQUIRE(fresh);
        REQUIRE(take(counter.fd()));
        fresh->clear_ready();
        auto over = co_await select_biased(counter.readable(), driver_turns(3));
        CHECK(over.index() == 1);
    });
}

TEST_CASE("a task that finds a descriptor always ready gives way to others", "[io][async_fd]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto counter = make_counter();
        REQUIRE(add(counter.fd(), 1));
        bool is_over = false;
        auto greedy = spawn([](AsyncFd& fd, bool& stop) -> Task<> {
            while (!stop) {
                auto guard = co_await fd.readable();
                REQUIRE(guard);
            }
        }(counter, is_over));
        co_await yields(5);
        is_over = true;
        auto outcome = co_await greedy;
        CHECK(outcome);
    });
}

TEST_CASE("a descriptor that cannot be watched, or is none, or is watched already, is refused", "[io][async_fd]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        const std::size_t before = open_descriptors();
        CHECK(AsyncFd::watch(OwnedFd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC))).error() == Errc::unsupported);
        CHECK(AsyncFd::watch(OwnedFd(::open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY))).error() == Errc::unsupported);
        CHECK(AsyncFd::watch(OwnedFd()).error() == Errc::invalid_argument);
        CHECK(open_descriptors() == before);
        auto counter = make_counter();
        CHECK(AsyncFd::watch(OwnedFd(counter.fd())).error() == Errc::busy);
        auto added = co_await counter.async_io(Interest::writable, &add, std::uint64_t{2});  // it stays who watches it
        CHECK(added == 2u);
    });
}

TEST_CASE("a core without a slow lane watches nothing, and says unsupported", "[io][async_fd]") {
    run([]() -> Task<> {
        if (has_slow_lane()) co_return;
        const std::size_t before = open_descriptors();
        CHECK(AsyncFd::watch(OwnedFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))).error() == Errc::unsupported);
        CHECK(open_descriptors() == before);
        co_return;
    });
}

TEST_CASE("128 waits that are cancelled, 100 times, leave nothing behind", "[io][async_fd][cancel]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        const std::size_t before = open_descriptors();
        for (int round = 0; round < 100; ++round) {
            auto counter = make_counter();
            std::vector<JoinHandle<bool>> waiting;
            for (int i = 0; i < 128; ++i) waiting.push_back(spawn(sees_ready(counter)));
            co_await yields(2);
            for (auto& one : waiting) one.abort();
            for (auto& one : waiting) {
                auto outcome = co_await one;
                CHECK_FALSE(outcome);
            }
            CHECK(counter.valid());
        }
        CHECK(open_descriptors() == before);
    });
}

TEST_CASE("a descriptor is given back open, and may be watched again", "[io][async_fd]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        OwnedFd fd = make_counter().into_inner();
        REQUIRE(add(fd.get(), 2));
        auto again = AsyncFd::watch(std::move(fd));
        REQUIRE(again);
        auto taken = co_await again->async_io(Interest::readable, &take);
        CHECK(taken == 2u);
    });
}

TEST_CASE("a watched descriptor outlives its runtime and says so", "[io][async_fd][shutdown]") {
    std::optional<AsyncFd> left;
    run([&left]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        left.emplace(make_counter());
    });
    if (!left) return;
    run([&left]() -> Task<> {
        auto guard = co_await left->readable();
        CHECK(guard.error() == Errc::runtime_shutdown);
    });
}

}  // namespace
}  // namespace skerry::conformance
