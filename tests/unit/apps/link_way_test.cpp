#include "link/way.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <vector>

namespace skerry {
namespace {

using link::Fate;
using link::Way;
using link::WayRules;
using namespace std::chrono_literals;

constexpr std::int64_t ms = 1'000'000;

/// 1,000 bytes a millisecond.
WayRules slow() {
    WayRules rules;
    rules.bits_per_second = 8'000'000;
    rules.delay = 5ms;
    rules.queue_bytes = 3'000;
    return rules;
}

std::vector<Fate> fates(const WayRules& rules, int count, std::int64_t apart_ns = ms) {
    Way way(rules);
    std::vector<Fate> all;
    std::int64_t due = 0;
    for (int i = 0; i < count; ++i) all.push_back(way.take(i * apart_ns, 1'000, due));
    return all;
}

TEST_CASE("link_way: a frame takes the time of its bytes and of the way", "[apps]") {
    Way way(slow());
    std::int64_t due = 0;
    REQUIRE(way.take(10 * ms, 1'000, due) == Fate::arrives);
    REQUIRE(due == 16 * ms);
}

TEST_CASE("link_way: frames leave one behind the other", "[apps]") {
    Way way(slow());
    std::int64_t due = 0;
    (void)way.take(0, 1'000, due);
    REQUIRE(way.take(0, 500, due) == Fate::arrives);
    REQUIRE(due == 6'500'000);
    REQUIRE(way.take(50 * ms, 1'000, due) == Fate::arrives);
    REQUIRE(due == 56 * ms);
}

TEST_CASE("link_way: what the queue does not hold is dropped, and it empties with time", "[apps]") {
    Way way(slow());
    std::int64_t due = 0;
    for (int i = 0; i < 3; ++i) REQUIRE(way.take(0, 1'000, due) == Fate::arrives);
    REQUIRE(way.take(0, 1'000, due) == Fate::queue_full);
    REQUIRE(way.take(ms, 1'000, due) == Fate::arrives);
    REQUIRE(way.take(ms, 1'000, due) == Fate::queue_full);
    REQUIRE(way.counts().queue_full == 2);
    REQUIRE(way.counts().frames == 6);
}

TEST_CASE("link_way: the same seed loses the same frames, another one others", "[apps]") {
    WayRules rules = slow();
    rules.loss = 0.03;
    const auto first = fates(rules, 20'000);
    REQUIRE(fates(rules, 20'000) == first);
    const auto lost = std::count(first.begin(), first.end(), Fate::lost);
    REQUIRE(lost > 500);
    REQUIRE(lost < 700);
    rules.seed = 2;
    REQUIRE(fates(rules, 20'000) != first);
}

TEST_CASE("link_way: which frames are lost depends on nothing but their number", "[apps]") {
    WayRules rules = slow();
    rules.loss = 0.1;
    const auto apart = fates(rules, 1'000, 10 * ms);
    rules.reorder = 0.5;
    rules.reorder_delay = 1ms;
    const auto with_others_late = fates(rules, 1'000, 2 * ms);
    for (std::size_t i = 0; i < apart.size(); ++i)
        REQUIRE((apart[i] == Fate::lost) == (with_others_late[i] == Fate::lost));
}

TEST_CASE("link_way: short frames are spared and do not count", "[apps]") {
    WayRules rules = slow();
    rules.loss = 0.1;
    Way alone(rules);
    Way mixed(rules);
    std::int64_t due = 0;
    for (int i = 0; i < 1'000; ++i) {
        const std::int64_t now = i * 10 * ms;
        REQUIRE(mixed.take(now, rules.spared_bytes, due) == Fate::arrives);
        REQUIRE(mixed.take(now, 1'000, due) == alone.take(now, 1'000, due));
    }
}

TEST_CASE("link_way: a late frame is overtaken by the next ones", "[apps]") {
    WayRules rules = slow();
    rules.reorder = 1;
    rules.reorder_delay = 20ms;
    Way way(rules);
    std::int64_t due = 0;
    REQUIRE(way.take(0, 1'000, due) == Fate::arrives_late);
    REQUIRE(due == 26 * ms);
    REQUIRE(way.take(0, 60, due) == Fate::arrives);
    REQUIRE(due < 26 * ms);
    REQUIRE(way.counts().reordered == 1);
}

TEST_CASE("link_way: what is lost takes its time on the link", "[apps]") {
    WayRules rules = slow();
    rules.loss = 1;
    Way way(rules);
    std::int64_t due = 0;
    REQUIRE(way.take(0, 1'000, due) == Fate::lost);
    REQUIRE(way.take(0, 60, due) == Fate::arrives);
    REQUIRE(due == 6'060'000);
}

}  // namespace
}  // namespace skerry
