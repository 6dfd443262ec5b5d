#include <skerry/base/result.hpp>

#include "support/catch.hpp"
#include "support/death.hpp"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using skerry::Errc;
using skerry::Error;
using skerry::Result;
using skerry::Unexpected;
using skerry::tests::aborts;

Result<int> half_of(int number) {
    if (number % 2 != 0) return Errc::invalid_argument;
    return number / 2;
}

/// Counts how many of it are alive.
struct Counted {
    explicit Counted(int& count) : alive(&count) { ++*alive; }
    Counted(const Counted& other) : alive(other.alive) { ++*alive; }
    Counted(Counted&& other) noexcept : alive(other.alive) { ++*alive; }
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --*alive; }
    int* alive;
};

/// Throws when it is moved for the second time: the first brings it into the Result that is assigned from.
struct ThrowsOnSecondMove {
    explicit ThrowsOnSecondMove(int n) : number(n) {}
    ThrowsOnSecondMove(const ThrowsOnSecondMove&) = default;
    ThrowsOnSecondMove(ThrowsOnSecondMove&& other) : number(other.number), moves(other.moves + 1) {
        if (moves > 1) throw std::runtime_error("moved twice");
    }
    ThrowsOnSecondMove& operator=(ThrowsOnSecondMove&& other) noexcept = default;
    int number;
    int moves = 0;
};

}  // namespace

static_assert(std::is_trivially_copyable_v<Result<std::size_t>>, "returned in registers");
static_assert(std::is_trivially_copyable_v<Result<>>);
static_assert(sizeof(Result<std::size_t>) == 16);
static_assert(!std::is_trivially_copyable_v<Result<std::string>>);
static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<Result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_assignable_v<Result<std::unique_ptr<int>>>);
static_assert(!std::is_nothrow_move_constructible_v<Result<ThrowsOnSecondMove>>);
static_assert(!std::is_default_constructible_v<Result<Counted>>);
static_assert(!std::is_convertible_v<Result<int>, bool>, "only `if (result)`");
static_assert(!std::is_nothrow_constructible_v<Result<int, std::string>, Unexpected<const char*>>);

static_assert(
    [] {
        Result<int> result = 4;
        result = Errc::closed;
        Result<std::vector<int>> numbers = std::vector<int>{1, 2};
        const Result<std::vector<int>> copy = numbers;
        numbers = Errc::full;
        numbers = copy;
        return result == Errc::closed && numbers->size() == 2;
    }(),
    "a Result works in a constant expression");

TEST_CASE("a Result holds the value or the error it was made from", "[base][result]") {
    const Result<int> value = 7;
    CHECK(value.has_value());
    CHECK(static_cast<bool>(value));
    CHECK(*value == 7);
    CHECK(value.value() == 7);

    const Result<int> from_code = Errc::closed;
    CHECK_FALSE(from_code.has_value());
    CHECK(from_code.error() == Errc::closed);
    CHECK(Result<int>(Error(Errc::io, 5)).error().os_error() == 5);
    CHECK(Result<int>(Unexpected(Errc::full)).error() == Errc::full);
    CHECK(Result<int, std::string>(Unexpected("why")).error() == "why");
}

TEST_CASE("a default Result is success", "[base][result]") {
    CHECK(Result<int>() == 0);
    CHECK(Result<>().has_value());
}

TEST_CASE("a Result gives access to the members of its value", "[base][result]") {
    Result<std::string> result = "text";
    CHECK(result->size() == 4);
    result->push_back('s');
    CHECK(*std::as_const(result) == "texts");
    CHECK(std::as_const(result)->back() == 's');
}

TEST_CASE("a move-only value leaves a Result that is an rvalue", "[base][result]") {
    Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
    const std::unique_ptr<int> taken = *std::move(result);
    CHECK(*taken == 3);
    CHECK(*result == nullptr);
}

TEST_CASE("a Result destroys its value once, whatever is assigned to it", "[base][result]") {
    int alive = 0;
    {
        Result<Counted> result = Counted(alive);
        CHECK(alive == 1);
        const Result<Counted> copy = result;
        CHECK(alive == 2);
        result = Errc::closed;
        CHECK(alive == 1);
        result = copy;
        CHECK(alive == 2);
        result = Result<Counted>(Counted(alive));
        CHECK(alive == 2);
        Result<Counted> moved = std::move(result);
        CHECK(alive == 3);
    }
    CHECK(alive == 0);
}

TEST_CASE("a Result assigned to itself keeps its value", "[base][result]") {
    Result<std::vector<int>> result = std::vector<int>{1, 2, 3};
    auto& same = result;
    result = same;
    CHECK(result->size() == 3);
    result = std::move(same);
    CHECK(result->size() == 3);
}

TEST_CASE("an assignment that throws leaves the old error in place", "[base][result]") {
    Result<ThrowsOnSecondMove> result = Errc::timed_out;
    Result<ThrowsOnSecondMove> next = ThrowsOnSecondMove(1);
    CHECK_THROWS_AS(result = std::move(next), std::runtime_error);
    CHECK(result.error() == Errc::timed_out);
}

TEST_CASE("a value that may throw takes the place of a value, and an error that of a value", "[base][result]") {
    Result<ThrowsOnSecondMove> result = ThrowsOnSecondMove(1);
    result = Result<ThrowsOnSecondMove>(ThrowsOnSecondMove(2));
    CHECK(result->number == 2);
    result = Errc::full;
    CHECK(result.error() == Errc::full);
}

TEST_CASE("value_or gives the other value for an error only", "[base][result]") {
    CHECK(half_of(4).value_or(9) == 2);
    CHECK(half_of(3).value_or(9) == 9);
    const Result<std::string> none = Errc::not_found;
    CHECK(none.value_or("default") == "default");
}

TEST_CASE("and_then goes on with the value and hands the error on", "[base][result]") {
    CHECK(half_of(8).and_then(half_of) == 2);
    CHECK(half_of(6).and_then(half_of) == Errc::invalid_argument);
    CHECK(half_of(5).and_then([](int) -> Result<int> { throw std::logic_error("was called"); }) ==
          Errc::invalid_argument);
    const Result<int> kept = 8;
    CHECK(kept.and_then(half_of) == 4);
    CHECK(kept == 8);
}

TEST_CASE("transform changes the value and hands the error on", "[base][result]") {
    CHECK(half_of(8).transform([](int n) { return std::to_string(n); }) == "4");
    CHECK(half_of(7).transform([](int n) { return std::to_string(n); }) == Errc::invalid_argument);
    int seen = 0;
    const Result<> nothing = half_of(8).transform([&](int n) { seen = n; });
    CHECK(nothing.has_value());
    CHECK(seen == 4);
    const Result<int> kept = 8;
    CHECK(kept.transform([](int n) { return n + 1; }) == 9);
    CHECK(kept.transform([&](int n) { seen = n; }).has_value());
    CHECK(seen == 8);
}

TEST_CASE("or_else and transform_error see the error only", "[base][result]") {
    const auto forgive = [](const Error& error) -> Result<int> {
        if (error == Errc::invalid_argument) return -1;
        return error;
    };
    CHECK(half_of(3).or_else(forgive) == -1);
    CHECK(half_of(4).or_else(forgive) == 2);
    const Result<int> closed = Errc::closed;
    CHECK(closed.or_else(forgive) == Errc::closed);

    const auto describe = [](const Error& error) { return std::string(to_string(error.code())); };
    CHECK(closed.transform_error(describe).error() == "closed");
    CHECK(Result<int>(5).transform_error(describe) == 5);
    CHECK(closed.transform_error([](const Error& error) { return error.code(); }).error() == Errc::closed);
}

TEST_CASE("a Result<void> has the same chain without a value", "[base][result]") {
    const Result<> good;
    const Result<> bad = Errc::broken_pipe;
    good.value();
    CHECK(good.and_then([] { return half_of(4); }) == 2);
    CHECK(bad.and_then([] { return half_of(4); }) == Errc::broken_pipe);
    CHECK(Result<>(bad).and_then([] { return half_of(4); }) == Errc::broken_pipe);
    CHECK(good.transform([] { return 3; }) == 3);
    CHECK(bad.transform([] { return 3; }) == Errc::broken_pipe);
    CHECK(Result<>(bad).transform([] {}) == Errc::broken_pipe);
    CHECK(bad.or_else([](const Error&) { return Result<>(); }).has_value());
    CHECK(good.or_else([](const Error& error) -> Result<> { return error; }).has_value());
    CHECK(bad.transform_error([](const Error& error) { return error.code(); }).error() == Errc::broken_pipe);
    CHECK(bad == Unexpected(Errc::broken_pipe));
    CHECK_FALSE(good == bad);
    CHECK(good == Result<>());
}

TEST_CASE("Results compare by value, by error, and with either", "[base][result]") {
    const Result<std::size_t> seven = 7U;
    CHECK(seven == 7);
    CHECK(seven != 8);
    CHECK_FALSE(Result<std::size_t>(static_cast<std::size_t>(-1)) == -1);
    CHECK(Result<int>(-1) != 0xffff'ffffU);
    CHECK(seven == Result<std::size_t>(7U));
    CHECK(seven != Errc::closed);
    CHECK_FALSE(seven == Result<std::size_t>(Errc::closed));
    CHECK(Result<std::size_t>(Errc::closed) == Unexpected(Errc::closed));
    CHECK_FALSE(Result<std::size_t>(Errc::closed) == Unexpected(Errc::full));
    CHECK_FALSE(Result<std::size_t>(Errc::closed) == 0);
    CHECK(Result<std::unique_ptr<int>>(Errc::closed) == Errc::closed);
}

TEST_CASE("reading a Result as what it is not aborts", "[base][result]") {
    CHECK_FALSE(aborts([] { static_cast<void>(Result<int>(1).value()); }));
    CHECK(aborts([] { static_cast<void>(Result<int>(Errc::closed).value()); }));
    CHECK(aborts([] { static_cast<void>(*Result<int>(Errc::closed)); }));
    CHECK(aborts([] { static_cast<void>(Result<std::string>(Errc::closed)->size()); }));
    CHECK(aborts([] { static_cast<void>(Result<int>(1).error()); }));
    CHECK(aborts([] { Result<>(Errc::closed).value(); }));
    CHECK(aborts([] { static_cast<void>(Result<>().error()); }));
}

#if defined(__cpp_lib_expected)
TEST_CASE("a Result converts to std::expected and back", "[base][result]") {
    const std::expected<int, Error> value = Result<int>(7);
    CHECK(value.value() == 7);
    const std::expected<int, Error> error = Result<int>(Errc::closed);
    CHECK(error.error() == Errc::closed);
    CHECK(Result<int>(value) == 7);
    CHECK(Result<int>(error) == Errc::closed);

    const Result<std::string> kept = "text";
    const std::expected<std::string, Error> copy = kept;
    CHECK(*copy == "text");
    CHECK(kept == "text");
    std::expected<std::unique_ptr<int>, Error> owned = Result<std::unique_ptr<int>>(std::make_unique<int>(3));
    CHECK(**Result<std::unique_ptr<int>>(std::move(owned)) == 3);

    const std::expected<void, Error> done = Result<>();
    CHECK(done.has_value());
    const std::expected<void, Error> failed = Result<>(Errc::full);
    CHECK(Result<>(failed) == Errc::full);
    CHECK(Result<>(done).has_value());
}
#endif
