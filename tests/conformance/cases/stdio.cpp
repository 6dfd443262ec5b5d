#include "slow_lane.hpp"

#include "support/temp_tree.hpp"

#include <skerry/io/stdio.hpp>
#include <skerry/net/pipe.hpp>
#include <skerry/net/unix_stream.hpp>
#include <skerry/task/spawn.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace skerry::conformance {
namespace {

/// Puts `fd` in the place of a standard descriptor of this program while it lives.
class Replaced {
public:
    Replaced(int number, OwnedFd fd) : number_(number), before_(::fcntl(number, F_DUPFD_CLOEXEC, 3)) {
        REQUIRE(::dup2(fd.get(), number) == number);
    }
    Replaced(const Replaced&) = delete;
    Replaced& operator=(const Replaced&) = delete;
    ~Replaced() { ::dup2(before_.get(), number_); }

private:
    int number_;
    OwnedFd before_;
};

std::array<OwnedFd, 2> blocking_pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return {OwnedFd(ends[0]), OwnedFd(ends[1])};
}

/// While it lives this thread may not open the pipe at `number` again, so that it is read and written on the pool.
class OpenedOnce {
public:
    explicit OpenedOnce(int number) {
        REQUIRE(::fchmod(number, 0) == 0);
        constexpr uid_t nobody = 65534;
        before_ = static_cast<uid_t>(::setfsuid(nobody));  // root may open what nobody may, and only root can do this
        const std::string path = "/proc/self/fd/" + std::to_string(number);
        const OwnedFd again(::open(path.c_str(), (number == 0 ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC));
        is_so_ = !again;
    }
    OpenedOnce(const OpenedOnce&) = delete;
    OpenedOnce& operator=(const OpenedOnce&) = delete;
    ~OpenedOnce() { ::setfsuid(before_); }

    [[nodiscard]] bool is_so() const noexcept { return is_so_; }

private:
    uid_t before_ = 0;
    bool is_so_ = false;
};

/// Standard error, or input, that the pool has; nothing where that cannot be, which it says.
std::optional<io::Stdout> pooled_error() {
    const OpenedOnce once(2);
    if (!once.is_so()) WARN("skipped: this user may open every pipe again");
    auto err = io::Stdout::open_error();
    REQUIRE(err);
    return once.is_so() ? std::optional(std::move(*err)) : std::nullopt;
}

std::optional<io::Stdin> pooled_input() {
    const OpenedOnce once(0);
    if (!once.is_so()) WARN("skipped: this user may open every pipe again");
    auto in = io::Stdin::open();
    REQUIRE(in);
    return once.is_so() ? std::optional(std::move(*in)) : std::nullopt;
}

bool is_readable(int fd) {
    pollfd side{fd, POLLIN, 0};
    return ::poll(&side, 1, 0) == 1;
}

Task<> until_readable(int fd) {
    while (!is_readable(fd)) co_await yield_to_driver();
}

/// What comes out of a pipe until it is `bytes`, or `writer` has ended and left no more.
Task<std::string> take(int fd, std::size_t bytes, const JoinHandle<Result<>>& writer) {
    std::string text;
    std::array<char, 4096> some;
    while (text.size() < bytes) {
        const bool is_last = writer.is_finished();
        if (!is_readable(fd)) {
            if (is_last) break;
            co_await yield_to_driver();
            continue;
        }
        const auto count = ::read(fd, some.data(), some.size());
        REQUIRE(count > 0);
        text.append(some.data(), static_cast<std::size_t>(count));
    }
    co_return text;
}

bool is_blocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0; }

TEST_CASE("standard input that is a pipe is read without making it non-blocking for others", "[io][stdio]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto ends = blocking_pipe();
        const Replaced replaced(0, std::move(ends[0]));
        auto in = io::Stdin::open();
        REQUIRE(in);
        CHECK(is_blocking(0));
        auto waiting = spawn(in->read_buf());
        co_await driver_turns(3);
        CHECK_FALSE(waiting.is_finished());
        REQUIRE(::write(ends[1].get(), "typed", 5) == 5);
        auto typed = co_await waiting;
        REQUIRE(typed);
        REQUIRE(*typed);
        CHECK(text_of((*typed)->bytes()) == "typed");
        REQUIRE(::write(ends[1].get(), "piecewise", 9) == 9);
        ends[1] = OwnedFd();
        std::array<std::byte, 5> some;
        auto count = co_await in->read(some);
        CHECK(count == 5u);
        CHECK(text_of(some) == "piece");
        auto rest = co_await read_all(*in);
        CHECK(rest == "wise");
    });
}

TEST_CASE("standard output that is a pipe takes a megabyte, and says when nobody reads", "[io][stdio]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto ends = blocking_pipe();
        auto receiver = net::pipe::Receiver::from_fd(std::move(ends[0]));
        REQUIRE(receiver);
        const auto sent = pattern(1U << 20U);
        Result<> written;
        Result<> late;
        std::string got;
        {
            const Replaced replaced(1, std::move(ends[1]));
            auto out = io::Stdout::open();
            REQUIRE(out);
            auto writing = spawn([](io::Stdout to, std::span<const std::byte> bytes) -> Task<Result<>> {
                auto done = co_await to.write_all(bytes);
                co_return done;
            }(std::move(*out), sent));
            while (got.size() < sent.size()) got += co_await read_some(*receiver);
            auto done = co_await writing;
            REQUIRE(done);
            written = *done;
            receiver = Errc::closed;
            out = io::Stdout::open();
            REQUIRE(out);
            late = co_await out->write_all(bytes_of("x"));
        }
        CHECK(written);
        CHECK(got == text_of(sent));
        CHECK(late == Errc::broken_pipe);
    });
}

TEST_CASE("standard descriptors that are a socket or a file are read and written too", "[io][stdio]") {
    run([]() -> Task<> {
        tests::TempTree tree;
        const std::string path = tree.write("in", "from a file");
        {
            const Replaced replaced(0, OwnedFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
            auto in = io::Stdin::open();
            REQUIRE(in);
            std::string text;
            for (unsigned i = 0;; ++i) {  // cancelled at every point: no byte is lost
                std::array<std::byte, 3> some;
                auto event = co_await select_biased(in->read(some), yields(i % 20));
                if (event.index() != 0) continue;
                auto& count = std::get<0>(event);
                REQUIRE(count);
                if (*count == 0) break;
                text += text_of(std::span(some).first(*count));
            }
            CHECK(text == "from a file");
        }
        const std::string log = (tree.root() / "err").string();
        {
            const Replaced replaced(2, OwnedFd(::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)));
            auto err = io::Stdout::open_error();
            REQUIRE(err);
            auto written = co_await err->write_all(bytes_of("to a file"));
            CHECK(written);
        }
        {
            const Replaced replaced(0, OwnedFd(::open(log.c_str(), O_RDONLY | O_CLOEXEC)));
            auto in = io::Stdin::open();
            REQUIRE(in);
            auto text = co_await read_all(*in);
            CHECK(text == "to a file");
        }
        if (lacks_slow_lane()) co_return;
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        auto peer = net::UnixStream::from_fd(OwnedFd(ends[1]));
        REQUIRE(peer);
        const Replaced replaced(0, OwnedFd(ends[0]));
        auto in = io::Stdin::open();
        REQUIRE(in);
        CHECK(is_blocking(0));
        auto waiting = spawn(in->read_buf());
        co_await driver_turns(3);
        CHECK_FALSE(waiting.is_finished());
        auto written = co_await peer->write_all(bytes_of("from a socket"));
        CHECK(written);
        auto got = co_await waiting;
        REQUIRE(got);
        REQUIRE(*got);
        CHECK(text_of((*got)->bytes()) == "from a socket");
    });
}

// Here the pool's threads write to standard error, because the test framework has standard output.

TEST_CASE("a pipe whose reader goes in the middle of a write on the pool is no signal", "[io][stdio][error]") {
    run([]() -> Task<> {
        auto ends = blocking_pipe();
        const Replaced replaced(2, std::move(ends[1]));
        auto err = pooled_error();
        if (!err) co_return;
        const auto sent = pattern(1U << 20U);
        auto writing = spawn(err->write(sent));
        co_await until_readable(ends[0].get());
        ends[0] = OwnedFd();
        auto written = co_await writing;
        REQUIRE(written);
        REQUIRE(*written);
        CHECK(**written < sent.size());
        auto late = co_await err->write_all(bytes_of("x"));
        CHECK(late == Errc::broken_pipe);
    });
}

TEST_CASE("what a write that is given up has begun on the pool stands before the next", "[io][stdio][cancel]") {
    run([]() -> Task<> {
        auto ends = blocking_pipe();
        const Replaced replaced(2, std::move(ends[1]));
        auto err = pooled_error();
        if (!err) co_return;
        const std::string before(300'000, 'A');
        const std::string behind(300'000, 'B');
        auto given_up = co_await select_biased(err->write_all(bytes_of(before)), until_readable(ends[0].get()));
        REQUIRE(given_up.index() == 1);
        auto next = spawn(err->write_all(bytes_of(behind)));
        co_await driver_turns(3);
        auto got = co_await take(ends[0].get(), before.size() + behind.size(), next);
        CHECK((got == before + behind));
        auto written = co_await next;
        REQUIRE(written);
        CHECK(*written);
    });
}

TEST_CASE("a write that is given up while it waits for the one before it writes nothing", "[io][stdio][cancel]") {
    run([]() -> Task<> {
        auto ends = blocking_pipe();
        const Replaced replaced(2, std::move(ends[1]));
        auto err = pooled_error();
        if (!err) co_return;
        const std::string first(300'000, 'A');
        auto given_up = co_await select_biased(err->write(bytes_of(first)), until_readable(ends[0].get()));
        REQUIRE(given_up.index() == 1);
        auto again = co_await select_biased(err->write(bytes_of("B")), driver_turns(3));
        REQUIRE(again.index() == 1);
        auto last = spawn(err->write_all(bytes_of("C")));
        auto got = co_await take(ends[0].get(), first.size() + 1, last);
        CHECK((got == first + "C"));
        auto written = co_await last;
        REQUIRE(written);
        CHECK(*written);
    });
}

TEST_CASE("the pool waits for a pipe that another has made non-blocking", "[io][stdio]") {
    run([]() -> Task<> {
        {
            auto ends = blocking_pipe();
            REQUIRE(::fcntl(ends[1].get(), F_SETFL, O_NONBLOCK) == 0);
            const Replaced replaced(2, std::move(ends[1]));
            auto err = pooled_error();
            if (!err) co_return;
            const auto sent = pattern(300'000);
            auto writing = spawn(err->write_all(sent));
            auto got = co_await take(ends[0].get(), sent.size(), writing);
            CHECK((got == text_of(sent)));
            auto written = co_await writing;
            REQUIRE(written);
            CHECK(*written);
        }
        auto ends = blocking_pipe();
        REQUIRE(::fcntl(ends[0].get(), F_SETFL, O_NONBLOCK) == 0);
        const Replaced replaced(0, std::move(ends[0]));
        auto in = pooled_input();
        if (!in) co_return;
        for (int i = 0; i < 100; ++i) {  // of these some are asked for before they come
            auto waiting = spawn(in->read_buf());
            co_await driver_turns(static_cast<unsigned>(i));
            REQUIRE(::write(ends[1].get(), "typed", 5) == 5);
            auto typed = co_await waiting;
            REQUIRE(typed);
            REQUIRE(*typed);
            REQUIRE(text_of((*typed)->bytes()) == "typed");
        }
    });
}

}  // namespace
}  // namespace skerry::conformance
