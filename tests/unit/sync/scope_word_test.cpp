// One step of a word that cores share, also while nobody is there to share it.

#include "support/catch.hpp"

#include <skerry/base/only_thread.hpp>
#include <skerry/sync/scope_word.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <thread>

namespace skerry::sync {
namespace {

using SharedWord = ScopeWord<task::SharedScope>;

// The cases "alone" are run once more by the last one, in a process which has one thread however many this one has had.
constexpr const char* is_alone = "SKERRY_TEST_IS_ALONE";

void check_alone_if_it_should_be() {
    if (SKERRY_KNOWS_ONLY_THREAD && std::getenv(is_alone) != nullptr) CHECK(is_only_thread());
}

TEST_CASE("a shared word changes only from what was expected, and tells what it is", "[sync][scope_word][alone]") {
    check_alone_if_it_should_be();
    SharedWord word(3);
    std::uintptr_t expected = 2;
    CHECK_FALSE(word.replace(expected, 5));
    CHECK(expected == 3);
    CHECK(word.load() == 3);
    CHECK(word.replace(expected, 5));
    CHECK(word.load() == 5);
}

TEST_CASE("what the only thread did to a shared word the next thread sees, which is not the only one",
          "[sync][scope_word][alone]") {
    SharedWord word(0);
    check_alone_if_it_should_be();
    std::uintptr_t open = 0;
    REQUIRE(word.replace(open, 1));
    bool was_only = true;
    bool saw = false;
    std::thread([&] {
        was_only = is_only_thread();
        std::uintptr_t locked = 1;
        saw = word.replace(locked, 2);
    }).join();
    CHECK_FALSE(was_only);
    CHECK(saw);
    CHECK(word.load() == 2);
}

TEST_CASE("a shared word is the same in a process of one thread", "[sync][scope_word]") {
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv(is_alone, "1", 1);
        ::close(STDOUT_FILENO);
        ::execl("/proc/self/exe", "skerry_unit_tests", "[alone]", "--warn", "NoTests", static_cast<char*>(nullptr));
        std::_Exit(1);
    }
    REQUIRE(child > 0);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

}  // namespace
}  // namespace skerry::sync
