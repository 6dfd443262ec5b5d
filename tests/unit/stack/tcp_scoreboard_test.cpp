// The scoreboard against a model that looks at every segment each time: which arrived, which are lost, what is on its
// way, and what goes next.

#include "support/catch.hpp"

#include <skerry/stack/sequence.hpp>
#include <skerry/stack/tcp/scoreboard.hpp>

#include <algorithm>
#include <random>
#include <vector>

namespace skerry {
namespace {

using stack::tcp::Scoreboard;
using stack::tcp::SendQueue;
using stack::tcp::SendSegment;
using stack::wire::SackBlock;

struct ModelSegment {
    std::uint32_t seq = 0;
    std::uint32_t bytes = 0;
    bool arrived = false;
    bool lost = false;
    bool again = false;

    [[nodiscard]] std::uint32_t end() const { return seq + bytes; }
};

/// A queue of segments under way, by whose side the model stands.
struct Flight {
    explicit Flight(std::uint32_t seed) : random(seed), una(0U - draw(60'000)), next(una), board(una) {
        for (std::uint32_t count = 1 + draw(40); count != 0; --count) send();
    }

    std::uint32_t draw(std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); }

    void send() {
        SendSegment segment;
        segment.seq = next;
        segment.length = static_cast<std::uint16_t>(1 + draw(1000));
        REQUIRE(queue.push_sent(segment));
        model.push_back({next, segment.length});
        next = segment.end();
    }
    /// Of whole segments, of parts of some, or of none of ours.
    SackBlock block() {
        const std::uint32_t from = draw(static_cast<std::uint32_t>(model.size()));
        const std::uint32_t count = 1 + draw(6);
        const ModelSegment& last = model[std::min<std::size_t>(from + count, model.size()) - 1];
        SackBlock made{model[from].seq, last.end()};
        if (draw(8) == 0) made.left += draw(20);
        if (draw(8) == 0) made.right -= draw(20);
        if (draw(20) == 0) made.right = next + 1 + draw(500);
        if (draw(20) == 0) made.left = una - 1 - draw(500);
        return made;
    }
    void tell() {
        std::vector<SackBlock> blocks;
        for (std::uint32_t count = 1 + draw(4); count != 0; --count) blocks.push_back(block());
        if (draw(2) == 0 && !told.empty()) blocks[0] = {told[0].left, std::max(told[0].right, blocks[0].right)};
        told = blocks;
        std::uint32_t fresh = 0;
        for (const SackBlock& each : blocks) {
            if (!stack::seq_before(each.left, each.right) || stack::seq_before(each.left, una) ||
                stack::seq_after(each.right, next))
                continue;
            for (ModelSegment& segment : model) {
                if (segment.arrived || stack::seq_before(segment.seq, each.left) ||
                    stack::seq_after(segment.end(), each.right))
                    continue;
                segment = {segment.seq, segment.bytes, true, false, false};
                fresh += segment.bytes;
            }
        }
        CHECK(board.mark_arrived(queue, blocks) == fresh);
        board.mark_lost(queue);
        std::size_t behind = 0;
        for (auto each = model.rbegin(); each != model.rend(); ++each) {
            if (each->arrived)
                ++behind;
            else if (behind >= 3)
                each->lost = true;
        }
    }
    void acknowledge() {
        const ModelSegment& upto = model[draw(static_cast<std::uint32_t>(std::min<std::size_t>(model.size(), 4)))];
        const std::uint32_t ack = draw(3) == 0 ? upto.seq + draw(upto.bytes) : upto.end();
        std::uint32_t arrived = 0;
        while (!model.empty() && stack::seq_before(model.front().seq, ack)) {
            ModelSegment& front = model.front();
            const std::uint32_t bytes = std::min(front.bytes, ack - front.seq);
            if (front.arrived) arrived += bytes;
            front.seq += bytes;
            front.bytes -= bytes;
            if (front.bytes != 0) break;
            model.erase(model.begin());
        }
        CHECK(board.forget(queue, ack) == arrived);
        queue.acknowledge(ack);
        una = ack;
    }
    void time_out() {
        const bool is_forgotten = model.front().arrived;
        board.mark_all_lost(queue);
        for (ModelSegment& segment : model) {
            segment.again = false;
            if (is_forgotten) segment.arrived = false;
            segment.lost = !segment.arrived;
        }
    }
    void send_again() {
        SendSegment* const segment = board.next_lost(queue);
        const auto expected =
            std::find_if(model.begin(), model.end(), [](const auto& each) { return each.lost && !each.again; });
        REQUIRE((segment == nullptr) == (expected == model.end()));
        if (segment == nullptr) return;
        CHECK(segment->seq == expected->seq);
        expected->again = true;
        board.on_sent_again(*segment);
    }
    void check() {
        std::uint32_t off = 0;
        bool has_lost = false;
        bool is_clean = true;
        for (const ModelSegment& segment : model) {
            if (segment.arrived || segment.lost) off += segment.bytes;
            if (segment.again) off -= segment.bytes;
            has_lost |= segment.lost;
            is_clean = is_clean && !segment.arrived && !segment.lost && !segment.again;
        }
        CHECK(board.off_the_way() == off);
        CHECK(board.has_lost() == has_lost);
        CHECK(board.is_clean() == is_clean);
    }

    std::mt19937 random;
    std::uint32_t una;
    std::uint32_t next;
    SendQueue queue;
    Scoreboard board;
    std::vector<ModelSegment> model;
    std::vector<SackBlock> told;
};

TEST_CASE("the scoreboard knows what looking at every segment would tell", "[stack][tcp][sack]") {
    for (std::uint32_t seed = 1; seed <= 2000; ++seed) {
        CAPTURE(seed);
        Flight flight(seed);
        for (int step = 0; step < 60 && !flight.model.empty(); ++step) {
            const std::uint32_t what = flight.draw(20);
            if (what < 8)
                flight.tell();
            else if (what < 13)
                flight.send_again();
            else if (what < 16)
                flight.send();
            else if (what < 19)
                flight.acknowledge();
            else
                flight.time_out();
            flight.check();
        }
    }
}

TEST_CASE("what may be lost lies in front of what arrived", "[stack][tcp][sack]") {
    SendQueue queue;
    for (std::uint32_t i = 0; i < 6; ++i) {
        SendSegment segment;
        segment.seq = 100 * i;
        segment.length = 100;
        REQUIRE(queue.push_sent(segment));
    }
    Scoreboard board(0);
    const SackBlock third{200, 300};
    (void)board.mark_arrived(queue, std::span(&third, 1));
    board.mark_lost(queue);
    CHECK_FALSE(board.has_lost());
    CHECK(board.next_lost(queue) == nullptr);
    for (const std::uint32_t number : {0U, 1U}) {
        SendSegment* const segment = board.next_doubtful(queue);
        REQUIRE(segment != nullptr);
        CHECK(segment->seq == 100 * number);
        board.on_sent_again(*segment);
    }
    CHECK(board.next_doubtful(queue) == nullptr);
}

}  // namespace
}  // namespace skerry
