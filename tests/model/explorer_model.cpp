// The explorer's own test, second part: what a model can ask of it, that it visits exactly the schedules it
// promises, and that a failure can be replayed.

#include "model_suite.hpp"

#include <skerry/base/assert.hpp>

#include <array>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

namespace {

namespace model = skerry::model;
using skerry::atomic;

thread_local constinit int local_value = 5;

const std::exception* rethrown_from_here() {
    try {
        throw;
    } catch (const std::exception& exception) {
        return &exception;
    }
}

void check_services(model::Suite& suite) {
    suite.expect_pass("each thread has its own thread_local", {}, [] {
        atomic<int> step{0};
        local_value = 7;
        model::fiber_local(local_value);
        const auto body = [&] {
            MODEL_ASSERT(local_value == 7);
            local_value = static_cast<int>(model::thread_id()) * 100;
            step.fetch_add(1);
            step.fetch_add(1);
            MODEL_ASSERT(local_value == static_cast<int>(model::thread_id()) * 100);
        };
        model::thread(body);
        model::thread(body);
        model::join_all();
        MODEL_ASSERT(local_value == 7);
    });
    suite.expect_pass("a thread is switched away from within a catch", {}, [] {
        atomic<int> step{0};
        const auto body = [&] {
            step.fetch_add(1);  // so that the next operation is a place to switch
            try {
                throw std::runtime_error(std::to_string(model::thread_id()));
            } catch (const std::exception& exception) {
                step.fetch_add(1);
                MODEL_ASSERT(std::stoul(exception.what()) == model::thread_id());
                MODEL_ASSERT(rethrown_from_here() == &exception, "the exception handled here is this thread's");
            }
        };
        model::thread(body);
        model::thread(body);
        model::join_all();
    });
    suite.expect_failure("an exception that leaves a thread", {}, "left the thread: why", [] {
        model::thread([] { throw std::runtime_error("why"); });
        model::join_all();
    });
    suite.expect_failure("a failed SKERRY_ASSERT", {}, "two is more than one",
                         [] { SKERRY_ASSERT(model::thread_id() == 1, "two is more than one"); });
    suite.expect_failure("one of four choices is wrong", {}, "choice != 3", [] {
        const unsigned choice = model::choose(4);
        MODEL_ASSERT(choice != 3);
    });
    suite.expect_failure("a compare_exchange_weak that is not tried again", {.spurious_failure = true}, "x.load() == 1",
                         [] {
                             atomic<int> x{0};
                             int expected = 0;
                             x.compare_exchange_weak(expected, 1);
                             MODEL_ASSERT(x.load() == 1);
                         });
    suite.expect_failure("a body that forgets to join", {}, "join_all() is missing", [] { model::thread([] {}); });
    suite.expect_failure("a model that depends on what ran before", {}, "does not do the same", [] {
        static int runs = 0;
        static_cast<void>(model::choose(++runs == 1 ? 2 : 3));
    });
}

/// A lost update that needs three threads in one particular order: deep for a walk, but soon found.
void lose_an_update() {
    atomic<int> x{0};
    const auto add = [&] {
        for (int i = 0; i < 3; ++i) x.store(x.load() + 1);
    };
    for (int i = 0; i < 3; ++i) model::thread(add);
    model::join_all();
    MODEL_ASSERT(x.load() > 2);
}

/// The smallest lost update.
void lose_one_of_two() {
    atomic<int> x{0};
    const auto add = [&] { x.store(x.load() + 1); };
    model::thread(add);
    model::thread(add);
    model::join_all();
    MODEL_ASSERT(x.load() == 2);
}

/// Three threads' updates without a loss.
void add_up() {
    atomic<int> x{0};
    const auto add = [&] {
        for (int i = 0; i < 3; ++i) x.fetch_add(1);
    };
    for (int i = 0; i < 3; ++i) model::thread(add);
    model::join_all();
    MODEL_ASSERT(x.load() == 9);
}

void check_count(model::Suite& suite, const char* name, unsigned threads, unsigned steps, unsigned preemptions,
                 std::uint64_t wanted) {
    const auto body = [&] {
        atomic<unsigned> x{0};
        for (unsigned i = 0; i < threads; ++i) {
            model::thread([&] {
                for (unsigned step = 0; step < steps; ++step) x.fetch_add(1);
            });
        }
        model::join_all();
        MODEL_ASSERT(x.load() == threads * steps);
    };
    const model::Report report = model::check(name, {.preemptions_max = preemptions}, body);
    if (report.skipped) return;
    suite.expect_pass(name, {}, [&] {
        MODEL_ASSERT(report.complete);
        MODEL_ASSERT(report.schedules == wanted, "the interleavings are counted right");
    });
}

/// Which of two stores comes last is seen by a thread that spins on something else; both must turn up.
void spin_beside_a_race_of_two(std::array<bool, 3>& seen) {
    atomic<int> x{0};
    atomic<int> done{0};
    model::thread([&] {
        x.store(1);
        done.fetch_add(1);
    });
    model::thread([&] {
        x.store(2);
        done.fetch_add(1);
    });
    while (done.load() != 2) {
    }
    seen[static_cast<unsigned>(x.load())] = true;
    model::join_all();
}

/// A thread that is held must be woken by every change, not by the last.
void see_each_value(std::array<bool, 3>& seen) {
    atomic<unsigned> x{0};
    model::thread([&] {
        int rounds = 0;
        unsigned value = 0;
        while ((value = x.load()) == 0) ++rounds;
        if (rounds != 0) seen[value] = true;
    });
    model::thread([&] {
        x.store(1);
        x.store(2);
    });
    model::join_all();
}

/// Whichever of the two words is set first lets the waiter on, and that lets the setter on.
void wait_for_either() {
    std::array<atomic<bool>, 2> words{};
    atomic<bool> seen{false};
    const unsigned which = model::choose(2);
    model::thread([&] {
        while (!words[0].load() && !words[1].load()) {
        }
        seen.store(true);
    });
    model::thread([&] {
        words[which].store(true);
        while (!seen.load()) {
        }
    });
    model::join_all();
}

/// Two attempts by the same instruction are two rounds of a loop to the explorer, unless it is told.
void look_twice() {
    atomic<int> x{0};
    int seen = 0;
    model::thread([&] {
        for (int i = 0; i < 2; ++i) {
            seen += x.load();
            model::progress();
        }
    });
    model::thread([&] { x.store(1); });
    model::join_all();
    MODEL_ASSERT(seen != 0);
}

void check_exploration(model::Suite& suite) {
    suite.expect_failure("a random walk finds a lost update", {.preemptions_max = 99, .random_schedules = 100'000},
                         "x.load() > 2", [] { lose_an_update(); });
    suite.expect_pass("a random walk over what holds", {.random_schedules = 10'000}, [] { add_up(); });

    // With as many preemptions as it takes, n threads of k steps have (n k)! / (k!)^n interleavings.
    check_count(suite, "three single steps have 6 orders", 3, 1, 99, 6);
    check_count(suite, "two by two steps have 6 interleavings", 2, 2, 99, 6);
    check_count(suite, "three by two steps have 90 interleavings", 3, 2, 99, 90);
    check_count(suite, "two by six steps have 924 interleavings", 2, 6, 99, 924);
    // AAABBB, A|BBB|AA, AA|BBB|A and the same with A and B exchanged: going back after an end is free.
    check_count(suite, "without preemption there are 2 orders", 2, 3, 0, 2);
    check_count(suite, "one preemption makes it 6", 2, 3, 1, 6);
    std::array<bool, 3> seen{};
    suite.expect_pass("a loop over two words is held for both", {}, [] { wait_for_either(); });
    const model::Report held = model::check("no spinning thread is let on", {}, [] { wait_for_either(); });
    suite.expect_pass("and is woken by either", {}, [&] { MODEL_ASSERT(held.let_on == 0); });
    suite.expect_pass("a thread spins beside a race of two", {}, [&] { spin_beside_a_race_of_two(seen); });
    suite.expect_pass("and sees either of the two win", {},
                      [&] { MODEL_ASSERT(seen[1] == seen[2], "both, or MODEL_REPLAY has skipped it"); });
    std::array<bool, 3> woken{};
    suite.expect_pass("a spinning thread beside two changes", {}, [&] { see_each_value(woken); });
    suite.expect_pass("and is woken by the first or the second", {},
                      [&] { MODEL_ASSERT(woken[1] == woken[2], "both, or MODEL_REPLAY has skipped it"); });
    suite.expect_failure("attempts that may fail twice, with progress()", {}, "seen != 0", [] { look_twice(); });
}

/// The name and the replay string of a failure lead to the same failure again.
void check_replay(model::Suite& suite) {
    if (std::getenv("MODEL_REPLAY") != nullptr) return;
    const model::Options options{.preemptions_max = 3, .quiet = true};
    const model::Report first = model::check("a lost update, to be replayed", options, [] { lose_one_of_two(); });
    setenv("MODEL_REPLAY", first.replay.c_str(), 1);
    std::fprintf(stderr, "(what follows is the print of an expected failure)\n");
    const model::Report again = model::check("a lost update, to be replayed", options, [] { lose_one_of_two(); });
    unsetenv("MODEL_REPLAY");
    suite.expect_pass("a replay shows the same failure", {}, [&] {
        MODEL_ASSERT(first.failed && again.failed && again.schedules == 1);
        MODEL_ASSERT(first.message == again.message && first.trace.size() == again.trace.size());
    });
}

}  // namespace

int main() {
    model::Suite suite;
    check_services(suite);
    check_exploration(suite);
    check_replay(suite);
    return suite.exit_code();
}
