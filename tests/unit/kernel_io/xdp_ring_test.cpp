#include "frame/xdp_ring.hpp"

#include "support/catch.hpp"

#include <array>
#include <cstdint>

namespace skerry::kernel_io::frame {
namespace {

/// A ring of eight, and the kernel's side of it.
struct Ring {
    explicit Ring(std::uint32_t begin = 0) : producer(begin), consumer(begin) {}
    XdpRingMemory memory() { return {&producer, &consumer, &flags, entries.data(), 8}; }

    std::uint32_t producer;
    std::uint32_t consumer;
    std::uint32_t flags = 0;
    std::array<std::uint64_t, 8> entries{};
};

// The numbers wrap within the test when it begins here.
constexpr std::uint32_t before_the_wrap = 0xffff'fffeU;

TEST_CASE("a ring that we fill has room for all its entries and no more", "[kernel_io][xdp]") {
    for (const std::uint32_t begin : {0U, 6U, before_the_wrap}) {
        Ring ring(begin);
        XdpProducer<std::uint64_t> fill(ring.memory());
        CHECK(fill.room(8) == 8);
        for (std::uint32_t i = 0; i < 8; ++i) fill.at(i) = 100 + i;
        CHECK(ring.producer == begin);  // the kernel sees nothing yet
        fill.publish(8);
        CHECK(ring.producer == begin + 8);
        CHECK(fill.room(1) == 0);
        CHECK(fill.pending() == 8);
        for (std::uint32_t i = 0; i < 8; ++i) CHECK(ring.entries[(begin + i) & 7U] == 100 + i);
    }
}

TEST_CASE("a ring that we fill has room again when the kernel has taken entries", "[kernel_io][xdp]") {
    Ring ring(before_the_wrap);
    XdpProducer<std::uint64_t> fill(ring.memory());
    for (std::uint32_t round = 0; round < 20; ++round) {
        REQUIRE(fill.room(5) >= 5);
        for (std::uint32_t i = 0; i < 5; ++i) fill.at(i) = round * 10 + i;
        fill.publish(5);
        for (std::uint32_t i = 0; i < 5; ++i) CHECK(ring.entries[(ring.consumer + i) & 7U] == round * 10 + i);
        CHECK(fill.pending() == 5);
        ring.consumer += 5;
        CHECK(fill.pending() == 0);
    }
}

TEST_CASE("the kernel's number is read again only when there is less room than is wanted", "[kernel_io][xdp]") {
    Ring ring;
    XdpProducer<std::uint64_t> fill(ring.memory());
    fill.publish(6);
    ring.consumer = 6;
    CHECK(fill.room(2) == 2);
    CHECK(fill.room(3) == 8);
}

TEST_CASE("a ring that the kernel fills shows what came, as much as is asked for", "[kernel_io][xdp]") {
    for (const std::uint32_t begin : {0U, 6U, before_the_wrap}) {
        Ring ring(begin);
        XdpConsumer<std::uint64_t> received(ring.memory());
        CHECK(received.ready(8) == 0);
        for (std::uint32_t i = 0; i < 8; ++i) ring.entries[(begin + i) & 7U] = 100 + i;
        ring.producer += 8;
        CHECK(received.ready(3) == 3);
        CHECK(received.at(0) == 100);
        CHECK(received.at(2) == 102);
        received.take(3);
        CHECK(ring.consumer == begin + 3);
        CHECK(received.ready(32) == 5);
        CHECK(received.at(4) == 107);
        received.take(5);
        CHECK(received.ready(1) == 0);
    }
}

TEST_CASE("a ring that had been used before goes on where it was", "[kernel_io][xdp]") {
    Ring ring(3);
    ring.producer = 5;  // two that came before we looked
    ring.entries[3] = 33;
    XdpConsumer<std::uint64_t> received(ring.memory());
    REQUIRE(received.ready(8) == 2);
    CHECK(received.at(0) == 33);
    XdpProducer<std::uint64_t> fill(ring.memory());
    CHECK(fill.room(8) == 6);
}

TEST_CASE("the kernel says when it wants to be called", "[kernel_io][xdp]") {
    Ring ring;
    const XdpProducer<std::uint64_t> to_send(ring.memory());
    CHECK(!to_send.needs_wakeup());
    ring.flags = xdp_ring_flag::need_wakeup;
    CHECK(to_send.needs_wakeup());
    ring.flags = ~xdp_ring_flag::need_wakeup;
    CHECK(!to_send.needs_wakeup());
}

}  // namespace
}  // namespace skerry::kernel_io::frame
