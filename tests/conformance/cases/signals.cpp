#include "slow_lane.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/signal/signal.hpp>
#include <skerry/task/spawn.hpp>

#include <unistd.h>

#include <csignal>

namespace skerry::conformance {
namespace {

bool has_signals() { return backend::current_sockets->capabilities().slow_lane; }

/// True where a case about signals has nothing to try, which it says.
bool lacks_signals() {
    if (has_signals()) return false;
    WARN("skipped: this backend has no slow lane, so no signals");
    return true;
}

signal::Signal listen_to(int number) {
    auto listening = signal::Signal::listen(number);
    REQUIRE(listening);
    return std::move(*listening);
}

TEST_CASE("a core without a slow lane has no signals, and says unsupported", "[signal]") {
    run([]() -> Task<> {
        if (has_signals()) {
            WARN("skipped: this backend has signals");
            co_return;
        }
        CHECK(signal::Signal::listen(SIGUSR1).error() == Errc::unsupported);
        auto interrupted = co_await signal::ctrl_c();
        CHECK(interrupted.error() == Errc::unsupported);
        auto terminated = co_await signal::terminate();
        CHECK(terminated.error() == Errc::unsupported);
    });
}

TEST_CASE("each listener is told of a signal, of several in a row once", "[signal]") {
    run([]() -> Task<> {
        if (lacks_signals()) co_return;
        auto one = listen_to(SIGUSR1);
        auto other = listen_to(SIGUSR1);
        auto stranger = listen_to(SIGUSR2);
        REQUIRE(std::raise(SIGUSR1) == 0);
        REQUIRE(std::raise(SIGUSR1) == 0);
        auto first = co_await one.recv();
        CHECK(first);
        auto second = co_await other.recv();
        CHECK(second);
        auto again = co_await select_biased(one.recv(), stranger.recv(), driver_turns(3));
        CHECK(again.index() == 2);
    });
}

TEST_CASE("a signal wakes who waits for it", "[signal]") {
    run([]() -> Task<> {
        if (lacks_signals()) co_return;
        auto usr1 = listen_to(SIGUSR1);
        auto waiting = spawn(usr1.recv());
        co_await driver_turns(3);
        CHECK_FALSE(waiting.is_finished());
        REQUIRE(std::raise(SIGUSR1) == 0);
        auto outcome = co_await waiting;
        REQUIRE(outcome);
        CHECK(*outcome);
    });
}

TEST_CASE("a recv that loses a select loses no signal", "[signal][cancel]") {
    run([]() -> Task<> {
        if (lacks_signals()) co_return;
        // One signal wakes both listeners, so whichever loses was woken already.
        auto one = listen_to(SIGUSR1);
        auto other = listen_to(SIGUSR1);
        for (int i = 0; i < 200; ++i) {
            auto raiser = spawn([]() -> Task<> {
                co_await yield_to_driver();
                REQUIRE(std::raise(SIGUSR1) == 0);
            }());
            auto event = co_await select(one.recv(), other.recv());
            auto& loser = event.index() == 0 ? other : one;
            auto told = co_await select_biased(loser.recv(), patience());
            REQUIRE(told.index() == 0);
            auto outcome = co_await raiser;
            REQUIRE(outcome);
            auto twice = co_await select_biased(one.recv(), other.recv(), driver_turns(1));
            REQUIRE(twice.index() == 2);
        }
    });
}

TEST_CASE("signals that no program may catch are an invalid argument", "[signal]") {
    run([]() -> Task<> {
        if (lacks_signals()) co_return;
        for (const int number : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 0, -1, NSIG}) {
            INFO("signal " << number);
            auto listening = signal::Signal::listen(number);
            REQUIRE_FALSE(listening);
            CHECK(listening.error() == Errc::invalid_argument);
        }
    });
}

TEST_CASE("the 65th listener finds it full, until one goes", "[signal]") {
    run([]() -> Task<> {
        if (lacks_signals()) co_return;
        std::vector<signal::Signal> listeners;
        for (int i = 0; i < 64; ++i) listeners.push_back(listen_to(i % 2 == 0 ? SIGUSR1 : SIGUSR2));
        CHECK(signal::Signal::listen(SIGUSR1).error() == Errc::full);
        auto interrupted = co_await signal::ctrl_c();
        CHECK(interrupted.error() == Errc::full);
        auto terminated = co_await signal::terminate();
        CHECK(terminated.error() == Errc::full);
        listeners.pop_back();
        CHECK(signal::Signal::listen(SIGUSR1));
    });
}

// The signals go to this process, whose test framework has handlers of its own for them; those come back at the end
// of the case, so each of these two signals is raised in one case only.
TEST_CASE("ctrl_c() and terminate() wait for their signals, and leave nothing when cancelled", "[signal][cancel]") {
    run([]() -> Task<> {
        if (lacks_signals()) co_return;
        auto interrupted = spawn(signal::ctrl_c());
        auto terminated = spawn(signal::terminate());
        co_await driver_turns(3);
        CHECK_FALSE(interrupted.is_finished());
        CHECK_FALSE(terminated.is_finished());

        const std::size_t descriptors = open_descriptors();
        for (int i = 0; i < 200; ++i) {  // more than there is room for at one time
            auto event = co_await select_biased(signal::ctrl_c(), signal::terminate(), driver_turns(1));
            REQUIRE(event.index() == 2);
        }
        CHECK(open_descriptors() == descriptors);

        REQUIRE(std::raise(SIGTERM) == 0);
        auto term = co_await terminated;
        REQUIRE(term);
        CHECK(*term);
        CHECK_FALSE(interrupted.is_finished());
        REQUIRE(std::raise(SIGINT) == 0);
        auto interrupt = co_await interrupted;
        REQUIRE(interrupt);
        CHECK(*interrupt);
    });
}

}  // namespace
}  // namespace skerry::conformance
