// One task at a time reads standard input, and one writes standard output: more are a bug of the program, which is
// told.

#include <skerry/io/stdio.hpp>

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/select.hpp>

#include "support/catch.hpp"
#include "support/death.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace skerry {
namespace {

runtime::Runtime make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    auto runtime = runtime::Builder(config).offer(kernel_io::make_backend()).build();
    if (!runtime) std::_Exit(1);
    return std::move(*runtime);
}

Task<> some_turns() {
    for (int i = 0; i < 3; ++i) co_await yield_to_driver();
}

/// Puts a pipe's end at `number`, and keeps the other. For a process that ends soon.
void stand_in_pipe(int number) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0 || ::dup2(ends[number == 0 ? 0 : 1], number) != number) std::_Exit(1);
}

TEST_CASE("two reads at once of standard input are told as the bug they are", "[integration][stdio]") {
    CHECK(tests::aborts([] {
        stand_in_pipe(0);
        make_runtime().block_on([]() -> Task<> {
            auto in = io::Stdin::open();
            if (!in) co_return;
            std::array<std::byte, 4> some;
            auto event = co_await select_biased(in->read(some), in->read_buf(), some_turns());
            (void)event;
        }());
    }));
}

TEST_CASE("two writes at once to one standard output are told as the bug they are", "[integration][stdio]") {
    CHECK(tests::aborts([] {
        stand_in_pipe(1);
        make_runtime().block_on([]() -> Task<> {
            auto out = io::Stdout::open();
            if (!out) co_return;
            const std::vector<std::byte> much(std::size_t{1} << 20U);
            auto event = co_await select_biased(out->write_all(much), out->write(much), some_turns());
            (void)event;
        }());
    }));
}

}  // namespace
}  // namespace skerry
