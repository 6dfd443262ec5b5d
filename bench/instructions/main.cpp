// skerry-instructions: does each operation a fixed number of times, for callgrind to count. Run by check.py, which
// knows how the parts of the count belong to the lines that are printed here, OPERATION,COUNT:
//
//   skerry-instructions               three parts for each: what came before, COUNT operations, twice as many
//   skerry-instructions --toolchain   the compiler and C library, and the build, that the counts belong to
//
// The difference of the last two parts, divided by COUNT, is what one operation takes: starting the body, its set-up
// and its end are in both.

#include "operations.hpp"

#include <skerry/testing/runtime.hpp>
#include <skerry/time/clock.hpp>

#include <gnu/libc-version.h>

#include <cstdio>
#include <string_view>
#include <vector>

extern "C" void skerry_instructions_mark();

namespace skerry::instructions {

namespace {

#if defined(__clang__)
constexpr const char* compiler = "clang " __clang_version__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

/// The clock looks at the machine before it takes the counter; a task's budget looks at the clock. Here every machine
/// has the counter, so that this look takes as many instructions everywhere. Nothing depends on what it shows; but
/// where the clock has refused the counter, nobody has begun its line, and who reads it would wait for that.
void take_the_counter() {
    time::detail::ClockState& clock = time::detail::clock_state;
    if (time::Clock::source() == time::ClockSource::monotonic)
        clock.scale.start(time::detail::read_counter(), time::Clock::now_ns(), clock.cycles_per_ns.load());
    clock.source.store(time::ClockSource::tsc);
}

template <class Run>
void run(const Operation& operation, Run run) {
    run(2 * operation.count);  // now everything has the size it needs
    skerry_instructions_mark();
    run(operation.count);
    skerry_instructions_mark();
    run(2 * operation.count);
    skerry_instructions_mark();
    std::printf("%s,%zu\n", operation.name, operation.count);
}

void run(const Operation& operation) {
    if (operation.run != nullptr) return run(operation, operation.run);
    testing::Options options;
    options.seed = 1;
    testing::Runtime runtime(options);
    run(operation, [&](std::size_t count) { runtime.run(operation.body(count)); });
}

}  // namespace

}  // namespace skerry::instructions

int main(int argc, char** argv) {
    using namespace skerry::instructions;
    if (argc == 2 && std::string_view(argv[1]) == "--toolchain") {
        std::printf("%s, glibc %s; %s\n", compiler, gnu_get_libc_version(), SKERRY_BUILD);
        return 0;
    }
    if (argc != 1) {
        std::fprintf(stderr, "skerry-instructions: the only option is --toolchain\n");
        return 2;
    }
    std::vector<Operation> operations;
    add_task_operations(operations);
    add_sync_operations(operations);
    add_timer_operations(operations);
    add_buffer_operations(operations);
    add_network_operations(operations);
    add_stack_operations(operations);
    add_echo_operations(operations);
    take_the_counter();
    for (const Operation& operation : operations) run(operation);
    return 0;
}
