#include "slow_lane.hpp"

#include "support/limits.hpp"
#include "support/temp_tree.hpp"

#include <skerry/process/command.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/timeout.hpp>
#include <skerry/topology/bind_thread.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>

namespace skerry::conformance {
namespace {

using namespace std::chrono_literals;
using process::Child;
using process::Command;
using process::ExitStatus;
using process::Stdio;

Command shell(const std::string& script) { return Command("sh").arg("-c").arg(script); }

Child start(const Command& command) {
    auto child = command.spawn();
    REQUIRE(child);
    return std::move(*child);
}

/// Whether the kernel keeps anything of a child, be it how it ended.
bool is_child(int pid) {
    siginfo_t about{};
    return ::waitid(P_PID, static_cast<id_t>(pid), &about, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool has_children() {
    siginfo_t about{};
    return ::waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) == 0;
}

TEST_CASE("a core without a slow lane starts no program, and says unsupported", "[process]") {
    run([]() -> Task<> {
        if (!has_slow_lane()) CHECK(Command("true").spawn().error() == Errc::unsupported);
        co_return;
    });
}

TEST_CASE("what a program writes and how it ends comes back", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto output = co_await shell("echo out; echo err >&2; exit 3").output();
        REQUIRE(output);
        CHECK(output->out == "out\n");
        CHECK(output->err == "err\n");
        CHECK(output->status.code() == 3);
        CHECK_FALSE(output->status.success());
        CHECK(output->status.to_string() == "exit code 3");
        auto status = co_await Command("true").status();
        CHECK(status == ExitStatus::exited(0));
        status = co_await shell("kill -TERM $$").status();
        REQUIRE(status);
        CHECK(status->signal() == SIGTERM);
        CHECK_FALSE(status->code());
        CHECK_FALSE(has_children());
    });
}

TEST_CASE("a program gets its arguments, its environment and its folder", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        Command printing("printf");
        printing.args({"%s|", "a b", "", "*"});
        auto output = co_await printing.output();
        REQUIRE(output);
        CHECK(output->out == "a b||*|");

        REQUIRE(::setenv("SKERRY_TEST_INHERITED", "yes", 1) == 0);
        const std::string show = "echo \"$SKERRY_TEST_INHERITED,$SKERRY_TEST_SET\"";
        output = co_await shell(show).env("SKERRY_TEST_SET", "1").output();
        CHECK(output->out == "yes,1\n");
        output = co_await shell(show).env_remove("SKERRY_TEST_INHERITED").output();
        CHECK(output->out == ",\n");
        output = co_await Command("/bin/sh").arg("-c").arg(show).env_clear().env("SKERRY_TEST_SET", "2").output();
        CHECK(output->out == ",2\n");
        REQUIRE(::unsetenv("SKERRY_TEST_INHERITED") == 0);

        const tests::TempTree tree;
        output = co_await Command("/bin/pwd").arg("-P").current_dir(tree.root()).output();
        CHECK(output->out == std::filesystem::canonical(tree.root()).string() + "\n");
    });
}

TEST_CASE("a child reads what is written to it, and its end when that is dropped or it is waited for", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        Command cat("cat");
        cat.with_stdin(Stdio::piped()).with_stdout(Stdio::piped());
        auto child = start(cat);
        auto in = child.take_stdin();
        auto out = child.take_stdout();
        REQUIRE(in);
        REQUIRE(out);
        CHECK_FALSE(child.take_stdin());
        CHECK_FALSE(child.take_stderr());
        auto written = co_await in->write_all(bytes_of("there and back"));
        CHECK(written);
        auto text = co_await read_some(*out);
        CHECK(text == "there and back");
        auto running = child.try_wait();
        REQUIRE(running);
        CHECK_FALSE(running->has_value());
        in.reset();
        auto status = co_await child.wait();
        CHECK(status == ExitStatus::exited(0));
        status = co_await child.wait();
        CHECK(status == ExitStatus::exited(0));
        CHECK_FALSE(child.id());

        auto other = start(cat);  // whose input is not taken: wait() closes it, or both would wait
        status = co_await other.wait();
        CHECK(status == ExitStatus::exited(0));
    });
}

TEST_CASE("a megabyte on each of a child's outputs makes nobody wait for ever", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto output = co_await shell("head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero").output();
        REQUIRE(output);
        CHECK(output->out.size() == 1'000'000);
        CHECK(output->err.size() == 1'000'000);
    });
}

TEST_CASE("a child that never ends can be waited for in vain, and killed", "[process][cancel]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto child = start(Command("sleep").arg("1000"));
        for (int i = 0; i < 20; ++i) {
            auto waited = co_await time::timeout(1ms, child.wait());
            CHECK(waited.error() == Errc::timed_out);
        }
        const auto pid = child.id();
        REQUIRE(pid);
        auto killed = co_await child.kill();
        CHECK(killed);
        CHECK_FALSE(is_child(*pid));
        auto status = co_await child.wait();
        REQUIRE(status);
        CHECK(status->signal() == SIGKILL);
        CHECK(status->to_string() == "signal 9");
        CHECK(child.start_kill());  // of one that has ended: no error, and nobody is hit
    });
}

TEST_CASE("several tasks may wait for one child, and each hears how it ended", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto child = start(Command("sleep").arg("1000"));
        auto first = spawn(child.wait());
        auto second = spawn(child.wait());
        co_await driver_turns(2);
        auto killed = co_await child.kill();
        CHECK(killed);
        CHECK_FALSE(child.id());
        auto ends = co_await join(first, second);
        for (auto* end : {&std::get<0>(ends), &std::get<1>(ends)}) {
            REQUIRE(*end);
            REQUIRE(**end);
            CHECK((**end)->signal() == SIGKILL);
        }
    });
}

TEST_CASE("who asks whether a child has ended takes nothing from who waits for it", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        auto child = start(Command("cat").with_stdin(Stdio::piped()));
        auto in = child.take_stdin();
        const int pid = *child.id();
        auto waiting = spawn(child.wait());
        co_await driver_turns(2);
        in.reset();
        siginfo_t
            about{};  // until it has ended, and without a turn of the core, so that the one who waits does not know
        REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &about, WEXITED | WNOWAIT) == 0);
        auto ended = child.try_wait();
        REQUIRE(ended);
        CHECK(*ended == ExitStatus::exited(0));
        CHECK_FALSE(child.id());
        CHECK(child.start_kill());
        auto status = co_await waiting;
        REQUIRE(status);
        CHECK(*status == ExitStatus::exited(0));
    });
}

TEST_CASE("a child that is dropped runs on, is then waited for, and leaves no zombie", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        std::optional<process::ChildStdin> in;
        std::optional<process::ChildStdout> out;
        int pid = 0;
        {
            auto child = start(Command("cat").with_stdin(Stdio::piped()).with_stdout(Stdio::piped()));
            in = child.take_stdin();
            out = child.take_stdout();
            pid = *child.id();
        }
        auto written = co_await in->write_all(bytes_of("alive"));
        CHECK(written);
        auto text = co_await read_some(*out);
        CHECK(text == "alive");
        CHECK(is_child(pid));
        in.reset();
        while (is_child(pid)) co_await yield_to_driver();
        for (int i = 0; i < 30; ++i) start(Command("true"));
        while (has_children()) co_await yield_to_driver();
    });
}

TEST_CASE("children that outlive their runtime are waited for by the next one's", "[process][shutdown]") {
    std::optional<process::Child> left;
    bool is_skipped = false;
    run([&]() -> Task<> {
        is_skipped = lacks_slow_lane();
        if (is_skipped) co_return;
        start(Command("sleep").arg("0.01"));
        left.emplace(start(Command("sleep").arg("0.01")));
    });
    if (is_skipped) return;
    left.reset();
    run([]() -> Task<> {
        while (has_children()) {
            auto status = co_await Command("true").status();
            REQUIRE(status);
        }
    });
}

TEST_CASE("kill_on_drop kills, also the child of an output() that is cancelled", "[process][cancel]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        const std::size_t before = open_descriptors();
        {
            std::optional<process::ChildStdout> out;
            {
                auto child = start(shell("echo up; exec sleep 1000").with_stdout(Stdio::piped()).kill_on_drop(true));
                out = child.take_stdout();
                auto text = co_await read_some(*out);
                CHECK(text == "up\n");
            }
            auto text = co_await read_all(*out);  // ends when the last who could write has gone
            CHECK(text.empty());
        }
        for (int i = 0; i < 30; ++i) {
            auto output = Command("sleep").arg("1000").kill_on_drop(true).output();
            auto cancelled = co_await select_biased(std::move(output), driver_turns(static_cast<unsigned>(i) % 3));
            CHECK(cancelled.index() == 1);
        }
        while (has_children()) co_await yield_to_driver();
        while (open_descriptors() != before) co_await yield_to_driver();
    });
}

TEST_CASE("a child has the standard descriptors and no other of this program's", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        const OwnedFd open_to_all(::fcntl(0, F_DUPFD, 57));  // not close-on-exec, as a careless library opens them
        REQUIRE(open_to_all);
        auto output = co_await shell("for f in /proc/self/fd/*; do echo ${f##*/}; done").output();
        REQUIRE(output);
        CHECK(output->out == "0\n1\n2\n3\n");  // the last is the folder that the shell reads
        const tests::TempTree tree;
        const std::string path = (tree.root() / "log").string();
        {
            Command echo("echo");
            echo.arg("to a file")
                .with_stdout(
                    Stdio::from(OwnedFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600))));
            for (int i = 0; i < 2; ++i) {
                auto status = co_await echo.status();
                CHECK(status == ExitStatus::exited(0));
            }
        }
        output = co_await Command("cat").arg(path).output();
        CHECK(output->out == "to a file\nto a file\n");
    });
}

TEST_CASE("what cannot be started says why, and leaves nothing behind", "[process][error]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        const tests::TempTree tree;
        const std::size_t before = open_descriptors();
        CHECK(Command("skerry-no-such-program").spawn().error() == Errc::not_found);
        CHECK(Command("").spawn().error() == Errc::not_found);
        CHECK(Command("true").current_dir((tree.root() / "no").string()).spawn().error() == Errc::not_found);
        CHECK(Command(tree.root().string()).spawn().error() == Errc::permission_denied);
        CHECK(Command(std::string("tr\0ue", 5)).spawn().error() == Errc::invalid_argument);
        CHECK(Command("true").arg(std::string("\0", 1)).spawn().error() == Errc::invalid_argument);
        CHECK(Command("true").env("A=B", "c").spawn().error() == Errc::invalid_argument);
        CHECK(Command("true").arg(std::string(8U << 20U, 'x')).spawn().error() == Errc::invalid_argument);
        auto output = co_await Command("skerry-no-such-program").output();
        CHECK(output.error() == Errc::not_found);
        CHECK(open_descriptors() == before);
        CHECK_FALSE(has_children());
    });
}

/// How often children that are no more have touched new memory: it grows by each that has begun a program.
long work_of_children() {
    rusage used{};
    REQUIRE(::getrusage(RUSAGE_CHILDREN, &used) == 0);
    return used.ru_minflt;
}

TEST_CASE("a program is not started when there is no descriptor to watch it with", "[process][error]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        const Command nothing("true");
        const long before = work_of_children();
        {
            const tests::NoDescriptors none;
            CHECK(nothing.spawn().error() == Errc::no_descriptors);
        }
        CHECK(work_of_children() == before);
        auto status = co_await nothing.status();
        CHECK(status == ExitStatus::exited(0));
        CHECK(work_of_children() > before);
    });
}

TEST_CASE("a program is started with the last descriptor there is", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        std::optional<Child> child;
        {
            const tests::LowerLimit one_left(RLIMIT_NOFILE, static_cast<rlim_t>(tests::next_descriptor()) + 1);
            child.emplace(start(Command("true")));
        }
        auto status = co_await child->wait();
        CHECK(status == ExitStatus::exited(0));
    });
}

TEST_CASE("a child begins with no signal blocked, with SIGPIPE's default and off the core's CPU", "[process]") {
    run([]() -> Task<> {
        if (lacks_slow_lane()) co_return;
        const auto everywhere = topology::current_affinity();
        REQUIRE(everywhere);
        auto* const before = std::signal(SIGPIPE, SIG_IGN);
        sigset_t blocked;
        sigset_t unblocked;
        ::sigemptyset(&blocked);
        ::sigaddset(&blocked, SIGTERM);
        REQUIRE(::pthread_sigmask(SIG_BLOCK, &blocked, &unblocked) == 0);
        REQUIRE(topology::pin_current_thread(*everywhere->begin()));
        Command looking("grep");
        looking.args({"-E", "SigBlk|SigIgn|Cpus_allowed_list", "/proc/self/status"});
        auto output = co_await looking.output();
        REQUIRE(topology::bind_current_thread(*everywhere));
        REQUIRE(::pthread_sigmask(SIG_SETMASK, &unblocked, nullptr) == 0);
        std::signal(SIGPIPE, before);
        REQUIRE(output);
        const auto value_of = [&](const std::string& name) {
            const std::size_t begin = output->out.find(name + ":\t") + name.size() + 2;
            return output->out.substr(begin, output->out.find('\n', begin) - begin);
        };
        CHECK(value_of("SigBlk") == "0000000000000000");
        CHECK((std::stoull(value_of("SigIgn"), nullptr, 16) >> (SIGPIPE - 1) & 1) == 0);
        const auto cpus = topology::CpuSet::parse(value_of("Cpus_allowed_list"));
        REQUIRE(cpus);
        CHECK(*cpus == *everywhere);
    });
}

}  // namespace
}  // namespace skerry::conformance
