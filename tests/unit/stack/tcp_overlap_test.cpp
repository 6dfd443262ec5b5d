// Segments that overlap, as a peer makes them who cuts what it sends again at other places. What is read is judged byte
// by byte by a model that knows no segments: which bytes of the stream have come.

#include "support/tcp_host.hpp"

#include <skerry/stack/tcp/reassembly.hpp>

#include <map>
#include <random>

namespace skerry {
namespace {

using namespace tests;
using stack::Frame;
using stack::tcp::Reassembly;
using stack::tcp::State;

char byte_of(std::uint32_t seq) { return static_cast<char>('a' + (seq * 2'654'435'761U >> 24U) % 26); }

std::string text_of(std::uint32_t seq, std::size_t bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i) text += byte_of(seq + static_cast<std::uint32_t>(i));
    return text;
}

/// Bytes of a stream that have come, by how far from its beginning they are.
class Model {
public:
    void put(std::size_t from, std::size_t to) {
        for (std::size_t at = from; at < to; ++at) bytes_[at] = byte_of(base_ + static_cast<std::uint32_t>(at));
    }
    /// Nothing is behind that.
    void end_at(std::size_t end) { bytes_.erase(bytes_.lower_bound(end), bytes_.end()); }
    /// Takes all that can be read now.
    std::string take() {
        std::string text;
        for (auto next = bytes_.find(read_); next != bytes_.end(); next = bytes_.find(read_)) {
            text += next->second;
            bytes_.erase(bytes_.begin(), std::next(next));
            ++read_;
        }
        return text;
    }
    [[nodiscard]] std::size_t read() const { return read_; }
    [[nodiscard]] std::uint32_t seq_of(std::size_t offset) const { return base_ + static_cast<std::uint32_t>(offset); }

    explicit Model(std::uint32_t base) : base_(base) {}

private:
    std::uint32_t base_;
    std::map<std::size_t, char> bytes_;
    std::size_t read_ = 0;
};

/// What came too early, and the data in order that is taken in between, as a receiver does it.
struct Early {
    explicit Early(std::uint32_t base) : model(base) {}

    Reassembly::Outcome insert(std::size_t from, std::size_t to) {
        const std::string text = text_of(model.seq_of(from), to - from);
        Frame* const frame = frames.allocate();
        REQUIRE(frame != nullptr);
        std::memcpy(frame->data, text.data(), text.size());
        frame->length = static_cast<std::uint16_t>(text.size());
        std::uint32_t dropped = 0;
        const auto outcome = pieces.insert(model.seq_of(from), *frame, 64, dropped);
        if (outcome != Reassembly::Outcome::kept) frame->drop();
        CHECK(dropped == 0);
        model.put(from, to);
        return outcome;
    }
    /// The data up to there has come in order. What follows it is taken, and what is left begins later.
    void fill(std::size_t to) {
        std::string text = text_of(model.seq_of(model.read()), to - model.read());
        std::size_t next = to;
        while (Frame* const frame = pieces.take(model.seq_of(next))) {
            CHECK(frame->length != 0);
            text.append(reinterpret_cast<const char*>(frame->data), frame->length);
            next += frame->length;
            frame->drop();
        }
        model.put(model.read(), to);
        CHECK(text == model.take());
        CHECK(next == model.read());
    }

    Model model;
    backend::HeapFrames frames;
    Reassembly pieces;
};

/// From the middle of the numbers, and where they wrap inside the data.
std::uint32_t base() { return GENERATE(1000U, 0xffff'fffaU, 0xffff'ffecU, 0x7fff'fffaU); }

using Outcome = Reassembly::Outcome;

TEST_CASE("data in order that reaches into a piece leaves the rest of it", "[stack][tcp][overlap]") {
    Early early(base());
    CHECK(early.insert(10, 20) == Outcome::kept);
    const std::size_t reaches = GENERATE(10U, 11U, 15U, 19U);
    early.fill(reaches);
    CHECK(early.model.read() == 20);
    CHECK(early.pieces.empty());
}

TEST_CASE("data in order that covers pieces passes them by", "[stack][tcp][overlap]") {
    Early early(base());
    CHECK(early.insert(10, 20) == Outcome::kept);
    CHECK(early.insert(22, 24) == Outcome::kept);
    CHECK(early.insert(30, 40) == Outcome::kept);
    const std::size_t reaches = GENERATE(20U, 21U, 22U, 23U, 24U, 29U, 30U, 31U, 39U, 40U, 50U);
    early.fill(reaches);
    CHECK(early.model.read() == (reaches < 22   ? reaches
                                 : reaches < 30 ? std::max<std::size_t>(reaches, 24)
                                                : std::max<std::size_t>(reaches, 40)));
    CHECK(early.pieces.size() == (reaches < 22 ? 2 : reaches < 30 ? 1 : 0));
    CHECK(early.frames.out() == early.pieces.size());
    early.fill(60);
    CHECK(early.pieces.empty());
}

TEST_CASE("a piece keeps what is new in it, whatever it overlaps", "[stack][tcp][overlap]") {
    struct Case {
        const char* name;
        std::size_t from, to;
        Outcome outcome;
        std::size_t pieces;
    };
    const Case each = GENERATE(values<Case>({
        {"the same again", 10, 20, Outcome::known, 2},
        {"inside an old one", 12, 18, Outcome::known, 2},
        {"the end of an old one", 15, 20, Outcome::known, 2},
        {"the beginning of an old one", 10, 15, Outcome::known, 2},
        {"over the end of an old one", 15, 25, Outcome::kept, 3},
        {"over the beginning of an old one", 5, 15, Outcome::kept, 3},
        {"from the beginning of an old one, longer", 10, 25, Outcome::kept, 3},
        {"to the end of an old one, longer", 5, 20, Outcome::kept, 2},
        {"over an old one, both ends", 5, 25, Outcome::kept, 2},
        {"adjacent behind", 20, 25, Outcome::kept, 3},
        {"adjacent in front", 5, 10, Outcome::kept, 3},
        {"into two", 15, 35, Outcome::kept, 3},
        {"between two, exactly", 20, 30, Outcome::kept, 3},
        {"from one to behind the other", 15, 45, Outcome::kept, 2},
        {"from in front of one into the other", 5, 35, Outcome::kept, 2},
        {"over two", 5, 45, Outcome::kept, 1},
        {"exactly both and between", 10, 40, Outcome::kept, 2},
        {"one byte behind", 20, 21, Outcome::kept, 3},
        {"one byte in front", 9, 10, Outcome::kept, 3},
    }));
    CAPTURE(each.name);
    Early early(base());
    CHECK(early.insert(10, 20) == Outcome::kept);
    CHECK(early.insert(30, 40) == Outcome::kept);
    CHECK(early.insert(each.from, each.to) == each.outcome);
    CHECK(early.pieces.size() == each.pieces);
    CHECK(early.frames.out() == each.pieces);
    for (const std::size_t reaches : {1U, 7U, 12U, 22U, 33U, 50U})
        if (reaches > early.model.read()) early.fill(reaches);
    CHECK(early.pieces.empty());
    CHECK(early.frames.out() == 0);
}

// --- the whole receiver

/// A connection whose peer cuts as the test says.
struct Peer : TcpHost {
    explicit Peer(std::uint32_t first) : model(first) {
        TestSegment syn;
        syn.seq = first - 1;
        ours = &establish(syn);
    }
    /// Bytes [from, to) of the stream, and its end behind them. Then the acknowledgement and all that was read are
    /// compared with the model.
    void put(std::size_t from, std::size_t to, bool is_end = false) {
        TestSegment segment;
        segment.flags = static_cast<std::uint8_t>(flag::ack | (is_end ? flag::fin : 0));
        segment.seq = model.seq_of(from);
        segment.ack = host_seq;
        segment.text = text_of(segment.seq, to - from);
        come(segment);
        if (is_end) end = to;
        model.put(from, std::min(to, end));
        model.end_at(end);
        (void)sent();
        CHECK(read(*ours) == model.take());
        CHECK(ours->tcb->rcv_nxt == model.seq_of(model.read()) + (model.read() == end ? 1 : 0));
    }

    Model model;
    TestEndpoint* ours = nullptr;
    std::size_t end = std::numeric_limits<std::size_t>::max();
};

TEST_CASE("the end of a stream may come inside of what overlaps", "[stack][tcp][overlap]") {
    Peer peer(base());
    SECTION("in a segment that is known but for it") {
        peer.put(10, 20);
        peer.put(15, 20, true);
        peer.put(0, 12);
    }
    SECTION("in the middle of what is known, the rest of which is not of the stream") {
        peer.put(10, 20);
        peer.put(5, 15, true);
        peer.put(0, 7);
    }
    SECTION("in front of what is known") {
        peer.put(10, 20);
        peer.put(5, 8, true);
        peer.put(0, 7);
    }
    SECTION("behind data in order that covers the rest") {
        peer.put(10, 15);
        peer.put(0, 20, true);
    }
    SECTION("before the data that it is behind") {
        peer.put(20, 20, true);
        peer.put(15, 20);
        peer.put(3, 17);
        peer.put(0, 4);
    }
    SECTION("with data in order that stops where a piece with it begins") {
        peer.put(12, 20, true);
        peer.put(0, 12);
    }
    CHECK(peer.model.read() == peer.end);
    CHECK(peer.ours->tcb->state == State::close_wait);
    CHECK(peer.ours->tcb->reassembly.empty());
}

TEST_CASE("a stream that is cut anew each time it is sent arrives as it was", "[stack][tcp][overlap]") {
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        CAPTURE(seed);
        constexpr std::size_t bytes = 400;
        std::mt19937 random(seed);
        Peer peer(0U - static_cast<std::uint32_t>(random() % (2 * bytes)));
        for (int i = 0; i < 2000 && peer.model.read() < bytes; ++i) {
            // Near what is missing, as a peer sends again, and up to 60 bytes.
            const std::size_t begin = peer.model.read() - std::min<std::size_t>(peer.model.read(), random() % 40);
            const std::size_t from = std::min(begin + random() % (random() % 4 == 0 ? 41 : 150), bytes - 1);
            const std::size_t to = std::min(from + 1 + random() % 60, bytes);
            peer.put(from, to, to == bytes);
        }
        CHECK(peer.model.read() == bytes);
        CHECK(peer.ours->tcb->state == State::close_wait);
    }
}

}  // namespace
}  // namespace skerry
