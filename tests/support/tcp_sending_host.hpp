#pragma once

// A host that has sent segments of 1,000 bytes to a peer who is the test, over a way of 100 ms there and back.

#include "support/tcp_host.hpp"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace skerry::tests {

/// What the stack does about losses by default, as Linux.
[[nodiscard]] inline stack::StackConfig config_of_linux() {
    stack::StackConfig config = host_config();
    config.tcp.loss_detection = stack::LossDetection::rack;
    config.tcp.tail_probe = true;
    config.tcp.proportional_rate = true;
    config.tcp.undoes_spurious = true;
    config.tcp.forward_after_time_out = true;
    return config;
}

struct SendingHost : TcpHost {
    using Numbers = std::vector<std::uint32_t>;
    using Blocks = std::initializer_list<std::pair<std::uint32_t, std::uint32_t>>;

    static constexpr auto round_trip = std::chrono::milliseconds{100};

    explicit SendingHost(const stack::StackConfig& config = config_of_linux(), bool has_sack = true) : TcpHost(config) {
        TestSegment syn;
        syn.flags = flag::syn;
        syn.seq = 1000;
        syn.mss = 1000;
        syn.sack_permitted = has_sack;
        come(syn);
        const TestSegment answer = only();
        peer_seq = syn.seq + 1;
        host_seq = first = answer.seq + 1;
        pass(round_trip);
        acknowledge(host_seq);
        CHECK(sent().empty());
        ours = &endpoint();
        REQUIRE(tcp().accept(acceptor, *ours));
    }
    /// So many more are written. Which left.
    Numbers write_segments(std::uint32_t count) {
        const std::string text(1000 * std::size_t{count}, 'a');
        CHECK(write(*ours, text) == text.size());
        return left();
    }
    /// Everything before segment `ack` is here, and of the rest segments [from, to).
    void tell(std::uint32_t ack, Blocks blocks = {}, std::uint16_t window = 65'535) {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = peer_seq;
        segment.ack = first + 1000 * ack;
        segment.window = window;
        for (const auto& [from, to] : blocks) segment.sack.push_back({first + 1000 * from, first + 1000 * to});
        come(segment);
    }
    /// Which segments left.
    Numbers left() {
        Numbers numbers;
        for (const TestSegment& segment : sent()) numbers.push_back((segment.seq - first) / 1000);
        return numbers;
    }
    /// The same of the first moment at which any do; how long it took.
    std::chrono::nanoseconds until_left(Numbers& numbers) {
        std::vector<TestSegment> segments;
        const std::chrono::nanoseconds took = until_sent(std::chrono::seconds{10}, segments);
        for (const TestSegment& segment : segments) numbers.push_back((segment.seq - first) / 1000);
        return took;
    }
    [[nodiscard]] std::uint32_t window() const { return ours->tcb->congestion.window; }
    [[nodiscard]] bool is_in_recovery() const { return bool{ours->tcb->in_recovery}; }

    TestEndpoint* ours = nullptr;
    std::uint32_t first = 0;
};

}  // namespace skerry::tests
