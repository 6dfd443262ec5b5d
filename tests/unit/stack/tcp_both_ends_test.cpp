// Both ends connect at once: RFC 9293 section 3.5, figure 7.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::tcp::State;

/// A host whose connect met a SYN of its peer, which has its SYN-ACK or will never get it.
struct Meeting : TcpHost {
    explicit Meeting(std::optional<std::uint8_t> scale = {}, const stack::StackConfig& config = host_config())
        : TcpHost(config) {
        ours = &endpoint();
        REQUIRE(tcp().connect(*ours, peer_ip, peer_port, now));
        iss = only().seq;
        TestSegment syn;
        syn.flags = flag::syn;
        syn.seq = 9000;
        syn.window = 1000;
        syn.mss = 1000;
        syn.scale = scale;
        come(syn, last_port);
        CHECK(only().flags == (flag::syn | flag::ack));
        CHECK(ours->tcb->state == State::syn_received);
    }
    void answer(int flags, std::uint16_t window = 1000) {
        TestSegment segment;
        segment.flags = static_cast<std::uint8_t>(flags);
        segment.seq = (flags & flag::syn) != 0 ? 9000 : 9001;
        segment.ack = iss + 1;
        segment.window = window;
        come(segment, last_port);
    }

    TestEndpoint* ours = nullptr;
    std::uint32_t iss = 0;
};

// As many as have first numbers on both sides of 2^31: a SYN has no acknowledgement that a window could be older than.
TEST_CASE("the window of a SYN-ACK is not scaled, though its end knows ours", "[stack][tcp]") {
    int low = 0;
    int high = 0;
    for (int i = 0; i < 400 && (low < 3 || high < 3); ++i) {
        stack::StackConfig config = host_config();
        config.seed = static_cast<std::uint64_t>(i);
        Meeting host(std::uint8_t{7}, config);
        ++(host.iss < 0x8000'0000U ? low : high);
        host.answer(flag::syn | flag::ack);
        CHECK(host.ours->tcb->state == State::established);
        (void)host.sent();
        CHECK(host.ours->tcb->snd_wnd == 1000);
        host.answer(flag::ack);
        CHECK(host.ours->tcb->snd_wnd == 128'000);
    }
}

TEST_CASE("the window of the answer to a SYN-ACK counts, whatever our first number is", "[stack][tcp]") {
    Meeting host;
    CHECK(host.ours->tcb->snd_wl2 == host.iss);
    host.answer(flag::ack, 500);
    CHECK(host.ours->tcb->snd_wnd == 500);
}

}  // namespace
}  // namespace skerry
