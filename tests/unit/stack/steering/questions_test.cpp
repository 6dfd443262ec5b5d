#include <skerry/stack/steering/questions.hpp>

#include "support/catch.hpp"

#include <memory>

namespace skerry::stack {
namespace {

TEST_CASE("a question has one answer, for all who asked", "[stack][steering][questions]") {
    const auto questions = std::make_unique<Questions>();
    CHECK(questions->take(7) == 0);
    questions->ask(7, 1);
    questions->ask(7, 3);
    questions->ask(8, 2);
    CHECK(questions->take(7) == (core_bit(1) | core_bit(3)));
    CHECK(questions->take(7) == 0);
    CHECK(questions->take(8) == core_bit(2));
    questions->ask(7, 1);
    questions->ask(7, 3);
    questions->forget(7, 1);
    questions->forget(9, 1);
    CHECK(questions->take(7) == core_bit(3));
}

TEST_CASE("a question without a place is forgotten, and those that are answered leave theirs",
          "[stack][steering][questions][limits]") {
    const auto questions = std::make_unique<Questions>();
    std::size_t remembered = 0;
    for (std::uint64_t host = 1; host <= 4 * Questions::places; ++host) questions->ask(host * 0x1'0001U, 1);
    for (std::uint64_t host = 1; host <= 4 * Questions::places; ++host)
        remembered += questions->take(host * 0x1'0001U) != 0 ? 1 : 0;
    CHECK(remembered > Questions::places / 2);
    CHECK(remembered <= Questions::places);
    for (std::uint64_t host = 1; host <= 100; ++host) questions->ask(host * 0x3'0001U, 2);
    for (std::uint64_t host = 1; host <= 100; ++host) CHECK(questions->take(host * 0x3'0001U) == core_bit(2));
}

}  // namespace
}  // namespace skerry::stack
