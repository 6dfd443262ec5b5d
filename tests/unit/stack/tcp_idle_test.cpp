// What a silence leaves of the congestion window: RFC 5681 section 4.1, RFC 2861 section 3.1.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;

constexpr std::uint32_t mss = 1000;

/// A connection whose round trips take 100 ms, and whose window is 20 segments.
struct Silent : TcpHost {
    explicit Silent(const stack::StackConfig& config = host_config()) : TcpHost(config) {
        TestSegment syn;
        syn.mss = mss;
        endpoint = &establish(syn);
        CHECK(write(10) == 10);
        CHECK(window() == 20 * mss);
    }
    /// All of them are acknowledged 100 ms later. Returns how many left.
    std::size_t write(std::size_t segments) {
        (void)TcpHost::write(*endpoint, std::string(segments * mss, 'x'));
        const std::size_t left = sent().size();
        now = now + 100ms;
        host_seq += static_cast<std::uint32_t>(segments * mss);
        acknowledge(host_seq);
        return left;
    }
    [[nodiscard]] std::uint32_t window() const { return endpoint->tcb->congestion.window; }

    TestEndpoint* endpoint;
};

TEST_CASE("RFC 5681 section 4.1: a silence begins when the last segment leaves", "[stack][tcp][idle]") {
    Silent host;
    const std::chrono::nanoseconds time_out = host.endpoint->tcb->rto.value(host.stack.config().tcp);
    REQUIRE(time_out > 200ms);
    SECTION("a time-out after that") {
        host.now = host.now + time_out - 100ms;
        CHECK(host.write(1) == 1);
        CHECK(host.window() == 20 * mss);
    }
    SECTION("a moment later, though the acknowledgement came 100 ms behind it") {
        host.now = host.now + time_out - 100ms + 1ns;
        CHECK(host.write(1) == 1);
        CHECK(host.window() == 10 * mss);
    }
}

TEST_CASE("RFC 2861 section 3.1: a window is halved for each time-out of a silence", "[stack][tcp][idle]") {
    stack::StackConfig config = host_config();
    config.tcp.halves_when_idle = GENERATE(true, false);
    Silent host(config);
    CHECK(host.write(20) == 20);
    CHECK(host.write(40) == 40);
    REQUIRE(host.window() == 80 * mss);
    const std::chrono::nanoseconds time_out = host.endpoint->tcb->rto.value(config.tcp);
    const int passed = GENERATE(1, 2, 5);
    host.now = host.now + passed * time_out - 100ms + 1ns;
    CHECK(host.write(1) == 1);
    CHECK(host.window() == (config.tcp.halves_when_idle ? std::max(80U >> passed, 10U) : 10U) * mss);
}

}  // namespace
}  // namespace skerry
