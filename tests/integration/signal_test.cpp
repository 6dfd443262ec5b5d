// ctest: TIMEOUT 120
// Unix signals on the kernel's backend. Each case raises its own kind, because a handler stays for the life of the
// process.

#include <skerry/signal/signal.hpp>

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/time/timeout.hpp>

#include "support/catch.hpp"
#include "support/death.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using signal::Signal;

runtime::Runtime make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    auto runtime = runtime::Builder(config).offer(kernel_io::make_backend()).build();
    if (!runtime) FAIL(runtime.error().message);
    return std::move(*runtime);
}

Signal listen(int number) {
    auto listener = Signal::listen(number);
    REQUIRE(listener);
    return std::move(*listener);
}

Task<bool> comes(Signal& listener) {
    auto received = co_await time::timeout(10s, listener.recv());
    co_return received.has_value();
}

Task<bool> stays_away(Signal& listener) {
    auto received = co_await time::timeout(0s, listener.recv());
    co_return !received && received.error() == Errc::timed_out;
}

TEST_CASE("every listener of a kind is told, and no other", "[signal]") {
    make_runtime().block_on([]() -> Task<> {
        auto first = listen(SIGUSR1);
        auto second = listen(SIGUSR1);
        auto other = listen(SIGUSR2);
        REQUIRE(::raise(SIGUSR1) == 0);
        const bool to_first = co_await comes(first);
        CHECK(to_first);
        const bool to_second = co_await comes(second);
        CHECK(to_second);
        const bool silent = co_await stays_away(other);
        CHECK(silent);
    }());
}

TEST_CASE("a delivery that nobody waited for is told to the next recv, several as one", "[signal]") {
    make_runtime().block_on([]() -> Task<> {
        auto listener = listen(SIGUSR1);
        for (int i = 0; i < 5; ++i) REQUIRE(::raise(SIGUSR1) == 0);
        const bool once = co_await comes(listener);
        CHECK(once);
        const bool over = co_await stays_away(listener);
        CHECK(over);
    }());
}

TEST_CASE("a recv that loses a select loses no delivery", "[signal][cancel]") {
    make_runtime().block_on([]() -> Task<> {
        auto listener = listen(SIGUSR1);
        for (int i = 0; i < 200; ++i) {
            auto receiving = listener.recv();
            auto event = co_await select_biased(yield_now(), std::move(receiving));
            REQUIRE(event.index() == 0);
        }
        REQUIRE(::raise(SIGUSR1) == 0);
        const bool told = co_await comes(listener);
        CHECK(told);
    }());
}

TEST_CASE("a signal that another thread takes wakes a core that sleeps", "[signal]") {
    make_runtime().block_on([]() -> Task<> {
        auto listener = listen(SIGUSR1);
        std::thread sender([] { ::kill(::getpid(), SIGUSR1); });
        const bool told = co_await comes(listener);
        CHECK(told);
        sender.join();
    }());
}

TEST_CASE("signals that cannot be caught are an invalid argument", "[signal][error]") {
    make_runtime().block_on([]() -> Task<> {
        for (const int number : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 0, -1, 65, 1 << 20}) {
            const auto refused = Signal::listen(number);
            REQUIRE_FALSE(refused);
            CHECK(refused.error() == Errc::invalid_argument);
        }
        co_return;
    }());
}

TEST_CASE("the 65th listener is refused until another is dropped", "[signal][error]") {
    make_runtime().block_on([]() -> Task<> {
        std::vector<Signal> listeners;
        for (int i = 0; i < 64; ++i) listeners.push_back(listen(SIGUSR1));
        const auto refused = Signal::listen(SIGUSR2);
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == Errc::full);
        listeners.pop_back();
        CHECK(Signal::listen(SIGUSR2));
        co_return;
    }());
}

TEST_CASE("two tasks that wait on one listener are told as the bug they are", "[signal]") {
    CHECK(tests::aborts([] {
        make_runtime().block_on([]() -> Task<> {
            auto listener = Signal::listen(SIGUSR1);
            if (!listener) co_return;
            auto event = co_await select_biased(listener->recv(), listener->recv(), yield_now());
            (void)event;
        }());
    }));
}

TEST_CASE("a listener may outlive its runtime", "[signal]") {
    std::optional<Signal> left;
    {
        auto runtime = make_runtime();
        runtime.block_on([](std::optional<Signal>& out) -> Task<> {
            out.emplace(listen(SIGUSR1));
            co_return;
        }(left));
    }
    REQUIRE(::raise(SIGUSR1) == 0);
    left.reset();
}

// A handler that has picked a listener's descriptor and is held up must not write into whatever gets the number when
// the listener has gone.
TEST_CASE("a signal never writes into a descriptor that was a dropped listener's", "[signal]") {
    std::atomic<bool> is_over{false};
    std::thread sender([&] {
        while (!is_over.load()) ::kill(::getpid(), SIGUSR2);
    });
    std::uint64_t strays = 0;
    make_runtime().block_on([](std::uint64_t& found) -> Task<> {
        auto keeps_the_handler = listen(SIGUSR2);
        const auto end = time::Instant::now() + 1s;
        while (time::Instant::now() < end) {
            {
                const auto dropped = listen(SIGUSR2);
            }
            const int reused = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);  // takes the number that was just freed
            for (int i = 0; i < 20; ++i) std::this_thread::yield();
            std::uint64_t count = 0;
            if (::read(reused, &count, sizeof count) == sizeof count) ++found;
            ::close(reused);
        }
        co_return;
    }(strays));
    is_over = true;
    sender.join();
    CHECK(strays == 0);
}

}  // namespace
}  // namespace skerry
