// In which order the drivers of the kernel's sockets are tried, and what is said of it.

#include "support/catch.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <algorithm>
#include <memory>
#include <string>

#if __has_include(<liburing.h>)
#include "uring/backend.hpp"
#endif

namespace skerry {
namespace {

backend::Options options_for(bool mostly_datagrams, bool have_own_threads = true) {
    backend::Options options;
    options.by_ladder = true;
    options.have_own_threads = have_own_threads;
    options.mostly_datagrams = mostly_datagrams;
    return options;
}

constexpr const char* why = "with datagrams it is ahead of io_uring";

TEST_CASE("epoll comes before io_uring for datagrams, and says so where io_uring is first for streams",
          "[kernel_io][ladder]") {
    const auto backend = kernel_io::make_backend();
    const auto streams = backend->ladder(options_for(false));
    const auto datagrams = backend->ladder(options_for(true));
    CHECK(datagrams.front() == "epoll");
    CHECK(std::is_permutation(datagrams.begin(), datagrams.end(), streams.begin(), streams.end()));

    const auto says_so = [&](bool mostly_datagrams) {
        return backend->probe("epoll", options_for(mostly_datagrams)).reason.find(why) != std::string::npos;
    };
    CHECK(says_so(true) == (streams.front() == "io_uring"));
    CHECK_FALSE(says_so(false));
}

TEST_CASE("a driver that was named is not said to be ahead of another", "[kernel_io][ladder]") {
    const auto traffic = GENERATE(runtime::Traffic::datagrams, runtime::Traffic::streams);
    const auto flavour = GENERATE(runtime::Flavour::current_thread, runtime::Flavour::per_core);
    runtime::Config config;
    config.backend = "epoll";
    config.flavour = flavour;
    config.traffic = traffic;
    auto runtime = runtime::Builder(config).offer(kernel_io::make_backend()).build();
    REQUIRE(runtime);
    CHECK(runtime->reason() == "the kernel's sockets, readiness by epoll");
}

#if __has_include(<liburing.h>)

TEST_CASE("io_uring stands before epoll for streams from Linux 6.18 on, on threads of its own", "[kernel_io][ladder]") {
    using kernel_io::uring::Standing;
    using kernel_io::uring::standing_on;
    CHECK(standing_on("6.18.0", options_for(false)) == Standing::ahead);
    CHECK(standing_on("7.0-rc1", options_for(false)) == Standing::ahead);
    CHECK(standing_on("6.18.44-generic", options_for(true)) == Standing::behind_with_datagrams);
    for (const char* const release : {"6.17.9", "6.1.0-40-amd64", "5.15", "6", "", "unknown"}) {
        CAPTURE(release);
        CHECK(standing_on(release, options_for(false)) == Standing::behind_on_old_kernels);
        CHECK(standing_on(release, options_for(true)) == Standing::behind_on_old_kernels);
    }
    CHECK(standing_on("6.18.0", options_for(false, false)) == Standing::behind_without_threads);
    CHECK(standing_on("6.18.0", options_for(true, false)) == Standing::behind_without_threads);
}

TEST_CASE("the driver that the ladder takes says why it comes first", "[kernel_io][ladder]") {
    using kernel_io::uring::Standing;
    using kernel_io::uring::why_epoll;
    CHECK(why_epoll(Standing::behind_on_old_kernels) == "; with streams io_uring is ahead of it from Linux 6.18 on");
    CHECK(why_epoll(Standing::behind_without_threads) ==
          "; with streams io_uring is ahead of it on threads of its own");
    CHECK(why_epoll(Standing::ahead).empty());
    const auto backend = kernel_io::make_backend();
    const auto options = options_for(false);
    const auto first = std::string(backend->ladder(options).front());
    const auto probe = backend->probe(first, options);
    INFO(probe.reason);
    CHECK((!probe.usable || probe.reason.find("ahead of") != std::string::npos));
}

#endif

}  // namespace
}  // namespace skerry
