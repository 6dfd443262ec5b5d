// Frames on their way between cores: the rings, and who is woken.

#include "support/catch.hpp"

#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/steering/core_steering.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace skerry {
namespace {

using namespace stack;
using backend::Frame;
using backend::HeapFrames;

std::shared_ptr<Steering> make_steering(std::uint16_t cores, std::uint16_t queues, std::size_t ring_frames = 8) {
    SteeringOptions options;
    options.cores = cores;
    options.queues = queues;
    options.ring_frames = ring_frames;
    options.flows_max = 64;
    options.seed = 7;
    return std::make_shared<Steering>(options);
}

/// One core's end, without a stack.
struct Core {
    Core(const std::shared_ptr<Steering>& shared, std::uint16_t core)
        : steering({shared, core}, hosts, more, frames, drops) {}

    Frame& frame(std::uint32_t number) {
        Frame* const made = frames.allocate();
        REQUIRE(made != nullptr);
        std::memcpy(made->data, &number, sizeof number);
        made->length = sizeof number;
        return *made;
    }
    /// Numbers of what has come. `slots` at once.
    std::vector<std::uint32_t> received(std::size_t slots = 4) {
        std::vector<std::uint32_t> numbers;
        std::array<Frame*, 64> burst;
        while (steering.has_arrived()) {
            const std::size_t count = steering.receive(std::span(burst).first(slots));
            note(numbers, std::span(burst).first(count));
            const std::size_t to_send = steering.receive_for_wire(std::span(burst).first(slots));
            note(for_wire, std::span(burst).first(to_send));
        }
        return numbers;
    }
    static void note(std::vector<std::uint32_t>& numbers, std::span<Frame* const> burst) {
        for (Frame* const frame : burst) {
            std::uint32_t number = 0;
            std::memcpy(&number, frame->data, sizeof number);
            numbers.push_back(number);
            frame->drop();
        }
    }

    Hosts hosts{7, {}, {}};
    MoreIpv4 more;
    HeapFrames frames;
    DropCounters drops;
    CoreSteering steering;
    std::vector<std::uint32_t> for_wire;
};

std::vector<std::uint32_t> numbers(std::uint32_t first, std::uint32_t count) {
    std::vector<std::uint32_t> all;
    for (std::uint32_t i = 0; i < count; ++i) all.push_back(first + i);
    return all;
}

TEST_CASE("what is handed over arrives with the flush, in order", "[stack][steering]") {
    const auto shared = make_steering(2, 2);
    Core a(shared, 0);
    Core b(shared, 1);
    for (std::uint32_t i = 0; i < 6; ++i) a.steering.hand_over(1, a.frame(i));
    CHECK(b.received().empty());
    a.steering.flush();
    CHECK(b.received() == numbers(0, 6));
    CHECK(a.received().empty());
    CHECK(a.steering.stats().sent == 6);
    CHECK(b.steering.stats().received == 6);
    CHECK(a.frames.out() == 0);
}

TEST_CASE("a full ring drops what comes next and says so; others go on", "[stack][steering]") {
    const auto shared = make_steering(3, 3, 8);
    Core a(shared, 0);
    Core b(shared, 1);
    Core c(shared, 2);
    for (std::uint32_t i = 0; i < 10; ++i) a.steering.hand_over(1, a.frame(i));
    a.steering.hand_over(2, a.frame(100));
    CHECK(a.drops[Drop::steering_full] == 2);
    CHECK(a.frames.out() == 9);
    a.steering.flush();
    CHECK(b.received() == numbers(0, 8));
    CHECK(c.received() == numbers(100, 1));
    a.steering.hand_over(1, a.frame(11));
    a.steering.flush();
    CHECK(b.received() == numbers(11, 1));
}

TEST_CASE("a core that always has something keeps no other one waiting", "[stack][steering]") {
    const auto shared = make_steering(3, 3, 8);
    Core a(shared, 0);
    Core b(shared, 1);
    Core c(shared, 2);
    b.steering.hand_over(2, b.frame(100));
    b.steering.flush();
    std::vector<std::uint32_t> got;
    for (std::uint32_t turn = 0; turn < 2; ++turn) {
        for (std::uint32_t i = 0; i < 4; ++i) a.steering.hand_over(2, a.frame(i));
        a.steering.flush();
        std::array<Frame*, 4> burst;
        REQUIRE(c.steering.has_arrived());
        Core::note(got, std::span(burst).first(c.steering.receive(burst)));
    }
    CHECK(got == std::vector<std::uint32_t>{0, 1, 2, 3, 100, 0, 1, 2});
    CHECK(c.received() == numbers(3, 1));
}

TEST_CASE("a core that always sends keeps no other one's frames from the wire", "[stack][steering]") {
    const auto shared = make_steering(3, 1, 8);
    Core a(shared, 0);
    Core b(shared, 1);
    Core c(shared, 2);
    REQUIRE(c.steering.send(c.frame(100)));
    c.steering.flush();
    std::vector<std::uint32_t> got;
    for (std::uint32_t turn = 0; turn < 2; ++turn) {
        for (std::uint32_t i = 0; i < 4; ++i) REQUIRE(b.steering.send(b.frame(i)));
        b.steering.flush();
        std::array<Frame*, 4> burst;
        REQUIRE(a.steering.has_arrived());
        Core::note(got, std::span(burst).first(a.steering.receive_for_wire(burst)));
    }
    CHECK(got == std::vector<std::uint32_t>{0, 1, 2, 3, 100, 0, 1, 2});
    CHECK(a.received().empty());
    CHECK(a.for_wire == numbers(3, 1));
}

TEST_CASE("a frame that its core holds too crosses as a copy", "[stack][steering]") {
    const auto shared = make_steering(2, 2);
    Core a(shared, 0);
    Core b(shared, 1);
    Frame& kept = a.frame(1);
    kept.flags = backend::frame_flag::kept;
    ++kept.handles;
    a.steering.hand_over(1, kept);
    CHECK(kept.handles == 1);
    const std::uint32_t other = 2;
    std::memcpy(kept.data, &other, sizeof other);  // the sender writes its next headers
    a.steering.flush();
    CHECK(b.received() == numbers(1, 1));
    kept.drop();
    CHECK(a.frames.out() == 0);
}

TEST_CASE("each of the cores named gets a copy", "[stack][steering]") {
    const auto shared = make_steering(3, 3);
    Core a(shared, 0);
    Core b(shared, 1);
    Core c(shared, 2);
    Frame& frame = a.frame(9);
    a.steering.copy_to(a.steering.others(), frame.bytes(), frame);
    frame.drop();
    a.steering.flush();
    CHECK(b.received() == numbers(9, 1));
    CHECK(c.received() == numbers(9, 1));
}

TEST_CASE("only a core that sleeps is woken, once a batch", "[stack][steering]") {
    const auto shared = make_steering(2, 2);
    Core a(shared, 0);
    Core b(shared, 1);
    int woken = 0;
    b.steering.set_waker([](void* count) noexcept { ++*static_cast<int*>(count); }, &woken);
    a.steering.hand_over(1, a.frame(0));
    a.steering.flush();
    CHECK(woken == 0);
    CHECK_FALSE(b.steering.arm(true));  // something has come
    CHECK(b.received() == numbers(0, 1));
    REQUIRE(b.steering.arm(true));
    CHECK(b.steering.arm(true));
    for (std::uint32_t i = 1; i < 6; ++i) a.steering.hand_over(1, a.frame(i));
    a.steering.flush();
    CHECK(woken == 1);
    CHECK(b.received() == numbers(1, 5));
    a.steering.hand_over(1, a.frame(6));
    a.steering.flush();
    CHECK(woken == 1);  // awake
    CHECK(b.received() == numbers(6, 1));
}

TEST_CASE("a core without a queue sends by another's, whose rings keep the two kinds apart", "[stack][steering]") {
    const auto shared = make_steering(3, 2);
    Core a(shared, 0);
    Core b(shared, 1);
    Core c(shared, 2);
    CHECK(b.steering.has_queue());
    CHECK_FALSE(c.steering.has_queue());
    for (std::uint32_t i = 0; i < 8; ++i) REQUIRE(c.steering.send(c.frame(i)));
    Frame& ninth = c.frame(8);
    CHECK_FALSE(c.steering.send(ninth));
    c.steering.hand_over(0, c.frame(50));
    c.steering.flush();
    CHECK(a.received() == numbers(50, 1));
    CHECK(a.for_wire == numbers(0, 8));
    CHECK(b.received().empty());
    CHECK(b.for_wire.empty());
    REQUIRE(c.steering.send(ninth));
    c.steering.flush();
    CHECK(a.received().empty());
    CHECK(a.for_wire == numbers(0, 9));
}

TEST_CASE("what a full ring would not take is not copied for it", "[stack][steering]") {
    const auto shared = make_steering(2, 2);
    Core a(shared, 0);
    Core b(shared, 1);
    for (std::uint32_t i = 0; i < 8; ++i) a.steering.hand_over(1, a.frame(i));
    Frame& kept = a.frame(8);
    ++kept.handles;
    a.steering.copy_to(core_bit(1), kept.bytes(), kept);
    a.steering.hand_over(1, kept);
    CHECK(a.steering.stats().copied == 0);
    CHECK(a.drops[Drop::steering_full] == 2);
    kept.drop();
    a.steering.flush();
    CHECK(b.received() == numbers(0, 8));
}

TEST_CASE("a frame that the ring to the wire has no room for is not copied, and waits", "[stack][steering]") {
    const auto shared = make_steering(2, 1);
    Core a(shared, 0);
    Core b(shared, 1);
    for (std::uint32_t i = 0; i < 8; ++i) REQUIRE(b.steering.send(b.frame(i)));
    Frame& kept = b.frame(8);
    kept.flags = backend::frame_flag::kept;
    ++kept.handles;
    CHECK_FALSE(b.steering.send(kept));
    CHECK(b.steering.stats().copied == 0);
    CHECK(b.steering.stats().wire_full == 1);
    b.steering.flush();
    CHECK(a.received().empty());
    REQUIRE(b.steering.send(kept));
    CHECK(b.steering.stats().copied == 1);
    CHECK(kept.handles == 1);
    b.steering.flush();
    CHECK(a.received().empty());
    CHECK(a.for_wire == numbers(0, 9));
    kept.drop();
    CHECK(b.frames.out() == 0);
}

TEST_CASE("frames under way when a core ends go back to where they came from", "[stack][steering]") {
    auto shared = make_steering(2, 2);
    auto a = std::make_unique<Core>(shared, 0);
    auto b = std::make_unique<Core>(shared, 1);
    a->steering.hand_over(1, a->frame(0));
    a->steering.flush();
    b.reset();
    CHECK(a->frames.out() == 0);
    a->steering.hand_over(1, a->frame(1));  // nobody takes it any more
    a->steering.flush();
    CHECK(a->steering.others() == 0);
    a.reset();
    shared.reset();
}

TEST_CASE("what two cores send each other at once arrives whole and in order", "[stack][steering][threads]") {
    constexpr std::uint32_t count = 50'000;
    const auto shared = make_steering(2, 2, 64);
    Core a(shared, 0);
    Core b(shared, 1);
    std::array<std::atomic<bool>, 2> bells{};
    const auto ring = [](void* bell) noexcept { static_cast<std::atomic<bool>*>(bell)->store(true); };
    a.steering.set_waker(ring, &bells[0]);
    b.steering.set_waker(ring, &bells[1]);
    std::atomic<std::uint32_t> wrong{0};
    const auto run = [&](Core& core, std::uint16_t to, std::atomic<bool>& bell) {
        std::uint32_t sent = 0;
        std::uint32_t expected = 0;
        while (sent < count || expected < count) {
            for (int i = 0; i < 16 && sent < count; ++i) {
                Frame* const frame = core.frames.allocate();
                if (frame == nullptr) break;
                std::memcpy(frame->data, &sent, sizeof sent);
                frame->length = sizeof sent;
                const std::uint64_t before = core.drops[Drop::steering_full];
                core.steering.hand_over(to, *frame);
                if (core.drops[Drop::steering_full] != before) break;
                ++sent;
            }
            core.steering.flush();
            for (const std::uint32_t number : core.received(16))
                if (number != expected++) ++wrong;
            // Sleeps until the bell, as a core does that waits for more: a lost wake-up hangs here.
            if (sent == count && expected < count && core.steering.arm(true))
                while (!bell.exchange(false)) std::this_thread::yield();
        }
    };
    std::thread other([&] { run(b, 0, bells[1]); });
    run(a, 1, bells[0]);
    other.join();
    CHECK(wrong == 0);
    CHECK(a.frames.out() + b.frames.out() == 0);
}

}  // namespace
}  // namespace skerry
