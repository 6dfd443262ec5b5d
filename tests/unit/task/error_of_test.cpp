#include <skerry/task/error_of.hpp>

#include "support/catch.hpp"

#include <exception>
#include <new>
#include <stdexcept>

using namespace skerry;

TEST_CASE("a task that found no memory ends as no_memory, every other without a value as cancelled", "[task][error]") {
    CHECK(error_of(JoinError(std::make_exception_ptr(std::bad_alloc()))) == Errc::no_memory);
    CHECK(error_of(JoinError(std::make_exception_ptr(std::bad_array_new_length()))) == Errc::no_memory);
    CHECK(error_of(JoinError(std::make_exception_ptr(std::runtime_error("on purpose")))) == Errc::cancelled);
    CHECK(error_of(JoinError(std::make_exception_ptr(7))) == Errc::cancelled);
    CHECK(error_of(JoinError()) == Errc::cancelled);
}
