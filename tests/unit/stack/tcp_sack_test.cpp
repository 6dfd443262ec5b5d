// Selective acknowledgements, both ways: what is told of what came out of order, and what a sender makes of being told.

#include "support/tcp_host.hpp"

#include <random>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::wire::SackBlock;
using Blocks = std::vector<SackBlock>;

std::string pattern(std::size_t bytes) {
    std::string text(bytes, ' ');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i % 23);
    return text;
}

TestSegment syn_with_sack() {
    TestSegment syn;
    syn.mss = 1000;
    syn.sack_permitted = true;
    return syn;
}

stack::StackConfig without_sack() {
    stack::StackConfig config = host_config();
    config.tcp.sack = false;
    return config;
}

// --- agreeing

TEST_CASE("a SYN-ACK permits SACK exactly when the SYN did", "[stack][tcp][sack]") {
    const bool does_peer = GENERATE(false, true);
    const bool do_we = GENERATE(false, true);
    TcpHost host(do_we ? host_config() : without_sack());
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 1000;
    syn.sack_permitted = does_peer;
    host.come(syn);
    CHECK(host.only().sack_permitted == (does_peer && do_we));
    host.pass(5min);
    (void)host.sent();
}

TEST_CASE("our SYN permits SACK, and the connection has it when the peer permits it too", "[stack][tcp][sack]") {
    const bool does_peer = GENERATE(false, true);
    TcpHost host;
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().connect(endpoint, peer_ip, 80, host.now));
    const TestSegment syn = host.only();
    CHECK(syn.sack_permitted);
    TestSegment answer;
    answer.flags = flag::syn | flag::ack;
    answer.seq = 5000;
    answer.ack = syn.seq + 1;
    answer.sack_permitted = does_peer;
    host.come(answer, host.last_port, 80);
    (void)host.sent();
    CHECK(bool{endpoint.tcb->has_sack} == does_peer);
}

// --- telling

/// A connection whose peer's segments come out of order.
struct Receiving : TcpHost {
    explicit Receiving(TestSegment syn = syn_with_sack(), const stack::StackConfig& config = host_config())
        : TcpHost(config), has_timestamps(syn.timestamps.has_value()) {
        ours = &establish(syn);
    }
    /// So many bytes that lie so far ahead; the blocks of the answer, from there too.
    Blocks come_ahead(std::uint32_t ahead, std::size_t bytes) {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = peer_seq + ahead;
        segment.ack = host_seq;
        segment.text = pattern(bytes);
        if (has_timestamps) segment.timestamps = stack::wire::TcpTimestamps{1000, 0};
        come(segment);
        Blocks told = only().sack;
        for (SackBlock& block : told) block = {block.left - peer_seq, block.right - peer_seq};
        return told;
    }

    bool has_timestamps;
    TestEndpoint* ours;
};

TEST_CASE("what came out of order is told of, the newest first", "[stack][tcp][sack]") {
    Receiving host;
    CHECK(host.come_ahead(100, 50) == Blocks{{100, 150}});
    CHECK(host.come_ahead(300, 50) == Blocks{{300, 350}, {100, 150}});
    CHECK(host.come_ahead(500, 50) == Blocks{{500, 550}, {300, 350}, {100, 150}});
    CHECK(host.come_ahead(700, 50) == Blocks{{700, 750}, {500, 550}, {300, 350}, {100, 150}});
    CHECK(host.come_ahead(900, 50) == Blocks{{900, 950}, {700, 750}, {500, 550}, {300, 350}});
    CHECK(host.come_ahead(150, 50) == Blocks{{100, 200}, {900, 950}, {700, 750}, {500, 550}});
    CHECK(host.come_ahead(550, 150) == Blocks{{500, 750}, {100, 200}, {900, 950}, {300, 350}});
}

TEST_CASE("beside timestamps there is room for three blocks", "[stack][tcp][sack]") {
    TestSegment syn = syn_with_sack();
    syn.timestamps = stack::wire::TcpTimestamps{1000, 0};
    Receiving host(syn);
    for (std::uint32_t i = 1; i <= 3; ++i) CHECK(host.come_ahead(200 * i, 50).size() == i);
    CHECK(host.come_ahead(800, 50) == Blocks{{800, 850}, {600, 650}, {400, 450}});
}

TEST_CASE("a gap that is filled is told of no more", "[stack][tcp][sack]") {
    Receiving host;
    CHECK(host.come_ahead(100, 50).size() == 1);
    CHECK(host.come_ahead(300, 50).size() == 2);
    TestSegment first;
    first.flags = flag::ack;
    first.seq = host.peer_seq;
    first.ack = host.host_seq;
    first.text = pattern(100);
    host.come(first);
    const TestSegment ack = host.only();
    CHECK(ack.ack == host.peer_seq + 150);
    CHECK(ack.sack == Blocks{{host.peer_seq + 300, host.peer_seq + 350}});
    first.seq = host.peer_seq + 150;
    first.text = pattern(150);
    host.come(first);
    const TestSegment last = host.only();
    CHECK(last.ack == host.peer_seq + 350);
    CHECK(last.sack.empty());
}

TEST_CASE("a peer that did not permit it is told of no blocks", "[stack][tcp][sack]") {
    TestSegment syn = syn_with_sack();
    SECTION("its SYN did not") {
        syn.sack_permitted = false;
        Receiving host(syn);
        CHECK(host.come_ahead(100, 50).empty());
        CHECK(host.come_ahead(100, 50).empty());
    }
    SECTION("we do not") {
        Receiving host(syn, without_sack());
        CHECK(host.come_ahead(100, 50).empty());
    }
}

TEST_CASE("what came twice is told of in front: RFC 2883", "[stack][tcp][sack]") {
    Receiving host;
    CHECK(host.come_ahead(100, 50) == Blocks{{100, 150}});
    CHECK(host.come_ahead(110, 20) == Blocks{{110, 130}, {100, 150}});
    host.say(pattern(100));
    (void)host.sent();
    CHECK(host.ours->tcb->rcv_nxt == host.peer_seq + 50);
    CHECK(host.come_ahead(0U - 100, 40) == Blocks{{0U - 100, 0U - 60}});  // long acknowledged
    CHECK(host.come_ahead(0, 50) == Blocks{{0, 50}});
    CHECK(host.come_ahead(200, 50) == Blocks{{200, 250}});
}

TEST_CASE("the blocks are what is here, whatever order it came in", "[stack][tcp][sack]") {
    for (std::uint32_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        TestSegment syn = syn_with_sack();
        syn.seq = 0U - static_cast<std::uint32_t>(random() % 2000);
        Receiving host(syn);
        std::vector<bool> here(1200);
        for (int i = 0; i < 30; ++i) {
            const std::uint32_t from = 1 + random() % 1000;
            const std::uint32_t bytes = 1 + random() % 100;
            const auto end = here.begin() + from + bytes;
            const auto left = std::find(here.begin() + from, end, true);
            const auto right = std::find(left, end, false);
            const SackBlock known{static_cast<std::uint32_t>(left - here.begin()),
                                  static_cast<std::uint32_t>(right - here.begin())};
            const bool is_known = left != end;
            const Blocks told = host.come_ahead(from, bytes);
            std::fill_n(here.begin() + from, bytes, true);
            REQUIRE_FALSE(told.empty());
            if (is_known) CHECK(told.front() == known);
            CHECK(told.size() <= 4);
            for (std::size_t at = is_known ? 1 : 0; at < told.size(); ++at) {
                CHECK(std::find(here.begin() + told[at].left, here.begin() + told[at].right, false) ==
                      here.begin() + told[at].right);
                CHECK_FALSE(here[told[at].left - 1]);
                CHECK_FALSE(here[told[at].right]);
            }
            const SackBlock& newest = told.at(is_known ? 1 : 0);
            CHECK((newest.left <= from && from + bytes <= newest.right));
        }
    }
}

// --- being told

/// A connection whose peer takes segments of 1,000 bytes, and has got the first so many.
struct Sending : TcpHost {
    explicit Sending(std::size_t segments = 10, const stack::StackConfig& config = host_config()) : TcpHost(config) {
        ours = &establish(syn_with_sack());
        CHECK(write(*ours, pattern(1000 * segments)) == 1000 * segments);
        first = host_seq;
        CHECK(sent().size() == std::min<std::size_t>(segments, 10));
    }
    /// Everything before segment `ack` is here, and of the rest segments [from, to).
    void tell(std::uint32_t ack, std::initializer_list<std::pair<std::uint32_t, std::uint32_t>> blocks) {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = peer_seq;
        segment.ack = first + 1000 * ack;
        for (const auto& [from, to] : blocks) segment.sack.push_back({first + 1000 * from, first + 1000 * to});
        come(segment);
    }
    /// Which segments left.
    std::vector<std::uint32_t> left() {
        std::vector<std::uint32_t> numbers;
        for (const TestSegment& segment : sent()) {
            CHECK(segment.text.size() == 1000);
            numbers.push_back((segment.seq - first) / 1000);
        }
        return numbers;
    }
    [[nodiscard]] std::uint32_t window() const { return ours->tcb->congestion.window; }

    TestEndpoint* ours;
    std::uint32_t first = 0;
};

using Numbers = std::vector<std::uint32_t>;

TEST_CASE("what has three segments behind it that arrived is sent again, what has two is not", "[stack][tcp][sack]") {
    Sending host;
    host.tell(0, {{1, 2}});
    host.tell(0, {{1, 3}});
    CHECK(host.left().empty());
    host.tell(0, {{1, 4}});
    CHECK(host.left() == Numbers{0});
    host.tell(0, {{1, 5}});
    CHECK(host.left().empty());  // one copy is enough
    host.tell(10, {});
    CHECK(host.ours->tcb->queue.empty());
    CHECK(host.ours->tcb->board == nullptr);
    CHECK_FALSE(bool{host.ours->tcb->in_recovery});
}

// It left before the one that overtook it, and its blocks are as true as they were: RFC 6675 section 5.
TEST_CASE("blocks in an acknowledgement that was overtaken tell too, and its window says nothing",
          "[stack][tcp][sack]") {
    Sending host;
    host.tell(1, {});
    CHECK(host.left().empty());
    TestSegment late;
    late.flags = flag::ack;
    late.seq = host.peer_seq + 1;  // and nothing that it says of the window counts, though its number is new
    late.ack = host.first;
    late.window = 10;
    late.sack = {{host.first + 3000, host.first + 6000}};
    host.come(late);
    CHECK(host.left() == Numbers{1});
    CHECK(host.ours->tcb->snd_una == host.first + 1000);
    CHECK(host.ours->tcb->snd_wnd == 65'535);
    late.sack = {{host.first, host.first + 1000}};  // of what is acknowledged since
    host.come(late);
    CHECK(host.left().empty());
    host.tell(10, {});
    CHECK(host.ours->tcb->queue.empty());
    CHECK(host.ours->tcb->board == nullptr);
}

TEST_CASE("blocks of an overtaken acknowledgement that are acknowledged since leave no scoreboard",
          "[stack][tcp][sack]") {
    Sending host;
    host.tell(6, {});
    (void)host.left();
    host.tell(0, {{1, 5}});
    CHECK(host.left().empty());
    CHECK(host.ours->tcb->board == nullptr);
    CHECK(host.ours->tcb->duplicate_acks == 0);
    CHECK_FALSE(bool{host.ours->tcb->in_recovery});
}

TEST_CASE("three may arrive at once, or apart", "[stack][tcp][sack]") {
    Sending host;
    SECTION("in one acknowledgement") { host.tell(0, {{1, 4}}); }
    SECTION("in ranges") { host.tell(0, {{8, 9}, {5, 6}, {2, 3}}); }
    CHECK(host.left().at(0) == 0);
    host.tell(10, {});
}

TEST_CASE("several losses of one window are mended in one round trip", "[stack][tcp][sack]") {
    Sending host;
    host.tell(0, {{1, 2}});
    host.tell(0, {{3, 4}, {1, 2}});
    host.tell(0, {{5, 6}, {3, 4}, {1, 2}});
    CHECK(host.left() == Numbers{0});
    host.tell(0, {{5, 7}, {3, 4}, {1, 2}});
    host.tell(0, {{5, 8}, {3, 4}, {1, 2}});
    host.tell(0, {{5, 9}, {3, 4}, {1, 2}});
    host.tell(0, {{5, 10}, {3, 4}, {1, 2}});
    CHECK(host.left() == Numbers{2, 4});  // without waiting for the first
    host.tell(2, {{5, 10}, {3, 4}});
    CHECK(host.window() == 5000);  // halved once
    host.tell(10, {});
    CHECK(host.ours->tcb->queue.empty());
    CHECK_FALSE(bool{host.ours->tcb->in_recovery});
}

TEST_CASE("of many losses no more go again at once than the halved window allows", "[stack][tcp][sack]") {
    Sending host;
    host.tell(0, {{7, 10}});
    CHECK(host.left() == Numbers{0, 1, 2, 3, 4});
    host.tell(1, {{7, 10}});
    CHECK(host.left() == Numbers{5});
    host.tell(10, {});
}

TEST_CASE("no more is on its way than the halved window allows", "[stack][tcp][sack]") {
    Sending host(40);
    host.tell(0, {{1, 4}});  // lost 0; on the way 4 to 9, and 0 again
    CHECK(host.left() == Numbers{0});
    host.tell(0, {{1, 5}});
    host.tell(0, {{1, 6}});
    CHECK(host.left().empty());
    host.tell(0, {{1, 7}});  // 7, 8, 9, 0: room for one
    CHECK(host.left() == Numbers{10});
    host.tell(0, {{1, 8}});
    CHECK(host.left() == Numbers{11});
    host.tell(8, {});
    host.tell(40, {});
}

TEST_CASE("the first arrivals out of order let a new segment out each", "[stack][tcp][sack]") {
    Sending host(20);
    host.tell(0, {{1, 2}});
    CHECK(host.left() == Numbers{10});
    host.tell(0, {{1, 3}});
    CHECK(host.left() == Numbers{11});
    host.tell(3, {});  // it had only been overtaken: nothing is lost
    CHECK(host.ours->tcb->board == nullptr);
    for (const std::uint32_t number : host.left()) CHECK(number >= 12);
}

TEST_CASE("what arrived is not sent again after a time-out, and what is known lost goes first", "[stack][tcp][sack]") {
    Sending host;
    host.tell(0, {{2, 4}, {6, 8}});
    (void)host.left();
    std::vector<TestSegment> again;
    Numbers numbers;
    for (std::uint32_t expected = 0; numbers.size() < 6; ++expected) {
        REQUIRE(expected < 20);
        (void)host.until_sent(5min, again);
        for (const TestSegment& segment : again) {
            numbers.push_back((segment.seq - host.first) / 1000);
            const std::uint32_t number = numbers.back();
            CHECK_FALSE((number == 2 || number == 3 || number == 6 || number == 7));
        }
        // The acknowledgement of each: of all in front of the next that is missing.
        if (numbers.empty()) continue;
        const std::uint32_t last = numbers.back();
        host.tell(last == 1 ? 4 : last == 5 ? 8 : last + 1, {});
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    CHECK(numbers == Numbers{0, 1, 4, 5, 8, 9});
    host.tell(10, {});
}

TEST_CASE("a peer that forgot what it told of gets it again after a time-out", "[stack][tcp][sack]") {
    Sending host(4);
    host.tell(0, {{0, 1}, {2, 4}});  // the oldest arrived, and is not acknowledged: it was thrown away
    Numbers numbers;
    std::vector<TestSegment> again;
    for (std::uint32_t i = 0; i < 4; ++i) {
        (void)host.until_sent(5min, again);
        for (const TestSegment& segment : again) numbers.push_back((segment.seq - host.first) / 1000);
        host.tell(i + 1, {});
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    CHECK(numbers == Numbers{0, 1, 2, 3});
}

TEST_CASE("an acknowledgement that stops in a recovery has the next lost one sent, without one behind it",
          "[stack][tcp][sack]") {
    Sending host;
    host.tell(0, {{1, 4}});
    host.tell(0, {{1, 9}});
    CHECK(host.left() == Numbers{0});
    host.tell(9, {});  // the last is lost as well, and nothing comes behind it
    CHECK(host.left() == Numbers{9});
    host.tell(9, {});
    CHECK(host.left().empty());
    host.tell(10, {});
    CHECK_FALSE(bool{host.ours->tcb->in_recovery});
}

TEST_CASE("a loss halves the window however far from the one before it", "[stack][tcp][sack]") {
    const bool is_told = GENERATE(true, false);
    Sending host(10, is_told ? host_config() : without_sack());
    host.ours->tcb->recover = host.first - 0x8000'0001U;  // as after 2 GiB without a loss
    for (std::uint32_t i = 2; i <= 4; ++i) is_told ? host.tell(0, {{1, i}}) : host.tell(0, {});
    CHECK(host.left() == Numbers{0});
    CHECK(bool{host.ours->tcb->in_recovery});
    CHECK(host.ours->tcb->congestion.threshold == 5000);
    host.tell(10, {});
}

TEST_CASE("what was overtaken lets the window grow as what was not", "[stack][tcp][sack]") {
    const bool is_overtaken = GENERATE(true, false);
    Sending host(60);
    if (is_overtaken) {
        host.tell(0, {{1, 2}});
        host.tell(0, {{1, 3}});
    }
    host.tell(3, {});
    CHECK(host.window() == 13'000);
    (void)host.left();
    host.tell(60, {});
}

TEST_CASE("a recovery that duplicates began goes on when there is memory for a scoreboard", "[stack][tcp][sack]") {
    Sending host(10, without_sack());
    for (int i = 0; i < 4; ++i) host.tell(0, {});
    CHECK(host.left() == Numbers{0});
    host.ours->tcb->has_sack = true;  // without memory it is as if there were none
    host.tell(0, {{2, 3}});
    CHECK(host.window() == 5000);
    CHECK(host.left().empty());
    host.tell(1, {{2, 7}});  // 1 is lost as well
    CHECK(host.left() == Numbers{1});
    host.tell(10, {});
    CHECK(host.ours->tcb->board == nullptr);
}

TEST_CASE("blocks of what was never sent, or backwards, mean nothing", "[stack][tcp][sack]") {
    Sending host;
    const std::uint32_t first = host.first;
    const auto blocks = GENERATE_COPY(values<Blocks>({
        {{first + 1000, first + 20'000}},
        {{first + 20'000, first + 30'000}},
        {{first + 5000, first + 1000}},
        {{first + 5000, first + 5000}},
        {{first - 5000, first - 1000}},
        {{first - 5000, first + 8000}},
        {{first + 1500, first + 1900}, {first + 2500, first + 2900}, {first + 3500, first + 3900}},
        {{0, 0xffff'ffff}, {first + 0x8000'0000, first}},
    }));
    for (int i = 0; i < 5; ++i) {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = host.peer_seq;
        segment.ack = first;
        segment.sack = blocks;
        host.come(segment);
    }
    CHECK(host.left().empty());
    CHECK(host.ours->tcb->board == nullptr);
    host.tell(10, {});
}

TEST_CASE("blocks mean nothing where they were not permitted", "[stack][tcp][sack]") {
    Sending host(10, without_sack());
    host.tell(0, {{1, 6}});
    CHECK(host.left().empty());
    host.tell(0, {{1, 7}});
    host.tell(0, {{1, 8}});
    CHECK(host.left() == Numbers{0});  // the third duplicate
    host.tell(10, {});
}

TEST_CASE("duplicates that tell of nothing are none where it was agreed on", "[stack][tcp][sack]") {
    Sending host(20);
    for (int i = 0; i < 5; ++i) host.tell(0, {});
    CHECK(host.left().empty());
    CHECK_FALSE(bool{host.ours->tcb->in_recovery});
    CHECK(host.window() == 10'000);
    std::vector<TestSegment> again;
    (void)host.until_sent(5min, again);
    CHECK(again.at(0).seq == host.first);
    host.tell(20, {});
}

}  // namespace
}  // namespace skerry
