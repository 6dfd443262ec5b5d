// The slow lane of the kernel drivers, on pipes: that of epoll but where it says more.

#include "support/catch.hpp"

#include <skerry/backend/fd_readiness.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/spawn.hpp>

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace skerry {
namespace {

using backend::WatchedFd;

auto build_runtime(const std::string& backend) {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = backend;
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

runtime::Runtime make_runtime() {
    auto runtime = build_runtime("epoll");
    if (!runtime) FAIL(runtime.error().message);
    return std::move(*runtime);
}

template <class F>
void run(F body) {
    make_runtime().block_on(body());
}

/// Both ends of a pipe, watched by this core.
struct Pipe {
    WatchedFd out;  // reads
    WatchedFd in;   // writes

    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0);
        out.fd = ends[0];
        in.fd = ends[1];
        REQUIRE(backend::current_slow_lane->add(out));
        REQUIRE(backend::current_slow_lane->add(in));
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        for (WatchedFd* end : {&out, &in}) {
            if (end->lane != nullptr) end->lane->remove(*end);
            if (end->fd >= 0) ::close(end->fd);
        }
    }

    void write_byte() { REQUIRE(::write(in.fd, "x", 1) == 1); }
    /// Takes what is there and remembers that it was all.
    std::size_t drain() {
        std::size_t bytes = 0;
        std::array<char, 4096> buffer;
        for (ssize_t count = 0; (count = ::read(out.fd, buffer.data(), buffer.size())) > 0;)
            bytes += static_cast<std::size_t>(count);
        out.readable = false;
        return bytes;
    }
    void fill() {
        const std::array<char, 4096> page{};
        while (::write(in.fd, page.data(), page.size()) > 0) {
        }
        in.writable = false;
    }
};

Task<> driver_turns(unsigned count) {
    for (unsigned i = 0; i < count; ++i) co_await yield_to_driver();
}

Task<> wait(WatchedFd& fd, bool for_writing) {
    if (for_writing)
        co_await backend::writable(fd);
    else
        co_await backend::readable(fd);
}

TEST_CASE("a descriptor is readable when there is something, and writable when there is room", "[kernel_io]") {
    run([]() -> Task<> {
        Pipe pipe;
        auto reading = spawn(wait(pipe.out, false));
        co_await driver_turns(3);
        CHECK_FALSE(reading.is_finished());
        pipe.write_byte();
        auto read = co_await reading;
        CHECK(read);
        CHECK(pipe.drain() == 1);

        co_await backend::writable(pipe.in);
        pipe.fill();
        auto writing = spawn(wait(pipe.in, true));
        co_await driver_turns(3);
        CHECK_FALSE(writing.is_finished());
        pipe.drain();
        auto written = co_await writing;
        CHECK(written);
    });
}

TEST_CASE("a cancelled wait for a descriptor leaves the readiness to the next", "[kernel_io][cancel]") {
    const bool for_writing = GENERATE(false, true);
    run([for_writing]() -> Task<> {
        Pipe pipe;
        co_await driver_turns(1);
        pipe.fill();
        if (!for_writing) pipe.drain();
        WatchedFd& end = for_writing ? pipe.in : pipe.out;
        const auto make_ready = [&pipe, for_writing] {
            if (for_writing)
                pipe.drain();
            else
                pipe.write_byte();
        };
        auto before_the_event = spawn(wait(end, for_writing));
        co_await driver_turns(3);
        before_the_event.abort();
        auto outcome = co_await before_the_event;
        CHECK_FALSE(outcome);
        CHECK((end.reader == nullptr && end.writer == nullptr));

        // Both branches are woken by the same poll, and the wait for the descriptor is the one that loses.
        Pipe bell;
        auto racing = spawn([](Pipe& first, WatchedFd& second, bool writing) -> Task<std::size_t> {
            auto event = co_await select_biased(backend::readable(first.out), wait(second, writing));
            co_return event.index();
        }(bell, end, for_writing));
        co_await driver_turns(3);
        REQUIRE_FALSE(racing.is_finished());
        bell.write_byte();
        make_ready();
        auto first = co_await racing;
        REQUIRE(first);
        auto again = co_await select_biased(wait(end, for_writing), driver_turns(3));
        CHECK(again.index() == 0);
    });
}

TEST_CASE("a peer that hangs up makes a descriptor readable and is told", "[kernel_io]") {
    run([]() -> Task<> {
        Pipe pipe;
        auto reading = spawn(wait(pipe.out, false));
        co_await driver_turns(3);
        pipe.in.lane->remove(pipe.in);
        ::close(std::exchange(pipe.in.fd, -1));
        auto read = co_await reading;
        CHECK(read);
        CHECK(pipe.out.hung_up);
    });
}

TEST_CASE("a descriptor that is no longer watched gives no events and may be watched again", "[kernel_io]") {
    run([]() -> Task<> {
        Pipe pipe;
        co_await driver_turns(1);
        pipe.out.lane->remove(pipe.out);
        CHECK(pipe.out.lane == nullptr);
        const std::uint32_t tick = pipe.out.tick;
        pipe.write_byte();
        co_await driver_turns(3);
        CHECK(pipe.out.tick == tick);
        REQUIRE(backend::current_slow_lane->add(pipe.out));
        co_await backend::readable(pipe.out);
        CHECK(pipe.out.tick != tick);
    });
}

TEST_CASE("descriptors that are watched and let go without an event leave nothing in memory", "[kernel_io]") {
    auto runtime = build_runtime(GENERATE("epoll", "io_uring"));
    if (!runtime) {
        WARN("skipped: " << runtime.error().message);
        return;
    }
    runtime->block_on([]() -> Task<> {
        Pipe pipe;
        pipe.out.lane->remove(pipe.out);
        const auto watch_and_let_go = [&pipe]() -> Task<> {
            for (int i = 0; i < 1'000; ++i) {
                REQUIRE(backend::current_slow_lane->add(pipe.out));
                pipe.out.lane->remove(pipe.out);
                if (i % 100 == 0) co_await driver_turns(1);
            }
        };
        co_await watch_and_let_go();
        const std::size_t before = ::mallinfo2().uordblks;
        for (int i = 0; i < 10; ++i) co_await watch_and_let_go();
        CHECK(::mallinfo2().uordblks < before + 65'536);  // 10,000 of them are some 600,000 bytes
    }());
}

TEST_CASE("a descriptor that outlives its lane is told so", "[kernel_io][shutdown]") {
    std::optional<Pipe> pipe;
    run([&pipe]() -> Task<> {
        pipe.emplace();
        co_return;
    });
    CHECK(pipe->out.lane == nullptr);
    CHECK(pipe->in.lane == nullptr);
    run([&pipe]() -> Task<> {
        REQUIRE(backend::current_slow_lane->add(pipe->out));
        pipe->write_byte();
        co_await backend::readable(pipe->out);
        pipe.reset();
    });
}

}  // namespace
}  // namespace skerry
