// What comes out of a ring when something goes in.

#if __has_include(<liburing.h>)

#include "support/catch.hpp"

#include "uring/ring.hpp"

#include <skerry/base/owned_fd.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace skerry::kernel_io::uring {
namespace {

struct Listener final : Requester {
    void on_completion(unsigned, int, std::uint32_t) noexcept override { ++heard; }
    unsigned heard = 0;
};

TEST_CASE("with what is handed in nothing comes that is due", "[kernel_io][ring]") {
    auto ring = Ring::make(true);
    if (!ring) {
        WARN("skipped: no ring that only its thread uses: " << ring.error().message());
        return;
    }
    std::array<int, 2> ends;
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const OwnedFd outlet(ends[0]);
    const OwnedFd intake(ends[1]);
    Listener waits;
    Listener ends_at_once;
    REQUIRE(
        ring->request(waits, 0, [&](io_uring_sqe* entry) { ::io_uring_prep_poll_add(entry, outlet.get(), POLLIN); }));
    ring->submit();
    REQUIRE(::write(intake.get(), "x", 1) == 1);

    REQUIRE(ring->request(ends_at_once, 0, [](io_uring_sqe* entry) { ::io_uring_prep_nop(entry); }));
    ring->hand_in();
    ring->dispatch();
    CHECK(ends_at_once.heard == 1);
    CHECK(waits.heard == 0);

    ring->enter();
    ring->dispatch();
    CHECK(waits.heard == 1);
}

}  // namespace
}  // namespace skerry::kernel_io::uring

#endif
