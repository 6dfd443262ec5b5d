// The implementation of Catch2, compiled once for all test programs. It has no main(), so that a program may bring
// its own and decide there whether it can run at all.

#define CATCH_CONFIG_RUNNER
// The sanitizers report a bad access better than Catch2's signal handlers, which would take it from them.
#if defined(SKERRY_HAND_OVER)
#define CATCH_CONFIG_NO_POSIX_SIGNALS
#endif

#include "support/catch.hpp"

namespace skerry::tests {

int run_all(int argc, char** argv) { return Catch::Session().run(argc, argv); }

}  // namespace skerry::tests
