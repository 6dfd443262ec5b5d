// Two stacks that talk over a bad wire: every byte arrives once, in order, and nothing stays behind.

#include "support/stack_ends.hpp"

#include <cstdint>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;

TEST_CASE("two stacks exchange bytes on a good wire", "[stack][tcp]") {
    StackWire wire(1, {});
    exchange(wire, 1'000'000, 10);
    CHECK(wire.a.stack.drops().total() == 0);
    CHECK(wire.b.stack.drops().total() == 0);
}

TEST_CASE("two stacks that pass the very frames exchange bytes too", "[stack][tcp]") {
    WireFaults faults;
    faults.hands_over = true;
    StackWire wire(2, faults);
    exchange(wire, 300'000, 300'000);
}

TEST_CASE("every byte arrives once and in order, whatever the wire does", "[stack][tcp]") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        std::mt19937_64 random(seed * 7919);
        WireFaults faults;
        faults.loss = seed % 3 == 0 ? 0 : static_cast<unsigned>(random() % 200);
        faults.duplicates = static_cast<unsigned>(random() % 100);
        faults.reorder = static_cast<unsigned>(random() % 300);
        faults.delay = std::chrono::microseconds{1 + random() % 50'000};
        faults.held = std::chrono::microseconds{random() % 100'000};
        faults.hands_over = seed % 4 == 0;
        stack::StackConfig config = host_config();
        if (seed % 5 == 0) config.tcp.receive_buffer_bytes = 1000 + static_cast<std::uint32_t>(random() % 8000);
        config.tcp.sack = seed / 2 % 2 == 0;
        if (seed % 7 == 0) config.tcp.send_buffer_bytes = 500 + static_cast<std::uint32_t>(random() % 20'000);
        StackWire wire(seed, faults, config);
        exchange(wire, random() % 60'000, random() % 60'000, seed % 6 == 0);
    }
}

}  // namespace
}  // namespace skerry
