// Faults of a plan: how they are drawn, told, and happen.

#include "support/catch.hpp"

#include <skerry/testing/fault.hpp>
#include <skerry/testing/simulation.hpp>

#include <skerry/net/udp_socket.hpp>
#include <skerry/time/sleep.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using testing::Fault;

const testing::FaultOptions options{.hosts = {"a", "b", "c", "d"}};

TEST_CASE("one seed draws one plan, and many draw each kind and each host", "[testing][fault]") {
    CHECK(to_string(testing::draw_faults(7, options)) == to_string(testing::draw_faults(7, options)));
    CHECK(to_string(testing::draw_faults(7, options)) != to_string(testing::draw_faults(8, options)));
    std::map<Fault::Kind, int> kinds;
    std::set<std::string> hosts;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const auto faults = testing::draw_faults(seed, options);
        REQUIRE(!faults.empty());
        REQUIRE(faults.size() <= options.count_max);
        for (const Fault& fault : faults) {
            ++kinds[fault.kind];
            hosts.insert(fault.hosts.begin(), fault.hosts.end());
            CHECK(fault.begin < options.within);
            CHECK(fault.duration <= options.longest);
            CHECK(!fault.hosts.empty());
            CHECK(fault.hosts.size() <= 2);
        }
    }
    CHECK(kinds.size() == 6);
    for (const auto& [kind, count] : kinds) CHECK(count > 50);
    CHECK(hosts.size() == 4);
}

TEST_CASE("only kinds that are wanted are drawn", "[testing][fault]") {
    testing::FaultOptions crashes = options;
    crashes.kinds = {Fault::Kind::crash};
    for (std::uint64_t seed = 1; seed <= 20; ++seed)
        for (const Fault& fault : testing::draw_faults(seed, crashes)) CHECK(fault.kind == Fault::Kind::crash);
}

TEST_CASE("a fault is told in a line", "[testing][fault]") {
    CHECK(to_string(Fault{Fault::Kind::partition, 1250ms, 500ms, {"a", "b"}}) ==
          "at 1.250 s for 0.500 s: a, b cut off from all others");
    CHECK_THAT(to_string(Fault{.kind = Fault::Kind::crash, .hosts = {"c"}}), Contains("c crashed"));
    CHECK_THAT(to_string(Fault{.kind = Fault::Kind::bad_link, .link = {.drop = 0.05}}), Contains("drop 5.0 %"));
    CHECK_THAT(to_string(Fault{.kind = Fault::Kind::skew, .hosts = {"c"}, .skew = 2s}), Contains("2.000 s ahead"));
}

// --- as they happen

/// Two hosts that send each other a datagram every 100 ms; when they came.
struct Talk {
    Talk() {
        sim.host("a", [this] { return listen(from_b); });
        sim.host("b", [this] { return listen(from_a); });
        sim.host("a").spawn(say(sim.host("b").at(1))).detach();
        sim.host("b").spawn(say(sim.host("a").at(1))).detach();
    }

    Task<> listen(std::vector<std::chrono::nanoseconds>& heard, std::uint16_t port = 1) {
        auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), port});
        std::array<net::Datagram, 8> batch;
        for (;;) {
            auto count = co_await socket->recv_batch(batch);
            for (std::size_t i = 0; count && i < *count; ++i) heard.push_back(sim.elapsed());
        }
    }
    static Task<> say(net::SocketAddr to) {
        auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 0});
        const std::array<std::byte, 1> word{};
        for (;;) {
            (void)co_await socket->send_to(word, to);
            co_await time::sleep(100ms);
        }
    }
    /// How many came from `begin` to `end`.
    static std::size_t count(const std::vector<std::chrono::nanoseconds>& heard, std::chrono::nanoseconds begin,
                             std::chrono::nanoseconds end) {
        return static_cast<std::size_t>(
            std::count_if(heard.begin(), heard.end(), [=](auto at) { return at >= begin && at < end; }));
    }

    std::vector<std::chrono::nanoseconds> from_a;
    std::vector<std::chrono::nanoseconds> from_b;
    testing::Simulation sim;
};

TEST_CASE("a partition begins and ends when the plan says", "[testing][fault]") {
    Talk talk;
    talk.sim.schedule(Fault{Fault::Kind::partition, 1s, 1s, {"a"}});
    talk.sim.run_for(3s);
    for (const auto* const heard : {&talk.from_a, &talk.from_b}) {
        CHECK(Talk::count(*heard, 0s, 1s) >= 9);
        CHECK(Talk::count(*heard, 1001ms, 2s) == 0);
        CHECK(Talk::count(*heard, 2s, 3s) >= 9);
    }
}

TEST_CASE("partitions that overlap end with the last", "[testing][fault]") {
    Talk talk;
    talk.sim.schedule({Fault{Fault::Kind::partition, 1s, 1s, {"a"}}, Fault{Fault::Kind::partition, 1500ms, 1s, {"b"}}});
    talk.sim.run_for(3500ms);
    CHECK(Talk::count(talk.from_a, 1001ms, 2500ms) == 0);
    CHECK(Talk::count(talk.from_a, 2500ms, 3500ms) >= 9);
}

/// When words of a host came that is not there before 1.5 s, and what it heard.
struct LateHost {
    explicit LateHost(const std::vector<Fault>& faults) {
        talk.sim.host("a").spawn(talk.listen(from_late, 2)).detach();
        talk.sim.at(1500ms, [this] {
            auto& late = talk.sim.host("late", [this] { return talk.listen(to_late); });
            late.spawn(Talk::say(talk.sim.host("a").at(2))).detach();
            talk.sim.host("a").spawn(Talk::say(late.at(1))).detach();
        });
        talk.sim.schedule(faults);
    }

    std::vector<std::chrono::nanoseconds> from_late;
    std::vector<std::chrono::nanoseconds> to_late;
    Talk talk;
};

TEST_CASE("a host that comes during a partition is behind it, and behind the next", "[testing][fault]") {
    LateHost on({Fault{Fault::Kind::partition, 1s, 1s, {"a"}}, Fault{Fault::Kind::partition, 6s, 1s, {"a"}}});
    on.talk.sim.run_for(8s);
    for (const auto* const heard : {&on.from_late, &on.to_late}) {
        CHECK(Talk::count(*heard, 0s, 2s) == 0);
        CHECK(Talk::count(*heard, 5s, 6s) >= 9);  // its neighbour has been asked again
        CHECK(Talk::count(*heard, 6001ms, 7s) == 0);
        CHECK(Talk::count(*heard, 7s, 8s) >= 9);
    }
}

TEST_CASE("a host that comes during a black hole hears nothing of what it swallows", "[testing][fault]") {
    LateHost on({Fault{Fault::Kind::blackhole, 1s, 4s, {"a"}}});
    on.talk.sim.run_for(8s);
    CHECK(Talk::count(on.to_late, 0s, 5s) == 0);
    CHECK(Talk::count(on.to_late, 7s, 8s) >= 9);
}

TEST_CASE("a black hole swallows what its host sends and no more", "[testing][fault]") {
    Talk talk;
    talk.sim.schedule(Fault{Fault::Kind::blackhole, 1s, 1s, {"a"}});
    talk.sim.run_for(3s);
    CHECK(Talk::count(talk.from_a, 1001ms, 2s) == 0);
    CHECK(Talk::count(talk.from_b, 1001ms, 2s) >= 9);
}

TEST_CASE("a link that flaps is down and up in turns", "[testing][fault]") {
    Talk talk;
    talk.sim.schedule(Fault{.kind = Fault::Kind::flap, .begin = 1s, .duration = 3s, .hosts = {"a"}, .period = 1s});
    talk.sim.run_for(5s);
    CHECK(Talk::count(talk.from_a, 1001ms, 2s) == 0);
    CHECK(Talk::count(talk.from_a, 2s, 3s) >= 9);
    CHECK(Talk::count(talk.from_a, 3001ms, 4s) == 0);
    CHECK(Talk::count(talk.from_a, 4s, 5s) >= 9);
}

TEST_CASE("a crash switches off, and on again with the program", "[testing][fault]") {
    Talk talk;
    talk.sim.schedule(Fault{Fault::Kind::crash, 1s, 1s, {"b"}});
    talk.sim.run_for(1500ms);
    CHECK_FALSE(talk.sim.host("b").is_up());
    talk.sim.run_for(1500ms);
    CHECK(talk.sim.host("b").is_up());
    CHECK(Talk::count(talk.from_a, 2s, 3s) >= 9);  // its program listens again
    CHECK(Talk::count(talk.from_b, 1001ms, 3s) == 0);  // what the test had spawned there is gone
}

TEST_CASE("of bad links the latest counts, and in the end the first are back", "[testing][fault]") {
    Talk talk;
    const testing::Host& a = talk.sim.host("a");
    const testing::Host& b = talk.sim.host("b");
    talk.sim.schedule({Fault{.kind = Fault::Kind::bad_link, .begin = 1s, .duration = 2s, .link = {.delay = 1ms}},
                       Fault{.kind = Fault::Kind::bad_link, .begin = 2s, .duration = 2s, .link = {.delay = 2ms}}});
    std::vector<std::chrono::nanoseconds> delays;
    for (int i = 0; i < 5; ++i) {
        talk.sim.run_for(i == 0 ? 500ms : 1s);
        delays.push_back(talk.sim.link(a, b).delay);
    }
    CHECK(delays == std::vector<std::chrono::nanoseconds>{50us, 1ms, 2ms, 2ms, 50us});
}

TEST_CASE("a clock that is ahead stands still at the end until that is made up", "[testing][fault]") {
    testing::Simulation sim;
    auto& host = sim.host("a");
    sim.schedule(Fault{.kind = Fault::Kind::skew, .begin = 1s, .duration = 1s, .hosts = {"a"}, .skew = 3s});
    sim.run_for(1500ms);
    CHECK(host.now() - sim.now() == 3s);
    sim.run_for(1500ms);  // 3 s since the beginning, when it stands at 5
    CHECK(host.now() - sim.now() == 2s);
    sim.run_for(3s);
    CHECK(host.now() == sim.now());
}

TEST_CASE("of faults of a clock the latest that lasts counts", "[testing][fault]") {
    testing::Simulation sim;
    auto& host = sim.host("a");
    const auto skewed = [](std::chrono::nanoseconds begin, std::chrono::nanoseconds duration,
                           std::chrono::nanoseconds skew) {
        return Fault{.kind = Fault::Kind::skew, .begin = begin, .duration = duration, .hosts = {"a"}, .skew = skew};
    };
    std::vector<std::chrono::nanoseconds> ahead;
    const auto look_each_second = [&](int times) {
        for (int i = 0; i < times; ++i) {
            sim.run_for(i == 0 ? 500ms : 1s);
            ahead.push_back(host.now() - sim.now());
        }
    };
    SECTION("when the first ends first") {
        sim.schedule({skewed(1s, 2s, 10s), skewed(2s, 2s, 20s)});
        look_each_second(5);
        CHECK(ahead == std::vector<std::chrono::nanoseconds>{0s, 10s, 20s, 20s, 19500ms});
    }
    SECTION("when the second ends first") {
        sim.schedule({skewed(1s, 4s, 10s), skewed(2s, 1s, 11s)});
        look_each_second(6);
        CHECK(ahead == std::vector<std::chrono::nanoseconds>{0s, 10s, 11s, 10500ms, 10s, 9500ms});
    }
}

TEST_CASE("a clock that drifts does so again when a fault of it is over", "[testing][fault]") {
    testing::Simulation sim;
    auto& host = sim.host("a");
    sim.schedule(Fault{.kind = Fault::Kind::skew, .begin = 1s, .duration = 1s, .hosts = {"a"}, .skew = 200ms});
    SECTION("and was set before") { host.set_clock({.ahead = 1s, .drift_ppm = 100'000}); }
    SECTION("and was set while it lasted") {
        sim.run_for(1500ms);
        host.set_clock({.ahead = 1150ms, .drift_ppm = 100'000});
        CHECK(host.now() - sim.now() == 200ms);
    }
    sim.run_for(3s - sim.elapsed());
    CHECK(host.now() - sim.now() == 1300ms);  // as if there had been no fault
}

}  // namespace
}  // namespace skerry
