// Attacks of a receiver on the sender: acknowledgements that want more, windows that want nothing.

#include "support/honest.hpp"
#include "support/tcp_sending_host.hpp"

#include <skerry/stack/tcp/tcp.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::State;

stack::StackConfig config_with(backend::CongestionControl algorithm) {
    stack::StackConfig config = config_of_linux();
    config.tcp.congestion_control = algorithm;
    return config;
}

TEST_CASE("attack 32: acknowledgements in crumbs and of nothing open the window by what was sent", "[attack]") {
    const auto algorithm = GENERATE(backend::CongestionControl::reno, backend::CongestionControl::cubic);
    SendingHost host(config_with(algorithm));
    const std::uint32_t sent = static_cast<std::uint32_t>(host.write_segments(40).size());
    const std::uint32_t window = host.window();
    // Optimistic: of what was not sent yet. It is challenged and means nothing.
    for (std::uint32_t ahead = 1; ahead < 30; ++ahead) host.acknowledge(host.first + 1000 * (sent + ahead));
    CHECK(host.window() == window);
    CHECK(host.dropped(Drop::tcp_ack) == 29);
    for (const TestSegment& each : host.sent()) CHECK(each.text.empty());
    // Division: each segment acknowledged byte by byte.
    for (std::uint32_t byte = 1; byte <= 2000; ++byte) host.acknowledge(host.first + byte);
    CHECK(host.window() <= window + 2000 + host.ours->tcb->mss);
    // What is under way is never more than the window says.
    CHECK(host.ours->tcb->snd_nxt - host.ours->tcb->snd_una <= host.window());
}

TEST_CASE("attack 32: invented duplicates let out no more than was under way", "[attack]") {
    const bool has_sack = GENERATE(false, true);
    SendingHost host(config_with(backend::CongestionControl::reno), has_sack);
    const std::size_t first = host.write_segments(200).size();
    const std::uint32_t window = host.window();
    std::size_t left = 0;
    for (int i = 0; i < 5000; ++i) {
        host.tell(0);
        left += host.left().size();
    }
    CHECK(left <= first + 3);
    // RFC 5681 section 3.2, step 4: as if all that was under way had left it, two segments of limited transmit
    // included.
    const std::uint32_t most = window / 2 + 1000 * static_cast<std::uint32_t>(first + 3);
    CHECK(host.window() <= most);
    CHECK(host.ours->tcb->snd_nxt - host.ours->tcb->snd_una <= most);
    CHECK(serves(host));
}

TEST_CASE("attack 29: windows that stay shut are given up by the user timeout, and cost no crumbs", "[attack]") {
    constexpr std::uint16_t connections = 1000;
    TcpHost host;
    for (std::uint16_t i = 0; i < connections; ++i) {
        TestSegment syn;
        syn.window = 0;
        TestEndpoint& ours = host.establish(syn, static_cast<std::uint16_t>(10'000 + i));
        ours.tcb->user_timeout_ms = 30'000;
        (void)host.write(ours, "xxxx");
    }
    CHECK(host.tcp().sizes().connections == connections);
    CHECK(host.tcp().frames_kept() <= host.stack.config().tcp.send_frames_max);
    CHECK(serves(host));  // while they stand
    host.pass(31s);
    std::size_t probes = 0;
    for (const TestSegment& each : host.sent()) {
        CHECK(each.text.size() <= 4);
        ++probes;
    }
    CHECK(probes <= connections * std::size_t{10});  // 0.2, 0.4, ... s: fewer than eight each
    CHECK(host.tcp().frames_kept() == 0);
    for (const auto& each : host.endpoints)
        if (each->tcb != nullptr) CHECK(each->tcb->state == State::closed);
    CHECK(serves(host));
}

TEST_CASE("attack 29: a window of one byte brings no segments of one byte", "[attack]") {
    SendingHost host;
    host.tell(0, {}, 1000);
    (void)host.write_segments(20);
    std::size_t crumbs = 0;
    for (std::uint32_t byte = 1; byte <= 500; ++byte) {  // one more each time
        host.acknowledge(host.first + std::min<std::uint32_t>(byte, 1000), 1);
        for (const TestSegment& each : host.sent()) crumbs += each.text.size() < 100 ? 1 : 0;
    }
    CHECK(crumbs <= 2);
    CHECK(host.ours->tcb->state == State::established);
}

TEST_CASE("attack 30: a window that is taken back takes nothing back of what was sent", "[attack]") {
    SendingHost host;
    const std::size_t sent = host.write_segments(8).size();
    REQUIRE(sent >= 4);
    host.tell(1, {}, 0);  // shut, with the rest under way
    CHECK(host.left().empty());
    host.tell(2, {}, 500);  // in the middle of a segment
    host.pass(10s);
    for (const TestSegment& each : host.sent()) CHECK(each.text.size() <= 1000);
    host.acknowledge(host.ours->tcb->snd_nxt);
    for (int i = 0; i < 20 && !host.ours->tcb->queue.empty(); ++i) {
        (void)host.sent();
        host.acknowledge(host.ours->tcb->snd_nxt);
    }
    CHECK(host.ours->tcb->queue.empty());
    CHECK(host.ours->tcb->state == State::established);
    CHECK(serves(host));
}

}  // namespace
}  // namespace skerry
