// How many buffers the kernel is given to receive into.

#if __has_include(<liburing.h>)

#include "support/catch.hpp"

#include "uring/receive_buffers.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace skerry::kernel_io::uring {
namespace {

// Turns, of those that fill slots, until it is looked at whether fewer would do: behind a look that says so some fill
// none. Where one comes in a turn only each so many of them do.
constexpr unsigned looks_apart = 256 + 16;
constexpr unsigned of_one_in_32 = 9;
constexpr unsigned of_two_in_16 = 3;
constexpr std::size_t small = 64;
constexpr std::size_t bulk = 60 * 1024;

/// One socket, into whose other end the test writes.
class Fixture : private Requester {
public:
    Fixture() {
        auto made = Ring::make(true);
        if (!made) {
            WARN("without io_uring: " << made.error().message());
            return;
        }
        ring_.emplace(std::move(*made));
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_.data()) == 0);
        buffers.emplace(std::uint16_t{0});
        REQUIRE(buffers->provide(*ring_));
    }
    ~Fixture() {
        if (!is_here()) return;
        for (const int end : ends_) ::close(end);
        ring_->end_all();
        held.clear();
        buffers->withdraw(*ring_);
    }
    [[nodiscard]] bool is_here() const { return buffers.has_value(); }

    /// In each of so many turns `count` messages come, and are let go before the slots are filled again.
    void turns(unsigned turns, unsigned count, std::size_t bytes) {
        for (unsigned turn = 0; turn < turns; ++turn) {
            receive(count, bytes);
            held.clear();
            buffers->refill();
        }
    }
    void receive(unsigned count, std::size_t bytes) {
        const std::vector<std::byte> message(bytes);
        const std::size_t wanted = held.size() + count;
        for (unsigned i = 0; i < count; ++i)
            REQUIRE(::send(ends_[0], message.data(), bytes, 0) == static_cast<ssize_t>(bytes));
        while (held.size() < wanted) {
            if (!is_asked_) ask();
            ring_->enter();
            (void)ring_->dispatch();
        }
    }

    std::optional<ReceiveBuffers> buffers;
    std::vector<IoBuf> held;

private:
    void ask() {
        is_asked_ = ring_->request(*this, 0, [this](io_uring_sqe* entry) {
            ::io_uring_prep_recv_multishot(entry, ends_[1], nullptr, 0, 0);
            entry->flags |= IOSQE_BUFFER_SELECT;
            entry->buf_group = ReceiveBuffers::group;
        });
    }
    void on_completion(unsigned, int result, std::uint32_t flags) noexcept override {
        if ((flags & IORING_CQE_F_MORE) == 0) is_asked_ = false;
        if (result > 0) held.push_back(buffers->take(flags, static_cast<std::size_t>(result)));
    }

    std::optional<Ring> ring_;
    std::array<int, 2> ends_{-1, -1};
    bool is_asked_ = false;
};

TEST_CASE("the kernel is given sixteen buffers, twice as many when they do not suffice, and 256 at most",
          "[kernel_io][io_uring]") {
    Fixture f;
    if (!f.is_here()) return;
    CHECK(f.buffers->given() == 16);
    f.buffers->widen(1);
    CHECK(f.buffers->given() == 32);
    for (int i = 0; i < 5; ++i) f.buffers->widen(1);
    CHECK(f.buffers->given() == 256);
}

TEST_CASE("half as many buffers when fewer than half of them would do, and sixteen at least", "[kernel_io][io_uring]") {
    Fixture f;
    if (!f.is_here()) return;
    f.buffers->widen(1);
    f.buffers->widen(1);
    REQUIRE(f.buffers->given() == 64);
    f.turns(2 * looks_apart, 32, small);  // half
    CHECK(f.buffers->given() == 64);
    f.turns(2 * looks_apart, 31, small);  // in the first of the two there may have been more
    CHECK(f.buffers->given() == 32);
    f.turns(3 * looks_apart * of_one_in_32, 1, small);
    CHECK(f.buffers->given() <= 16);
    CHECK(f.buffers->given() >= 12);  // as a quarter may be missing
}

TEST_CASE("what comes in bulk gets two buffers while no second socket waits for one", "[kernel_io][io_uring]") {
    Fixture f;
    if (!f.is_here()) return;
    f.turns((of_two_in_16 + 2) * looks_apart, 2, bulk);
    CHECK(f.buffers->given() == 2);
    f.buffers->widen(1);
    CHECK(f.buffers->given() == 2);
    f.buffers->widen(2);
    CHECK(f.buffers->given() == 4);
    f.turns(looks_apart, 1, bulk);  // those who waited may wait again
    CHECK(f.buffers->given() == 4);
    f.turns(looks_apart, 1, bulk);
    CHECK(f.buffers->given() == 2);
}

TEST_CASE("one socket that waits gets more buffers when bulk is long ago", "[kernel_io][io_uring]") {
    Fixture f;
    if (!f.is_here()) return;
    f.turns((of_two_in_16 + 2) * looks_apart, 2, bulk);
    REQUIRE(f.buffers->given() == 2);
    f.turns(16 * looks_apart, 1, small);
    f.buffers->widen(1);
    CHECK(f.buffers->given() == 4);
}

TEST_CASE("buffers that programs hold are scarce, then exhausted, and come back", "[kernel_io][io_uring]") {
    Fixture f;
    if (!f.is_here()) return;
    while (!f.buffers->are_scarce()) {
        REQUIRE_FALSE(f.buffers->are_exhausted());
        f.receive(1, small);
        f.buffers->refill();
    }
    CHECK(f.held.size() > 1024);
    while (!f.buffers->are_exhausted()) f.receive(1, small);
    CHECK(f.buffers->given() == 0);
    CHECK(f.buffers->out() == 1024 + 256);
    f.held.clear();
    CHECK_FALSE(f.buffers->are_exhausted());
    CHECK(f.buffers->given() == 16);
    CHECK_FALSE(f.buffers->are_scarce());
}

}  // namespace
}  // namespace skerry::kernel_io::uring

#endif
