#pragma once

// The one file that knows Catch2 and its version. Debian 12 has 2.13: one header, no SKIP(), no library with a
// main. Results are checked on the main thread only: Catch2's assertions are not thread safe.

// Without a try block around each assertion, which is a fifth of what a file of tests compiles for. What is thrown in
// an assertion then ends its case, as failed, where otherwise the case would go on behind a CHECK.
#define CATCH_CONFIG_FAST_COMPILE
#include <catch2/catch.hpp>

namespace skerry::tests {

/// What main() returns for a program that cannot run here; it prints the reason first, and CTest reports *skipped*.
inline constexpr int skip_exit_code = 77;

/// Runs the test cases that the command line selects, all without one. For programs with a main() of their own;
/// the others get it from support/main.cpp.
int run_all(int argc, char** argv);

}  // namespace skerry::tests
