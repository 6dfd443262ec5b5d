// In which order the drivers of the kernel's sockets are tried, and what is said of it.

#include "support/catch.hpp"

#include <skerry/kernel_io/backend.hpp>

#include <algorithm>
#include <memory>
#include <string>

namespace skerry {
namespace {

backend::Options options_for(bool mostly_datagrams) {
    backend::Options options;
    options.have_own_threads = true;
    options.mostly_datagrams = mostly_datagrams;
    return options;
}

TEST_CASE("epoll comes before io_uring for datagrams, and says so where io_uring is first for streams",
          "[kernel_io][ladder]") {
    const auto backend = kernel_io::make_backend();
    const auto streams = backend->ladder(options_for(false));
    const auto datagrams = backend->ladder(options_for(true));
    CHECK(datagrams.front() == "epoll");
    CHECK(std::is_permutation(datagrams.begin(), datagrams.end(), streams.begin(), streams.end()));

    const auto says_so = [&](bool mostly_datagrams) {
        const std::string reason = backend->probe("epoll", options_for(mostly_datagrams)).reason;
        return reason.find("with datagrams it is ahead of io_uring") != std::string::npos;
    };
    CHECK(says_so(true) == (streams.front() == "io_uring"));
    CHECK_FALSE(says_so(false));
}

}  // namespace
}  // namespace skerry
