#include "support/catch.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <poll.h>

using namespace skerry;

namespace {

bool is_readable(int fd) {
    pollfd polled{fd, POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1;
}

Task<> set(bool* flag) {
    *flag = true;
    co_return;
}

}  // namespace

TEST_CASE("the wake descriptor is readable after a post and quiet after the turn that takes it", "[kernel_io][poll]") {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.pin = false;
    config.backend = "epoll";
    auto runtime = runtime::Builder(config).offer(kernel_io::make_backend()).build();
    REQUIRE(runtime.has_value());
    const auto turn_until_idle = [&] {
        while (runtime->poll_once() != time::Instant::max()) {
        }
    };
    const int fd = runtime->wake_fd();
    REQUIRE(fd >= 0);
    for (int round = 0; round < 3; ++round) {
        turn_until_idle();
        CHECK_FALSE(is_readable(fd));
        bool done = false;
        runtime->handle().spawn(set(&done)).detach();
        CHECK(is_readable(fd));
        turn_until_idle();
        CHECK(done);
    }
}
