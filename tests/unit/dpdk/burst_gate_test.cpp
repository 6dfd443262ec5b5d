// A gate before bursts: none is under way once it is shut, none begins, and they go on when it opens.

#include "support/catch.hpp"

#include "burst_gate.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace skerry {
namespace {

using dpdk::BurstGate;
using namespace std::chrono_literals;

constexpr auto patience = 20s;

/// A thread that bursts without an end.
class Core {
public:
    Core() : thread_([this] { run(); }) {}
    ~Core() {
        stays_inside_ = false;
        BurstGate::open();
        ends_ = true;
        thread_.join();
    }

    [[nodiscard]] bool is_in_burst() const { return is_in_burst_; }
    void wait_for_burst() const {
        const int before = bursts_;
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (bursts_ < before + 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
        REQUIRE(bursts_ >= before + 2);
    }
    /// Returns within a burst that does not end before leave().
    void stay_inside() {
        stays_inside_ = true;
        while (!is_staying_) std::this_thread::yield();
    }
    void leave() { stays_inside_ = false; }

private:
    void run() {
        while (!ends_)
            if (!burst()) std::this_thread::yield();  // having left the gate: who is turned away holds nobody up
    }
    bool burst() {
        const BurstGate::Passage passage;
        if (!passage.is_free()) return false;
        is_in_burst_ = true;
        for (int i = 0; i < 50 || stays_inside_; ++i) {
            if (stays_inside_) is_staying_ = true;
            std::this_thread::yield();
        }
        is_in_burst_ = false;
        ++bursts_;
        return true;
    }

    std::atomic<bool> ends_ = false;
    std::atomic<bool> stays_inside_ = false;
    std::atomic<bool> is_staying_ = false;
    std::atomic<bool> is_in_burst_ = false;
    std::atomic<int> bursts_ = 0;
    std::thread thread_;
};

TEST_CASE("no burst is under way once the gate is shut, none begins, and they go on when it opens", "[dpdk][gate]") {
    const Core one;
    const Core other;
    // Where others use the processors each yield may take milliseconds; fewer rounds do then.
    const auto enough = std::chrono::steady_clock::now() + 5s;
    const auto goes_on = [enough] { return std::chrono::steady_clock::now() < enough; };
    for (int round = 0; round < 200 && (round == 0 || goes_on()); ++round) {
        one.wait_for_burst();
        other.wait_for_burst();
        REQUIRE(BurstGate::shut(patience));
        bool met_a_burst = false;
        for (int look = 0; look < 200 && (look < 2 || goes_on()); ++look) {
            met_a_burst = met_a_burst || one.is_in_burst() || other.is_in_burst();
            std::this_thread::yield();
        }
        REQUIRE_FALSE(met_a_burst);
        BurstGate::open();
    }
}

TEST_CASE("who shuts the gate waits for a burst as long as it says", "[dpdk][gate]") {
    Core core;
    core.stay_inside();
    CHECK_FALSE(BurstGate::shut(1ms));
    core.leave();
    CHECK(BurstGate::shut(patience));
}

TEST_CASE("a thread that has ended holds nobody up", "[dpdk][gate]") {
    {
        const Core gone;
    }
    std::thread([] { const BurstGate::Passage passage; }).join();
    CHECK(BurstGate::shut(patience));
    BurstGate::open();
}

}  // namespace
}  // namespace skerry
