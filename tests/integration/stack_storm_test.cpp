// ctest: TIMEOUT 300
// Sessions that end anyhow, over a wire that is cut now and then, between hosts that crash now and then: whatever is
// broken off in the middle, a byte that arrives is the right one, and afterwards nothing is left of it.
//
//     SKERRY_SEEDS=1000 integration_stack_storm    that many seeds instead of 100
//     SKERRY_SEED=17 integration_stack_storm       this one alone

#include "support/catch.hpp"

#include "support/seed_runs.hpp"

#include <skerry/testing/seeds.hpp>
#include <skerry/testing/simulation.hpp>

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/runtime/core_stats.hpp>
#include <skerry/stack/stack.hpp>
#include <skerry/task/join.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds_by_default = 100;
constexpr std::uint16_t port = 80;
constexpr int sessions = 25;

class Storm {
public:
    explicit Storm(std::uint64_t seed)
        : random_(seed), sim_({.seed = seed, .link = some_link(), .shuffle = seed % 2 == 0}) {}

    void capture(const std::string& path) { sim_.capture(path); }

    std::string go() {
        for (int i = 0; i < 20; ++i) {
            sim_.run_for(1ms * (random_() % 5000));
            trouble();
        }
        sim_.repair(server_, client_);
        for (testing::Host* const host : {&server_, &client_})
            if (!host->is_up()) host->restart();
        is_over_ = true;  // nobody begins a session any more
        if (!sim_.settle(3h)) wrong_ += "something goes on for ever; ";
        look_for_leaks(server_, 1);  // its listener waits on
        look_for_leaks(client_, 0);
        return wrong_;
    }

private:
    testing::Link some_link() {
        testing::Link link{.delay = 100us * (random_() % 300),
                           .jitter = 100us * (random_() % 30),
                           .drop = 0.01 * static_cast<double>(random_() % 10),
                           .duplicate = 0.01 * static_cast<double>(random_() % 10),
                           .reorder = 0.01 * static_cast<double>(random_() % 20),
                           .corrupt = 0.001 * static_cast<double>(random_() % 10)};
        if (random_() % 4 == 0) link.burst_loss = {.to_bad = 0.01 * static_cast<double>(1 + random_() % 5)};
        if (random_() % 4 == 0) link.truncate = 0.001 * static_cast<double>(random_() % 10);
        if (random_() % 4 == 0) link.mtu = static_cast<std::uint16_t>(600 + random_() % 800);
        return link;
    }

    void trouble() {
        switch (random_() % 6) {
            case 0: sim_.partition(server_, client_); break;
            case 1: sim_.repair(server_, client_); break;
            case 2: toggle(server_); break;
            case 3: toggle(client_); break;
            case 4: sim_.set_link(some_link()); break;
            default: break;
        }
    }
    static void toggle(testing::Host& host) {
        if (host.is_up())
            host.crash();
        else
            host.restart();
    }

    // Each end says the numbers of its bytes, so that both know what has to come.
    static std::byte byte_at(std::uint64_t offset) { return static_cast<std::byte>(offset * 31 + offset / 251); }

    Task<> say(net::TcpStream& stream, std::uint64_t bytes) {
        std::vector<std::byte> buffer(1 + random_() % 30'000);
        for (std::uint64_t at = 0; at < bytes; at += buffer.size()) {
            for (std::size_t i = 0; i < buffer.size(); ++i) buffer[i] = byte_at(at + i);
            if (!co_await stream.write_all(buffer)) co_return;
            if (random_() % 8 == 0) co_await time::sleep(1ms * (random_() % 300));
        }
        if (random_() % 2 == 0) (void)stream.shutdown();
    }

    Task<> hear(net::TcpStream& stream, std::uint64_t bytes) {
        std::vector<std::byte> buffer(1 + random_() % 30'000);
        for (std::uint64_t at = 0; at < bytes;) {
            auto count = co_await stream.read(buffer);
            if (!count || *count == 0) co_return;
            for (std::size_t i = 0; i < *count; ++i)
                if (buffer[i] != byte_at(at + i)) wrong_ += "a wrong byte at " + std::to_string(at + i) + "; ";
            at += *count;
            if (random_() % 8 == 0) co_await time::sleep(1ms * (random_() % 300));
        }
    }

    /// Talks for a while and goes, perhaps in the middle, perhaps with a reset.
    Task<> talk(net::TcpStream stream) {
        if (random_() % 4 == 0) (void)stream.set_linger(0s);
        const std::uint64_t to_say = random_() % 200'000;
        const std::uint64_t to_hear = random_() % 200'000;
        auto both = join(say(stream, to_say), hear(stream, to_hear));
        (void)co_await time::timeout(10ms * (random_() % 2000), std::move(both));
    }

    Task<> serve() {
        auto listener = net::TcpListener::bind({net::IpAddr::v4_any(), port});
        if (!listener) co_return;
        for (;;) {
            auto stream = co_await listener->accept();
            if (stream) spawn(talk(std::move(*stream))).detach();
        }
    }

    Task<> session() {
        auto stream = co_await time::timeout(1ms * (1 + random_() % 20'000), net::TcpStream::connect(server_.at(port)));
        if (stream) co_await talk(std::move(*stream));
    }

    Task<> ask() {
        for (int i = 0; i < sessions && !is_over_; ++i) {
            spawn(session()).detach();
            co_await time::sleep(1ms * (random_() % 3000));
        }
    }

    void look_for_leaks(testing::Host& host, std::uint64_t sockets) {
        tests::HostAudit audit(wrong_, host);
        audit.expect_empty_stack();
        audit.expect("tasks", host.live_tasks(), sockets);
        audit.expect("sockets", host.run([]() -> Task<std::uint64_t> { co_return runtime::core_stats().sockets.open; }),
                     sockets);
    }

    std::mt19937_64 random_;
    std::string wrong_;
    bool is_over_ = false;
    testing::Simulation sim_;
    testing::Host& server_ = sim_.host("server", [this] { return serve(); });
    testing::Host& client_ = sim_.host("client", [this] { return ask(); });
};

TEST_CASE("whatever is broken off in the middle leaves nothing behind", "[stack][tcp]") {
    tests::check_seeds<Storm>(seeds_by_default, "storm");
}

}  // namespace
}  // namespace skerry
