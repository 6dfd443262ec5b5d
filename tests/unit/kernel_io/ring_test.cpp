// What comes out of a ring when something goes in.

#if __has_include(<liburing.h>)

#include "support/catch.hpp"

#include "uring/ring.hpp"

#include <skerry/base/owned_fd.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry::kernel_io::uring {
namespace {

struct Listener final : Requester {
    void on_completion(unsigned, int result, std::uint32_t) noexcept override {
        ++heard;
        last = result;
    }
    unsigned heard = 0;
    int last = 0;
};

/// Two sockets, of which one has little room for what nobody reads.
struct Narrow {
    Narrow() {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        here = OwnedFd(ends[0]);
        there = OwnedFd(ends[1]);
        const int room = 16 * 1024;
        REQUIRE(::setsockopt(here.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
    }
    [[nodiscard]] std::vector<std::byte> read_all() const {
        std::vector<std::byte> came(64 * 1024);
        const auto count = ::recv(there.get(), came.data(), came.size(), MSG_DONTWAIT);
        came.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
        return came;
    }
    OwnedFd here;
    OwnedFd there;
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

TEST_CASE("of sends that are over at once those are answered that the kernel did not take whole", "[kernel_io][ring]") {
    auto ring = Ring::make(GENERATE(false, true));
    if (!ring) {
        WARN("skipped: no ring: " << ring.error().message());
        return;
    }
    const Narrow sockets;
    std::vector<std::byte> words(64 * 1024);
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::byte>(i * 7 + i / 251);
    const std::span<const std::byte> all(words);
    Listener whole;
    Listener part;
    Listener nothing;
    const auto send = [&](Listener& listener, std::span<const std::byte> bytes) {
        REQUIRE(ring->request(listener, 1,
                              [&](io_uring_sqe* entry) { prepare_send_at_once(entry, sockets.here.get(), bytes); }));
    };
    send(whole, all.first(5));
    send(part, all.subspan(5));
    send(nothing, all.first(1));
    ring->hand_in();
    ring->dispatch();
    CHECK(whole.heard == 0);
    CHECK(part.heard == 1);
    CHECK(nothing.heard == 1);
    CHECK(nothing.last == -EAGAIN);
    REQUIRE(part.last > 0);
    const std::vector<std::byte> came = sockets.read_all();
    REQUIRE(came.size() == 5 + static_cast<std::size_t>(part.last));
    CHECK(came.size() < words.size());
    CHECK(std::equal(came.begin(), came.end(), words.begin()));
}

TEST_CASE("completions of one purpose are handed out in front of others, and once", "[kernel_io][ring]") {
    auto ring = Ring::make(false);
    if (!ring) {
        WARN("skipped: no ring: " << ring.error().message());
        return;
    }
    Listener before;
    Listener other;
    Listener wanted;
    const auto ask = [&](Listener& listener, unsigned purpose) {
        REQUIRE(ring->request(listener, purpose, [](io_uring_sqe* entry) { ::io_uring_prep_nop(entry); }));
    };
    ask(before, 1);
    ring->submit();
    const unsigned first = ring->next_completion();
    ask(other, 0);
    ask(wanted, 1);
    ring->submit();
    ring->dispatch_first(1, first);
    CHECK(wanted.heard == 1);
    CHECK(before.heard + other.heard == 0);
    CHECK(ring->completions() > 1);
    ring->dispatch();
    CHECK(wanted.heard == 1);
    CHECK(before.heard == 1);
    CHECK(other.heard == 1);
    ring->dispatch_first(1, first);  // all of them have been
    CHECK(before.heard + other.heard + wanted.heard == 3);
}

}  // namespace
}  // namespace skerry::kernel_io::uring

#endif
