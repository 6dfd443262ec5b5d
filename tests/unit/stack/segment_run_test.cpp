// Segments in a row that a port may have cut behind it: which they are, and what is written in front of them.

#include "support/segment_frames.hpp"
#include "support/tcp_host.hpp"

#include <skerry/stack/segment_run.hpp>

#include <algorithm>
#include <string>

namespace skerry {
namespace {

using namespace tests;
using stack::RunLimits;
using stack::run_at;
using stack::SegmentRun;
namespace wire = stack::wire;

constexpr RunLimits many{32};

/// What the port hands over.
Bytes joined(std::span<backend::Frame* const> burst, const SegmentRun& run) {
    Bytes whole(run.header_bytes);
    stack::write_run_headers(whole.data(), burst, run);
    for (const backend::Frame* const frame : burst.first(run.segments)) {
        const auto payload = frame->bytes().subspan(run.header_bytes);
        whole.insert(whole.end(), payload.begin(), payload.end());
    }
    return whole;
}

TEST_CASE("segments of one connection in a row are a run, with the headers of one long segment", "[stack][tso]") {
    const bool is_v6 = GENERATE(false, true);
    SegmentFrames frames(is_v6);
    for (int i = 0; i < 31; ++i) frames.add(1448);
    frames.add(700, flag::ack | flag::psh | flag::fin);
    const SegmentRun run = run_at(frames.all, many);
    REQUIRE(run.segments == 32);
    CHECK(run.is_v6 == is_v6);
    CHECK(run.header_bytes == frames.header_bytes());
    CHECK(run.segment_bytes == 1448);
    CHECK(run.payload_bytes == 31 * 1448 + 700);
    const Bytes first(frames.all[0]->bytes().begin(), frames.all[0]->bytes().end());
    const Bytes whole = joined(frames.all, run);
    CHECK(std::equal(first.begin(), first.end(), frames.all[0]->bytes().begin()));  // written beside it
    CHECK(holds_when_finished(whole));
    CHECK(std::equal(frames.payload.begin(), frames.payload.end(), whole.begin() + static_cast<long>(run.header_bytes),
                     whole.end()));
    const std::size_t ip_bytes = whole.size() - wire::ethernet_bytes;
    const std::byte* const ip = whole.data() + wire::ethernet_bytes;
    CHECK(wire::load_be16(ip + (is_v6 ? 4 : 2)) == (is_v6 ? ip_bytes - wire::ipv6_bytes : ip_bytes));
    CHECK(wire::load_be32(whole.data() + frames.tcp_at() + 4) == SegmentFrames::first_seq);
    CHECK(wire::load_8(whole.data() + frames.tcp_at() + 13) == (flag::ack | flag::psh | flag::fin));
}

TEST_CASE("headers of a run may be written where the first one's are", "[stack][tso]") {
    SegmentFrames frames(GENERATE(false, true));
    frames.add(100);
    frames.add(100);
    const SegmentRun run = run_at(frames.all, many);
    REQUIRE(run.segments == 2);
    const Bytes whole = joined(frames.all, run);
    stack::write_run_headers(frames.all[0]->data, frames.all, run);
    CHECK(std::equal(whole.begin(), whole.begin() + static_cast<long>(run.header_bytes), frames.all[0]->data));
}

TEST_CASE("what says anything else than the one in front begins another run", "[stack][tso]") {
    const bool is_v6 = GENERATE(false, true);
    SegmentFrames frames(is_v6);
    frames.add(100);
    frames.add(100);
    std::byte* const second = frames.all[1]->data;
    const std::size_t tcp = frames.tcp_at();
    // Lengths, identification and checksums are made anew.
    const auto may_differ = [&](std::size_t at) {
        const bool is_made = is_v6 ? at == 18 || at == 19 : (at >= 16 && at < 20) || at == 24 || at == 25;
        return is_made || at == tcp + 16 || at == tcp + 17;
    };
    for (std::size_t at = 0; at < frames.header_bytes(); ++at) {
        const std::byte change = at == tcp + 13 ? std::byte{flag::ece} : std::byte{0x40};
        second[at] ^= change;
        INFO("byte " << at);
        CHECK(run_at(frames.all, many).segments == (may_differ(at) ? 2 : 1));
        second[at] ^= change;
    }
    frames.all[1]->flags = 0;
    CHECK(run_at(frames.all, many).segments == 1);
    frames.all[1]->flags = backend::frame_flag::sum_missing;
    CHECK(run_at(frames.all, many).segments == 2);
    frames.all[0]->flags = 0;
    CHECK(run_at(frames.all, many).segments == 1);
}

TEST_CASE("a run ends with what is shorter, is pushed or is the last", "[stack][tso]") {
    SegmentFrames frames(false);
    const auto segments = [&] { return run_at(frames.all, many).segments; };
    SECTION("shorter") {
        for (const std::size_t bytes : {100, 100, 99, 99}) frames.add(bytes);
        CHECK(segments() == 3);
        CHECK(run_at(std::span(frames.all).subspan(2), many).segments == 2);
    }
    SECTION("longer") {
        for (const std::size_t bytes : {100, 101}) frames.add(bytes);
        CHECK(segments() == 1);
    }
    SECTION("nothing") {
        for (const std::size_t bytes : {100, 0}) frames.add(bytes);
        CHECK(segments() == 1);
        CHECK(run_at(std::span(frames.all).subspan(1), many).segments == 1);
    }
    SECTION("pushed, or the last") {
        const std::uint8_t end = GENERATE(flag::psh, flag::fin);
        frames.add(100);
        frames.add(100, static_cast<std::uint8_t>(flag::ack | end));
        frames.add(100);
        CHECK(segments() == 2);
        CHECK(run_at(std::span(frames.all).subspan(1), many).segments == 1);
    }
}

TEST_CASE("a segment with CWR leaves by itself: it is for the first alone", "[stack][tso][ecn]") {
    SegmentFrames frames(false);
    const std::uint8_t alone = GENERATE(flag::cwr, flag::syn, flag::rst, flag::urg);
    frames.add(100, static_cast<std::uint8_t>(flag::ack | alone));
    frames.add(100, static_cast<std::uint8_t>(flag::ack | alone));
    frames.add(100);
    frames.add(100);
    CHECK(run_at(frames.all, many).segments == 1);
    CHECK(run_at(std::span(frames.all).subspan(1), many).segments == 1);
    CHECK(run_at(std::span(frames.all).subspan(2), many).segments == 2);
}

TEST_CASE("a run is no longer than the port's limits", "[stack][tso][limits]") {
    SegmentFrames frames(false);
    for (int i = 0; i < 10; ++i) frames.add(1000);
    CHECK(run_at(frames.all, RunLimits{}).segments == 1);
    CHECK(run_at(frames.all, RunLimits{4}).segments == 4);
    CHECK(run_at(frames.all, RunLimits{32, 20 + 32 + 3000}).segments == 3);
    CHECK(run_at(frames.all, RunLimits{32, 20 + 32 + 2999}).segments == 2);
    CHECK(run_at(frames.all, RunLimits{32, 10}).segments == 1);
    CHECK(run_at(std::span(frames.all).first(1), many).segments == 1);
}

TEST_CASE("what a bulk write sends in a burst is a run", "[stack][tcp][tso]") {
    stack::StackConfig config = host_config();
    config.checksums_sent = true;
    TcpHost host(config);
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 1000;
    syn.mss = 1000;
    host.come(syn);
    const auto answer = host.stack.backlog().oldest(1);
    REQUIRE(answer.size() == 1);
    host.host_seq = wire::load_be32(answer[0]->data + 38) + 1;
    (void)host.taken();
    host.peer_seq = 1001;
    host.acknowledge(host.host_seq);
    TestEndpoint& ours = host.endpoint();
    REQUIRE(host.tcp().accept(host.acceptor, ours));
    const std::string text(7500, 'x');
    REQUIRE(host.write(ours, text) == text.size());
    const auto burst = host.stack.backlog().oldest(32);
    REQUIRE(burst.size() == 8);
    const SegmentRun run = run_at(burst, many);
    CHECK(run.segments == 8);
    CHECK(run.segment_bytes == 1000);
    CHECK(run.payload_bytes == 7500);
    CHECK(holds_when_finished(joined(burst, run)));
    (void)host.taken();
    host.acknowledge(host.host_seq + 7500);
    (void)host.taken();
}

}  // namespace
}  // namespace skerry
