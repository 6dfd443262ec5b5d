// Whether to try, by how it went.

#include "support/catch.hpp"

#include <skerry/base/guess.hpp>

namespace skerry {
namespace {

int pause_before_next(Guess& guess) {
    int pause = 0;
    while (!guess.tries()) REQUIRE(++pause <= 32);
    return pause;
}

void be_right(Guess& guess, int times) {
    for (int i = 0; i < times; ++i) {
        (void)pause_before_next(guess);
        guess.right();
    }
}

TEST_CASE("who has not guessed yet waits as long as after many wrong ones", "[base][guess]") {
    Guess guess;
    CHECK(pause_before_next(guess) == 32);
}

TEST_CASE("one wrong guess among right ones changes nothing", "[base][guess]") {
    Guess guess;
    be_right(guess, 8);
    for (int i = 0; i < 100; ++i) {
        REQUIRE(pause_before_next(guess) == 0);
        if (i % 2 == 0)
            guess.wrong();
        else
            guess.right();
    }
}

TEST_CASE("wrong guesses in a row are ever farther apart, and no farther than 32", "[base][guess]") {
    Guess guess;
    be_right(guess, 8);
    for (const int pause : {0, 1, 2, 4, 8, 16, 32, 32, 32}) {
        guess.wrong();
        CHECK(pause_before_next(guess) == pause);
    }
}

}  // namespace
}  // namespace skerry
