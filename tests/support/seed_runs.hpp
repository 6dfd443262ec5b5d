#pragma once

// Tests that run a simulation for each of many seeds: which are told as failed, and what must be left of nothing.

#include "support/catch.hpp"

#include <skerry/stack/stack.hpp>
#include <skerry/testing/seeds.hpp>
#include <skerry/testing/simulation.hpp>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>

namespace skerry::tests {

/// What was found wrong with a host, in words: one count after the other.
class HostAudit {
public:
    HostAudit(std::string& wrong, testing::Host& host) : wrong_(wrong), host_(host) {}

    void expect(const char* what, std::uint64_t is, std::uint64_t should) {
        if (is == should) return;
        wrong_ += host_.name() + ": " + std::to_string(is) + " " + what + ", not " + std::to_string(should) + "; ";
    }

    /// Connections, frames and timers of the stack are gone.
    void expect_empty_stack() {
        stack::tcp::Tcp& tcp = host_.stack().tcp();
        expect("connections", tcp.sizes().connections, 0);
        expect("half-open connections", tcp.sizes().half_open, 0);
        expect("connections in TIME-WAIT", tcp.sizes().time_wait, 0);
        expect("frames in TCP's queues", tcp.frames_kept(), 0);
        expect("frames not back", host_.frames_out(), 0);
        expect("timers", host_.stack().next_deadline() == time::Instant::max() ? 0 : 1, 0);
    }

private:
    std::string& wrong_;
    testing::Host& host_;
};

/// What a `Run` of this seed finds wrong; with the frames in the file `capture`, if that is named.
template <class Run>
std::string outcome_of(std::uint64_t seed, const std::string& capture = "") {
    Run run(seed);
    if (!capture.empty()) run.capture(capture);
    try {
        return run.go();
    } catch (const testing::Failure& failure) {
        return failure.what();
    }
}

/// Runs every seed. One that fails is run again with a capture, and told with the way to have it again.
template <class Run>
void check_seeds(std::uint64_t by_default, const std::string& name) {
    const auto seeds = testing::seeds(by_default);
    std::uint64_t failed = 0;
    for (const std::uint64_t seed : seeds) {
        const std::string wrong = outcome_of<Run>(seed);
        if (wrong.empty()) continue;
        ++failed;
        const auto capture =
            std::filesystem::temp_directory_path() / ("skerry-" + name + "-" + std::to_string(seed) + ".pcapng");
        const std::string again = outcome_of<Run>(seed, capture);
        std::cout << "seed " << seed << ": " << wrong << (again == wrong ? "" : " BUT THE NEXT TIME: " + again)
                  << "\nagain: " << testing::replay_command(seed) << "\nits frames: " << capture.string() << '\n';
    }
    std::cout << seeds.size() << " seeds, " << failed << " failed\n";
    CHECK(failed == 0);
}

}  // namespace skerry::tests
