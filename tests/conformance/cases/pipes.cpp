#include "slow_lane.hpp"

#include "support/temp_tree.hpp"

#include <skerry/net/pipe.hpp>
#include <skerry/task/spawn.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace skerry::conformance {
namespace {

namespace pipe = net::pipe;

std::pair<pipe::Sender, pipe::Receiver> make_pipe() {
    auto ends = pipe::pipe();
    REQUIRE(ends);
    return std::move(*ends);
}

std::string make_fifo(const tests::TempTree& tree) {
    std::string path = (tree.root() / "fifo").string();
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    return path;
}

TEST_CASE("a core without a slow lane has no pipes, and says unsupported", "[net][pipe]") {
    run([]() -> Task<> {
        if (!has_slow_lane()) CHECK(pipe::pipe().error() == Errc::unsupported);
        co_return;
    });
}

TEST_CASE("a megabyte through a pipe arrives whole and then ends", "[net][pipe]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto [sender, receiver] = make_pipe();
        const auto sent = pattern(1U << 20U);
        auto sending = spawn([](pipe::Sender end, std::span<const std::byte> bytes) -> Task<bool> {
            auto written = co_await end.write_all(bytes);
            co_return written.has_value();
        }(std::move(sender), sent));
        std::string got;
        auto read = co_await receiver.read_to_end(got);
        CHECK(read);
        CHECK(got == text_of(sent));
        auto written = co_await sending;
        REQUIRE(written);
        CHECK(*written);
    });
}

TEST_CASE("a pipe that nobody reads is a broken pipe and no signal", "[net][pipe][error]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto [sender, receiver] = make_pipe();
        const auto much = pattern(200'000);
        auto sending = spawn([](pipe::Sender& end, std::span<const std::byte> bytes) -> Task<Result<>> {
            auto written = co_await end.write_all(bytes);
            co_return written;
        }(sender, much));
        co_await driver_turns(3);
        CHECK_FALSE(sending.is_finished());
        {
            auto gone = std::move(receiver);
        }
        auto written = co_await sending;  // SIGPIPE would have ended this program
        REQUIRE(written);
        CHECK(*written == Errc::broken_pipe);
        auto again = co_await sender.write(bytes_of("x"));
        CHECK(again.error() == Errc::broken_pipe);
        sigset_t pending;
        REQUIRE(::sigpending(&pending) == 0);
        CHECK(::sigismember(&pending, SIGPIPE) == 0);
    });
}

TEST_CASE("a full pipe and an empty one say would_block to who does not wait", "[net][pipe]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto [sender, receiver] = make_pipe();
        std::array<std::byte, 4096> page{};
        CHECK(receiver.try_read(page).error() == Errc::would_block);
        std::size_t room = 0;
        Result<std::size_t> count = 0;
        while ((count = sender.try_write(page))) room += *count;
        CHECK(count.error() == Errc::would_block);
        CHECK(room > 0);
        auto waiting = spawn(sender.write(page));
        co_await driver_turns(3);
        CHECK_FALSE(waiting.is_finished());
        while (room > 0) {
            auto taken = co_await receiver.read(page);
            REQUIRE(taken);
            room -= std::min(room, *taken);
        }
        auto written = co_await waiting;
        REQUIRE(written);
        CHECK(*written);
    });
}

TEST_CASE("a fifo without a reader is refused, which is not the same as a fifo that is not there",
          "[net][pipe][error]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        const std::string path = make_fifo(tree);
        auto alone = pipe::OpenOptions().open_sender(path);
        REQUIRE_FALSE(alone);
        CHECK(alone.error() == Errc::connection_refused);
        CHECK(alone.error().os_error() == ENXIO);
        CHECK(pipe::OpenOptions().open_sender(path + "x").error() == Errc::not_found);
        CHECK(pipe::OpenOptions().open_receiver(path + "x").error() == Errc::not_found);
        CHECK(pipe::OpenOptions().open_receiver(path + '\0' + "x").error() == Errc::invalid_argument);
        const std::string file = tree.write("file", "text");
        CHECK(pipe::OpenOptions().open_receiver(file).error() == Errc::invalid_argument);
        CHECK(pipe::OpenOptions().unchecked(true).open_receiver(file).error() == Errc::unsupported);

        auto receiver = pipe::OpenOptions().open_receiver(path);
        REQUIRE(receiver);
        auto sender = pipe::OpenOptions().open_sender(path);
        REQUIRE(sender);
        auto written = co_await sender->write_all(bytes_of("by name"));
        CHECK(written);
        auto text = co_await read_some(*receiver);
        CHECK(text == "by name");
        co_return;
    });
}

TEST_CASE("a fifo that is open both ways outlives its writers", "[net][pipe]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        tests::TempTree tree;
        const std::string path = make_fifo(tree);
        auto receiver = pipe::OpenOptions().read_write(true).open_receiver(path);
        REQUIRE(receiver);
        const std::array<std::string_view, 2> words{"one", "two"};
        for (const std::string_view word : words) {
            auto sender = pipe::OpenOptions().open_sender(path);
            REQUIRE(sender);
            auto written = co_await sender->write_all(bytes_of(word));
            CHECK(written);
            sender = Errc::closed;
            auto text = co_await read_some(*receiver);
            CHECK(text == word);
            auto waiting = co_await select_biased(read_some(*receiver), driver_turns(3));
            CHECK(waiting.index() == 1);
        }
    });
}

TEST_CASE("a descriptor that is no pipe's, or the wrong end's, is refused and closed", "[net][pipe][error]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        const std::size_t before = open_descriptors();
        CHECK(pipe::Receiver::from_fd(OwnedFd(::open("/dev/null", O_RDWR | O_CLOEXEC))).error() ==
              Errc::invalid_argument);
        {
            auto [sender, receiver] = make_pipe();
            OwnedFd reading = std::move(receiver).into_blocking_fd();
            CHECK((::fcntl(reading.get(), F_GETFL) & O_NONBLOCK) == 0);
            CHECK(pipe::Sender::from_fd(std::move(reading)).error() == Errc::invalid_argument);
            auto again = pipe::Sender::from_fd(std::move(sender).into_blocking_fd());
            CHECK(again);
        }
        CHECK(open_descriptors() == before);
        co_return;
    });
}

TEST_CASE("a read that loses a select loses no byte of a pipe", "[net][pipe][cancel]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto [sender, receiver] = make_pipe();
        std::string got;
        std::array<std::byte, 3> buffer;
        for (int i = 0; i < 200; ++i) {
            auto written = co_await sender.write(bytes_of("ab"));
            REQUIRE(written == 2u);
            auto event = co_await select(receiver.read(buffer), driver_turns(static_cast<unsigned>(i) % 3));
            if (event.index() != 0) continue;
            REQUIRE(std::get<0>(event));
            got += text_of(std::span(buffer).first(*std::get<0>(event)));
        }
        {
            auto gone = std::move(sender);
        }
        auto rest = co_await receiver.read_to_end(got);
        CHECK(rest);
        CHECK(got.size() == 400);
        CHECK(got.find("aa") == std::string::npos);
    });
}

}  // namespace
}  // namespace skerry::conformance
