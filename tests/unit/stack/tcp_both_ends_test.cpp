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

TEST_CASE("who ends its direction before both have met goes on until they have", "[stack][tcp]") {
    const bool is_closed = GENERATE(false, true);
    const bool is_syn_ack = GENERATE(false, true);
    CAPTURE(is_closed, is_syn_ack);
    Meeting host;
    if (is_closed)
        host.tcp().close(*host.ours, host.now);
    else
        host.tcp().finish(*host.ours->tcb, host.now);
    CHECK(host.sent().empty());
    std::vector<TestSegment> again;
    host.until_sent(10s, again);
    REQUIRE(again.size() == 1);
    CHECK(again[0].flags == (flag::syn | flag::ack));  // it was lost: RFC 6298 section 5.4
    host.answer(is_syn_ack ? flag::syn | flag::ack : flag::ack);
    const TestSegment fin = host.only();
    CHECK((fin.flags & flag::fin) != 0);
    CHECK(fin.seq == host.iss + 1);
    CHECK(fin.ack == 9001);
    TestSegment end;
    end.flags = flag::ack | flag::fin;
    end.seq = 9001;
    end.ack = host.iss + 2;
    host.come(end, host.last_port);
    CHECK(host.only().ack == 9002);
    CHECK(host.tcp().sizes().time_wait == 1);
}

TEST_CASE("who ends its direction before both have met is not for ever", "[stack][tcp]") {
    Meeting host;
    host.tcp().close(*host.ours, host.now);
    host.pass(3min);
    (void)host.sent();
    CHECK(host.tcp().sizes().connections == 0);
}

}  // namespace
}  // namespace skerry
