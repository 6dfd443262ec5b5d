// What a connection keeps: segments to be acknowledged, and segments that came too early.

#include "support/catch.hpp"

#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/tcp/reassembly.hpp>
#include <skerry/stack/tcp/send_queue.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

using backend::Frame;
using stack::tcp::Reassembly;
using stack::tcp::SendQueue;
using stack::tcp::SendSegment;
namespace sent_flag = stack::tcp::sent_flag;

Frame& frame_with(backend::HeapFrames& frames, std::string_view text) {
    Frame* const frame = frames.allocate();
    REQUIRE(frame != nullptr);
    std::copy_n(reinterpret_cast<const std::byte*>(text.data()), text.size(), frame->data);
    frame->length = static_cast<std::uint16_t>(text.size());
    return *frame;
}

void push(SendQueue& queue, backend::HeapFrames& frames, std::uint32_t seq, std::string_view text) {
    SendSegment segment;
    segment.frame = &frame_with(frames, text);
    segment.seq = seq;
    segment.offset = segment.frame->headroom;
    segment.length = static_cast<std::uint16_t>(text.size());
    REQUIRE(queue.push(segment));
}

std::string_view text_of(const SendSegment& segment) {
    return {reinterpret_cast<const char*>(segment.payload()), segment.length};
}

TEST_CASE("an acknowledgement takes whole segments and cuts the next one", "[stack][tcp]") {
    backend::HeapFrames frames;
    {
        SendQueue queue;
        for (std::uint32_t i = 0; i < 20; ++i) push(queue, frames, 0xffff'ffe0U + 4 * i, "abcd");
        CHECK(queue.bytes() == 80);
        for (int i = 0; i < 10; ++i) queue.mark_sent();
        queue.acknowledge(0xffff'ffe0U + 9);  // two, and a byte; the numbers wrap further on
        CHECK(queue.size() == 18);
        CHECK(queue.sent() == 8);
        CHECK(queue.bytes() == 71);
        CHECK(text_of(queue.front()) == "bcd");
        CHECK(queue.front().seq == 0xffff'ffe0U + 9);
        queue.acknowledge(0xffff'ffe0U + 80);
        CHECK(queue.empty());
        CHECK(queue.sent() == 0);
        CHECK(queue.bytes() == 0);
    }
    CHECK(frames.out() == 0);
}

TEST_CASE("a segment that was cut in two shows the same bytes, and its FIN last", "[stack][tcp]") {
    backend::HeapFrames frames;
    {
        SendQueue queue;
        push(queue, frames, 100, "abcdef");
        push(queue, frames, 106, "g");
        queue[0].flags = sent_flag::fin;
        REQUIRE(queue.split(0, 2));
        CHECK(queue.size() == 3);
        CHECK(text_of(queue[0]) == "ab");
        CHECK(text_of(queue[1]) == "cdef");
        CHECK(text_of(queue[2]) == "g");
        CHECK(queue[1].seq == 102);
        CHECK_FALSE(queue[0].is_fin());
        CHECK(queue[1].is_fin());
        CHECK(queue[0].frame->is_shared());  // so nobody writes a header into it
        queue.acknowledge(102);
        CHECK_FALSE(queue[0].frame->is_shared());
    }
    CHECK(frames.out() == 0);
}

TEST_CASE("pieces of one frame become one again, and those of two when the first is nobody else's", "[stack][tcp]") {
    backend::HeapFrames frames;
    {
        SendQueue queue;
        push(queue, frames, 100, "abcdef");
        push(queue, frames, 106, "gh");
        queue[1].flags = sent_flag::fin;
        REQUIRE(queue.split(0, 2));
        CHECK_FALSE(queue.join(0, 5));  // they are six
        CHECK(queue.size() == 3);
        REQUIRE(queue.join(0, 6));
        CHECK(text_of(queue[0]) == "abcdef");
        REQUIRE(queue.split(0, 2));
        CHECK_FALSE(queue.join(1, 100));  // the piece in front has its frame
        queue.mark_sent();
        queue.acknowledge(102);
        REQUIRE(queue.join(0, 100));
        CHECK(queue.size() == 1);
        CHECK(queue.sent() == 0);
        CHECK(queue.bytes() == 6);
        CHECK(queue[0].seq == 102);
        CHECK(text_of(queue[0]) == "cdefgh");
        CHECK(queue[0].is_fin());
    }
    CHECK(frames.out() == 0);
}

/// Segments of up to 30 bytes, some sent, some of them arrived, the last one with a FIN.
void fill(SendQueue& queue, backend::HeapFrames& frames, std::uint32_t count) {
    std::mt19937 random(count);
    std::uint32_t seq = 0xffff'ff00U;
    for (std::uint32_t i = 0; i < count; ++i) {
        std::string text(1 + random() % 30, ' ');
        for (char& one : text) one = static_cast<char>('a' + random() % 26);
        push(queue, frames, seq, text);
        if (i < count / 2) queue.mark_sent();
        queue.back().flags = random() % 4 == 0 ? sent_flag::psh | sent_flag::again : 0;
        if (i < count / 2 && random() % 4 == 0) queue.back().flags |= sent_flag::arrived;
        seq = queue.back().end();
    }
    queue.back().flags |= sent_flag::fin;
}

TEST_CASE("a queue that is cut as a whole is as if each segment had been split in its turn", "[stack][tcp][cut]") {
    backend::HeapFrames frames;
    {
        const std::uint32_t count = GENERATE(1, 2, 3, 100, 2000);
        const std::uint16_t most = GENERATE(1, 7, 29, 30);
        SendQueue queue;
        SendQueue expected;
        fill(queue, frames, count);
        fill(expected, frames, count);
        for (std::uint32_t at = 0; at < expected.size(); ++at)
            if (expected[at].length > most && (expected[at].flags & sent_flag::arrived) == 0)
                REQUIRE(expected.split(at, most));
        CHECK(queue.cut(most));
        REQUIRE(queue.size() == expected.size());
        CHECK(queue.sent() == expected.sent());
        CHECK(queue.bytes() == expected.bytes());
        for (std::uint32_t at = 0; at < queue.size(); ++at) {
            REQUIRE(queue[at].seq == expected[at].seq);
            REQUIRE(queue[at].flags == expected[at].flags);
            REQUIRE(text_of(queue[at]) == text_of(expected[at]));
            REQUIRE(queue[at].frame->handles == expected[at].frame->handles);
        }
    }
    CHECK(frames.out() == 0);
}

TEST_CASE("a FIN that stands alone joins nothing", "[stack][tcp]") {
    backend::HeapFrames frames;
    SendQueue queue;
    push(queue, frames, 100, "ab");
    SendSegment fin;
    fin.seq = 102;
    fin.flags = sent_flag::fin;
    REQUIRE(queue.push(fin));
    CHECK_FALSE(queue.join(0, 100));
    CHECK(queue.size() == 2);
}

TEST_CASE("a FIN takes one number and no byte", "[stack][tcp]") {
    SendQueue queue;
    SendSegment fin;
    fin.seq = 50;
    fin.flags = sent_flag::fin;
    REQUIRE(queue.push(fin));
    CHECK(queue.bytes() == 0);
    queue.acknowledge(50);
    CHECK(queue.size() == 1);
    queue.acknowledge(51);
    CHECK(queue.empty());
}

struct Gaps {
    ~Gaps() {
        pieces.clear();
        CHECK(frames.out() == 0);
    }
    Reassembly::Outcome insert(std::uint32_t seq, std::string_view text, std::size_t limit = 256) {
        Frame& frame = frame_with(frames, text);
        const auto outcome = pieces.insert(seq, frame, limit, dropped);
        if (outcome != Reassembly::Outcome::kept) frame.drop();
        return outcome;
    }
    std::string take_all(std::uint32_t next) {
        std::string text;
        while (Frame* frame = pieces.take(next + static_cast<std::uint32_t>(text.size()))) {
            text.append(reinterpret_cast<const char*>(frame->data), frame->length);
            frame->drop();
        }
        return text;
    }

    backend::HeapFrames frames;
    Reassembly pieces;
    std::uint32_t dropped = 0;
};

TEST_CASE("pieces come out in order, and nothing before what is missing", "[stack][tcp]") {
    Gaps gaps;
    CHECK(gaps.insert(106, "gh") == Reassembly::Outcome::kept);
    CHECK(gaps.insert(102, "cd") == Reassembly::Outcome::kept);
    CHECK(gaps.take_all(100).empty());
    CHECK(gaps.insert(100, "ab") == Reassembly::Outcome::kept);
    CHECK(gaps.take_all(100) == "abcd");
    CHECK(gaps.insert(104, "ef") == Reassembly::Outcome::kept);
    CHECK(gaps.take_all(104) == "efgh");
    CHECK(gaps.pieces.empty());
}

TEST_CASE("what is here already stays: a duplicate changes nothing", "[stack][tcp]") {
    Gaps gaps;
    CHECK(gaps.insert(102, "cdef") == Reassembly::Outcome::kept);
    CHECK(gaps.insert(102, "XXXX") == Reassembly::Outcome::known);
    CHECK(gaps.insert(103, "XX") == Reassembly::Outcome::known);
    CHECK(gaps.insert(104, "XXgh") == Reassembly::Outcome::kept);
    CHECK(gaps.insert(100, "abXX") == Reassembly::Outcome::kept);
    CHECK(gaps.take_all(100) == "abcdefgh");
}

TEST_CASE("a piece that covers others takes their place", "[stack][tcp]") {
    Gaps gaps;
    CHECK(gaps.insert(102, "c") == Reassembly::Outcome::kept);
    CHECK(gaps.insert(104, "e") == Reassembly::Outcome::kept);
    CHECK(gaps.insert(101, "bcdef") == Reassembly::Outcome::kept);
    CHECK(gaps.pieces.size() == 1);
    CHECK(gaps.insert(100, "a") == Reassembly::Outcome::kept);
    CHECK(gaps.take_all(100) == "abcdef");
}

TEST_CASE("what is known of a range is its first piece that is here", "[stack][tcp]") {
    using Block = stack::wire::SackBlock;
    Gaps gaps;
    CHECK(gaps.pieces.known(100, 200) == Block{200, 200});
    CHECK(gaps.insert(110, "0123456789") == Reassembly::Outcome::kept);
    CHECK(gaps.insert(130, "0123456789") == Reassembly::Outcome::kept);
    CHECK(gaps.pieces.known(100, 110) == Block{110, 110});
    CHECK(gaps.pieces.known(100, 111) == Block{110, 111});
    CHECK(gaps.pieces.known(112, 118) == Block{112, 118});
    CHECK(gaps.pieces.known(112, 200) == Block{112, 120});
    CHECK(gaps.pieces.known(120, 200) == Block{130, 140});
    CHECK(gaps.pieces.known(140, 200) == Block{200, 200});
}

TEST_CASE("at the limit the farthest piece goes", "[stack][tcp]") {
    Gaps gaps;
    CHECK(gaps.insert(110, "k", 2) == Reassembly::Outcome::kept);
    CHECK(gaps.insert(104, "e", 2) == Reassembly::Outcome::kept);
    CHECK(gaps.insert(120, "u", 2) == Reassembly::Outcome::full);
    CHECK(gaps.dropped == 0);
    CHECK(gaps.insert(102, "c", 2) == Reassembly::Outcome::kept);
    CHECK(gaps.dropped == 1);
    CHECK(gaps.pieces.size() == 2);
    CHECK(gaps.take_all(104) == "e");
}

TEST_CASE("any order of overlapping pieces around the wrap gives the text", "[stack][tcp]") {
    std::mt19937_64 random(5);
    std::string text(300, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    constexpr std::uint32_t base = 0xffff'ff80U;
    for (int round = 0; round < 200; ++round) {
        Gaps gaps;
        std::string out;
        while (out.size() < text.size()) {
            const std::size_t from = out.size() + random() % (text.size() - out.size());
            const std::size_t count = 1 + random() % std::min<std::size_t>(40, text.size() - from);
            (void)gaps.insert(base + static_cast<std::uint32_t>(from), text.substr(from, count));
            out += gaps.take_all(base + static_cast<std::uint32_t>(out.size()));
            REQUIRE(text.starts_with(out));
        }
    }
}

}  // namespace
}  // namespace skerry
