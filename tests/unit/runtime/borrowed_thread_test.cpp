// A current_thread runtime that is bound to a core binds the program's thread, and leaves it as it was.

#include "support/catch.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/topology/bind_thread.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <sys/prctl.h>

#include <optional>
#include <utility>

namespace skerry {
namespace {

struct Thread {
    topology::CpuSet cpus = topology::current_affinity().value();
    int slack_ns = ::prctl(PR_GET_TIMERSLACK, 0UL, 0UL, 0UL, 0UL);

    friend bool operator==(const Thread&, const Thread&) = default;
};

runtime::Runtime bound_to(const topology::CpuSet& core) {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.cores = core;
    auto built = runtime::Builder(config).build();
    REQUIRE(built);
    return std::move(*built);
}

TEST_CASE("a thread that was a core is as it was when its runtime has ended", "[runtime]") {
    const Thread before;
    {
        const auto runtime = bound_to(before.cpus.lowest(1));
        CHECK(Thread().cpus == before.cpus.lowest(1));
        CHECK(Thread().slack_ns < before.slack_ns);
    }
    CHECK(Thread() == before);
}

TEST_CASE("a thread that was the core of two runtimes is as it was when both have ended", "[runtime]") {
    const Thread before;
    const topology::CpuSet core = before.cpus.lowest(1);
    auto one = std::optional(bound_to(core));
    auto other = std::optional(bound_to(core));
    one.reset();
    CHECK(Thread().cpus == core);
    other.reset();
    CHECK(Thread() == before);
}

TEST_CASE("a thread whose runtime was not bound stays unbound", "[runtime]") {
    const Thread before;
    {
        runtime::Config config;
        config.flavour = runtime::Flavour::current_thread;
        const auto runtime = runtime::Builder(config).build();
        REQUIRE(runtime);
        CHECK(Thread().cpus == before.cpus);
    }
    CHECK(Thread() == before);
}

}  // namespace
}  // namespace skerry
