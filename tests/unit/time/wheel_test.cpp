#include "support/catch.hpp"

#include <skerry/time/wheel.hpp>

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <random>
#include <vector>

namespace {

using skerry::time::Instant;
using skerry::time::TimerEntry;
using skerry::time::Wheel;

constexpr std::int64_t tick_ns = std::int64_t{1} << Wheel::tick_bits;
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

constexpr Instant at(std::int64_t ns) { return Instant::from_nanos(ns); }

/// An entry that leaves its wheel with its scope, as an awaiter does.
struct Timer : TimerEntry {
    Timer() = default;
    explicit Timer(std::int64_t deadline, int number = 0) : id(number) { deadline_ns = deadline; }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() {
        if (is_linked()) Wheel::remove(*this);
    }
    int id = 0;
};

int id_of(const TimerEntry& entry) { return static_cast<const Timer&>(entry).id; }

std::vector<int> fired_at(Wheel& wheel, std::int64_t now_ns) {
    std::vector<int> ids;
    wheel.advance(at(now_ns), [&](TimerEntry& entry) { ids.push_back(id_of(entry)); });
    return ids;
}

std::size_t advance(Wheel& wheel, std::int64_t now_ns) {
    return wheel.advance(at(now_ns), [](TimerEntry&) {});
}

/// Distances around every boundary of the wheel: nanoseconds, ticks, and the spans of all levels.
std::vector<std::int64_t> boundary_distances() {
    std::vector<std::int64_t> distances{0, 1, 2};
    for (int bit = Wheel::tick_bits; bit < 63; ++bit) {
        const std::int64_t span = std::int64_t{1} << bit;
        for (const std::int64_t off : {-tick_ns, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, tick_ns})
            distances.push_back(span + off);
    }
    distances.push_back(most);
    return distances;
}

constexpr std::int64_t boundary_starts[] = {
    0, 1, 127, 128, 63 * tick_ns, 64 * tick_ns - 1, 4095 * tick_ns + 5, 4096 * tick_ns, 1'700'000'000'123'456'789};

/// Wakes only when the wheel says so, as a sleeping core does. Returns how often until the first entry fired.
int sleep_until_fired(Wheel& wheel, std::int64_t& now_ns) {
    for (int wakes = 1;; ++wakes) {
        const std::int64_t wake_ns = wheel.next_deadline().as_nanos();
        if (wake_ns <= now_ns && wakes > 1) FAIL("the wheel asks to be woken without getting on");
        now_ns = std::max(now_ns, wake_ns);
        if (advance(wheel, now_ns) != 0) return wakes;
    }
}

}  // namespace

// Behaviour 27.
TEST_CASE("a timer fires at its deadline and not a nanosecond before", "[time][wheel]") {
    for (const std::int64_t start : boundary_starts) {
        for (const std::int64_t distance : boundary_distances()) {
            const std::int64_t deadline = (at(start) + std::chrono::nanoseconds{distance}).as_nanos();
            CAPTURE(start, deadline);
            Wheel wheel{at(start)};
            Timer timer{deadline};
            wheel.insert(timer);
            if (deadline > start) REQUIRE(advance(wheel, deadline - 1) == 0);
            REQUIRE(wheel.next_deadline() == at(deadline));
            REQUIRE(advance(wheel, deadline) == 1);
            REQUIRE_FALSE(timer.is_linked());
            REQUIRE(wheel.empty());
        }
    }
}

TEST_CASE("a timer fires on time whatever the steps on the way", "[time][wheel]") {
    for (const std::int64_t start : boundary_starts) {
        for (const std::int64_t distance : boundary_distances()) {
            const std::int64_t deadline = (at(start) + std::chrono::nanoseconds{distance}).as_nanos();
            CAPTURE(start, deadline);
            Wheel wheel{at(start)};
            Timer timer{deadline};
            wheel.insert(timer);
            // Halving what is left passes through every level below that of the entry.
            for (std::int64_t now = start; now < deadline; now += (deadline - now) / 2 + 1)
                REQUIRE(advance(wheel, now) == 0);
            REQUIRE(advance(wheel, deadline) == 1);
        }
    }
}

TEST_CASE("a sleeper wakes once for a single timer, at its deadline", "[time][wheel]") {
    for (const std::int64_t start : boundary_starts) {
        for (const std::int64_t distance : boundary_distances()) {
            const std::int64_t deadline = (at(start) + std::chrono::nanoseconds{distance}).as_nanos();
            CAPTURE(start, deadline);
            Wheel wheel{at(start)};
            Timer timer{deadline};
            wheel.insert(timer);
            std::int64_t now = start;
            REQUIRE(sleep_until_fired(wheel, now) == 1);
            REQUIRE(now == deadline);
        }
    }
}

TEST_CASE("with a crowded slot the next deadline is a bound that is never late", "[time][wheel]") {
    for (const std::int64_t distance :
         {std::int64_t{100}, 5 * tick_ns, 70 * tick_ns, 5000 * tick_ns, std::int64_t{1} << 40}) {
        CAPTURE(distance);
        Wheel wheel{at(1000)};
        std::deque<Timer> timers;
        for (int i = 0; i < 20; ++i) wheel.insert(timers.emplace_back(1000 + distance + 19 - i));
        CHECK(wheel.next_deadline() <= at(1000 + distance));
        std::int64_t now = 1000;
        CHECK(sleep_until_fired(wheel, now) <= static_cast<int>(Wheel::levels) + 1);
        CHECK(now == 1000 + distance);
    }
}

TEST_CASE("the bound holds for a crowded current slot with deadlines in the past", "[time][wheel]") {
    Wheel wheel{at(1'000'000)};
    std::deque<Timer> timers;
    for (int i = 0; i < 20; ++i) wheel.insert(timers.emplace_back(5000 - i));
    CHECK(wheel.next_deadline() <= at(4981));
    CHECK(advance(wheel, 1'000'000) == 20);
}

TEST_CASE("a wheel without entries has no deadline", "[time][wheel]") {
    Wheel wheel;
    CHECK(wheel.empty());
    CHECK(wheel.next_deadline() == Instant::max());
    CHECK(advance(wheel, most) == 0);

    Timer timer{5'000'000};
    Wheel other{at(1)};
    other.insert(timer);
    CHECK_FALSE(other.empty());
    Wheel::remove(timer);
    CHECK(other.empty());
    CHECK(other.next_deadline() == Instant::max());
    CHECK(advance(other, 6'000'000) == 0);
}

TEST_CASE("timers fire tick by tick whatever the order of insertion", "[time][wheel]") {
    std::mt19937_64 random{7};
    Wheel wheel{at(123'456)};
    std::deque<Timer> timers;
    for (int i = 0; i < 2000; ++i)
        wheel.insert(timers.emplace_back(123'456 + static_cast<std::int64_t>(random() >> (34 + random() % 20))));
    std::int64_t last_tick = 0;
    const std::size_t fired = wheel.advance(Instant::max(), [&](TimerEntry& entry) {
        const std::int64_t tick = entry.deadline_ns / tick_ns;
        CHECK(tick >= last_tick);
        last_tick = tick;
    });
    CHECK(fired == timers.size());
}

TEST_CASE("timers with the same deadline fire in the order of insertion", "[time][wheel]") {
    Wheel wheel;
    std::deque<Timer> timers;
    for (int i = 0; i < 5; ++i) wheel.insert(timers.emplace_back(777'777, i));
    CHECK(fired_at(wheel, 777'777) == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("within one tick only those that are due fire", "[time][wheel]") {
    Wheel wheel{at(1280)};
    Timer later{1300, 1};
    Timer sooner{1290, 2};
    Timer latest{1400, 3};
    wheel.insert(later);
    wheel.insert(sooner);
    wheel.insert(latest);
    CHECK(fired_at(wheel, 1289).empty());
    CHECK(fired_at(wheel, 1290) == std::vector<int>{2});
    CHECK(wheel.next_deadline() == at(1300));
    CHECK(fired_at(wheel, 1299).empty());
    CHECK(fired_at(wheel, 1350) == std::vector<int>{1});
    CHECK(fired_at(wheel, 1400) == std::vector<int>{3});
}

TEST_CASE("a deadline in the past fires in the next advance", "[time][wheel]") {
    Wheel wheel{at(50'000)};
    advance(wheel, 60'000);
    Timer past{5, 1};
    Timer before_time{-5, 2};
    wheel.insert(past);
    wheel.insert(before_time);
    CHECK(fired_at(wheel, 60'000) == std::vector<int>{1, 2});
}

TEST_CASE("an earlier time than the last fires only what is due at it", "[time][wheel]") {
    Wheel wheel;
    advance(wheel, 1'000'000);
    Timer due{900'000, 1};
    Timer not_due{950'001, 2};
    wheel.insert(due);
    wheel.insert(not_due);
    CHECK(fired_at(wheel, 950'000) == std::vector<int>{1});
    CHECK(fired_at(wheel, 950'001) == std::vector<int>{2});
}

TEST_CASE("an earlier time does not bring later timers forward", "[time][wheel]") {
    Wheel wheel;
    advance(wheel, 1'000'000);
    Timer later{1'001'000, 1};
    wheel.insert(later);
    CHECK(fired_at(wheel, 10).empty());
    Timer past{500'000, 2};
    wheel.insert(past);
    CHECK(fired_at(wheel, 900'000) == std::vector<int>{2});
    CHECK(fired_at(wheel, 1'000'999).empty());
    CHECK(fired_at(wheel, 1'001'000) == std::vector<int>{1});
}

TEST_CASE("a removed timer does not fire", "[time][wheel]") {
    Wheel wheel;
    Timer kept{10'000, 1};
    Timer removed{10'000, 2};
    wheel.insert(kept);
    wheel.insert(removed);
    Wheel::remove(removed);
    CHECK(fired_at(wheel, 20'000) == std::vector<int>{1});

    SECTION("and can be inserted again") {
        removed.deadline_ns = 30'000;
        wheel.insert(removed);
        CHECK(fired_at(wheel, 29'999).empty());
        CHECK(fired_at(wheel, 30'000) == std::vector<int>{2});
    }
}

TEST_CASE("firing may remove timers that are due in the same advance", "[time][wheel][fire]") {
    Wheel wheel;
    std::deque<Timer> timers;
    for (int i = 0; i < 6; ++i) wheel.insert(timers.emplace_back(1000 + 100 * i, i));
    std::vector<int> fired;
    wheel.advance(at(10'000), [&](TimerEntry& entry) {
        const int id = id_of(entry);
        fired.push_back(id);
        if (id == 0) Wheel::remove(timers[1]);  // the next
        if (id == 2) Wheel::remove(timers[5]);  // the last
    });
    CHECK(fired == std::vector<int>{0, 2, 3, 4});
    CHECK(wheel.empty());
}

TEST_CASE("firing may end the life of the timer", "[time][wheel][fire]") {
    Wheel wheel;
    for (int i = 0; i < 3; ++i) wheel.insert(*new Timer{1000 * i, i});
    std::size_t fired = 0;
    wheel.advance(at(5000), [&](TimerEntry& entry) {
        delete static_cast<Timer*>(&entry);
        ++fired;
    });
    CHECK(fired == 3);
}

TEST_CASE("what firing inserts for the past fires in the next advance, not in this one", "[time][wheel][fire]") {
    Wheel wheel;
    const std::int64_t renewed_for =
        GENERATE(std::int64_t{0}, std::int64_t{999}, std::int64_t{50'000}, std::int64_t{99'999}, std::int64_t{100'000});
    Timer timer{1000, 1};
    wheel.insert(timer);
    std::size_t fired = 0;
    const auto renew = [&](TimerEntry& entry) {
        ++fired;
        entry.deadline_ns = renewed_for;
        wheel.insert(entry);
    };
    CHECK(wheel.advance(at(100'000), renew) == 1);
    CHECK(timer.is_linked());
    CHECK(wheel.advance(at(100'000), renew) == 1);
    CHECK(fired == 2);
}

TEST_CASE("firing may move a timer that is due in the same advance", "[time][wheel][fire]") {
    Wheel wheel;
    Timer first{1000, 1};
    Timer second{2000, 2};
    wheel.insert(first);
    wheel.insert(second);
    std::vector<int> fired;
    wheel.advance(at(5000), [&](TimerEntry& entry) {
        fired.push_back(id_of(entry));
        Wheel::remove(second);
        second.deadline_ns = 9000;
        wheel.insert(second);
    });
    CHECK(fired == std::vector<int>{1});
    CHECK(fired_at(wheel, 8999).empty());
    CHECK(fired_at(wheel, 9000) == std::vector<int>{2});
}

TEST_CASE("a short timer beside a long one fires on time after a long quiet", "[time][wheel]") {
    Wheel wheel;
    Timer year{31'556'952'000'000'000, 1};
    wheel.insert(year);
    std::int64_t now = 0;
    for (int i = 0; i < 100; ++i) {
        now += 12'345'678'901;
        CHECK(fired_at(wheel, now).empty());
        Timer soon{now + 500, 2};
        wheel.insert(soon);
        CHECK(wheel.next_deadline() == at(now + 500));
        CHECK(fired_at(wheel, now + 499).empty());
        CHECK(fired_at(wheel, now + 500) == std::vector<int>{2});
    }
    CHECK(fired_at(wheel, year.deadline_ns - 1).empty());
    CHECK(fired_at(wheel, year.deadline_ns) == std::vector<int>{1});
}

// One turn of a polling core must not stop for all timers of a slot, or whatever is due meanwhile is late.
TEST_CASE("a crowd of timers moves down a few at a time before it is due", "[time][wheel]") {
    constexpr std::int64_t step = 1000;
    const std::int64_t ahead = GENERATE(std::int64_t{50'000'000}, std::int64_t{1'000'000'000});
    Wheel wheel{at(777)};
    std::deque<Timer> timers;
    for (int i = 0; i < 10'000; ++i) wheel.insert(timers.emplace_back(777 + ahead + std::int64_t{i} * 3000));

    std::uint64_t most_moved = 0;
    std::int64_t latest = 0;
    std::size_t fired = 0;
    for (std::int64_t now = 777; fired < timers.size(); now += step) {
        const std::uint64_t before = wheel.moved_down();
        fired += wheel.advance(at(now), [&](TimerEntry& entry) {  //
            latest = std::max(latest, now - entry.deadline_ns);
        });
        most_moved = std::max(most_moved, wheel.moved_down() - before);
    }
    CHECK(latest < step);
    CHECK(most_moved == Wheel::entries_ahead);
}

TEST_CASE("a timer that moves down early does not hide a sooner one beside it", "[time][wheel]") {
    Wheel wheel;
    Timer later{158 * tick_ns, 1};
    wheel.insert(later);  // far enough for level 1
    CHECK(fired_at(wheel, 95 * tick_ns).empty());
    Timer sooner{140 * tick_ns, 2};
    wheel.insert(sooner);  // level 0
    CHECK(fired_at(wheel, 96 * tick_ns).empty());  // the other one joins it
    CHECK(fired_at(wheel, 140 * tick_ns) == std::vector<int>{2});
    CHECK(fired_at(wheel, 158 * tick_ns) == std::vector<int>{1});
}

TEST_CASE("a crowd that a sleeping core never moved is due all the same", "[time][wheel]") {
    Wheel wheel{at(777)};
    std::deque<Timer> timers;
    for (int i = 0; i < 10'000; ++i) wheel.insert(timers.emplace_back(1'000'000'777 + std::int64_t{i} * 3000));
    std::int64_t now = 777;
    while (!wheel.empty()) {
        now = std::max(now, wheel.next_deadline().as_nanos());
        wheel.advance(at(now), [&](TimerEntry& entry) {
            if (entry.deadline_ns != now) FAIL("fired at " << now << " for " << entry.deadline_ns);
        });
    }
    CHECK(now == timers.back().deadline_ns);
}

TEST_CASE("never does not fire before the end of time", "[time][wheel]") {
    Wheel wheel{at(1'000'000'000'000)};
    Timer never{most, 1};
    wheel.insert(never);
    CHECK(wheel.next_deadline() == Instant::max());
    CHECK(fired_at(wheel, most - 1).empty());
    CHECK(fired_at(wheel, most) == std::vector<int>{1});
}

TEST_CASE("the wheel agrees with an ordered map over 100,000 operations", "[time][wheel][random]") {
    const auto seed = GENERATE(1U, 2U, 3U);
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    std::int64_t now = static_cast<std::int64_t>(random() >> 20);
    Wheel wheel{at(now)};
    std::deque<Timer> timers(500);
    std::multimap<std::int64_t, Timer*> expected;
    const auto forget = [&](Timer& timer) {
        const auto [begin, end] = expected.equal_range(timer.deadline_ns);
        expected.erase(std::find_if(begin, end, [&](const auto& item) { return item.second == &timer; }));
    };
    const auto insert = [&](Timer& timer, std::int64_t deadline) {
        timer.deadline_ns = deadline;
        wheel.insert(timer);
        expected.emplace(deadline, &timer);
    };
    // Distances are uniform in their logarithm: every level is hit.
    const auto distance = [&] { return static_cast<std::int64_t>(random() >> (16 + random() % 48)) - 20; };

    int mistakes = 0;
    for (int i = 0; i < 100'000 && mistakes == 0; ++i) {
        Timer& timer = timers[random() % timers.size()];
        switch (random() % 8) {
            case 0:
            case 1: {
                const auto step = static_cast<std::int64_t>(random() >> (20 + random() % 44));
                const std::int64_t bound = wheel.next_deadline().as_nanos();
                const std::int64_t truth = expected.empty() ? most : expected.begin()->first;
                if (bound > truth) ++mistakes;
                // Half of the steps go exactly to a deadline or to just before it.
                now = std::max(now, random() % 2 == 0 || truth == most
                                        ? now + step
                                        : truth - 1 + static_cast<std::int64_t>(random() % 2));
                const auto due = static_cast<std::size_t>(std::distance(expected.begin(), expected.upper_bound(now)));
                const std::size_t fired = wheel.advance(at(now), [&](TimerEntry& entry) {
                    if (entry.deadline_ns > now || entry.is_linked()) ++mistakes;
                    forget(static_cast<Timer&>(entry));
                });
                if (fired != due) ++mistakes;
                break;
            }
            case 2:
            case 3:
                if (timer.is_linked()) {
                    Wheel::remove(timer);
                    forget(timer);
                }
                break;
            default:
                if (timer.is_linked()) break;
                insert(timer, now + distance());
                break;
        }
        if (wheel.empty() != expected.empty()) ++mistakes;
    }
    CHECK(mistakes == 0);
    CHECK(now > 0);
}
