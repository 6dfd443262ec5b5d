// Attacks by number: handshakes, colliding addresses, all frames held, clocks that jump.

#include "support/honest.hpp"

#include <skerry/stack/path_mtus.hpp>
#include <skerry/stack/tcp/flow_table.hpp>
#include <skerry/stack/timers.hpp>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::tcp::Secrets;
using stack::tcp::State;
using stack::tcp::Tuple;
using stack::wire::Ipv4Addr;

Bytes syn_from(Ipv4Addr from, std::uint16_t port, std::uint32_t seq = 1) {
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = seq;
    Bytes bytes = segment_bytes(syn, host_port, port);
    stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(from, host_ip, stack::wire::ip_protocol::tcp, 20));
    return ipv4(stack::wire::ip_protocol::tcp, bytes, host_ip, from);
}

TEST_CASE("attack 21: first numbers rise for one tuple, and say nothing about another or after a restart", "[attack]") {
    const Secrets secrets(7);
    const Secrets restarted(8);
    const auto now = time::Instant::from_nanos(1'000'000'000);
    Tuple tuple{host_ip, peer_ip, host_port, peer_port};
    CHECK(secrets.isn(tuple, now + 1s) - secrets.isn(tuple, now) == 250'000);
    CHECK(secrets.isn(tuple, now) != restarted.isn(tuple, now));
    // Differences between neighbours: each bit set half of the time, and no difference twice.
    constexpr std::uint32_t count = 100'000;
    std::vector<std::uint32_t> differences;
    std::uint32_t before = secrets.isn(tuple, now);
    std::array<std::uint32_t, 32> ones{};
    for (std::uint32_t i = 1; i <= count; ++i) {
        tuple.remote_port = static_cast<std::uint16_t>(i);
        tuple.remote.bits = peer_ip.bits + (i >> 16U);
        const std::uint32_t isn = secrets.isn(tuple, now);
        differences.push_back(isn - before);
        for (unsigned bit = 0; bit < 32; ++bit) ones[bit] += (isn - before) >> bit & 1U;
        before = isn;
    }
    for (const std::uint32_t each : ones) {
        CHECK(each > count * 49 / 100);
        CHECK(each < count * 51 / 100);
    }
    std::sort(differences.begin(), differences.end());
    const auto last = std::unique(differences.begin(), differences.end());
    CHECK(last - differences.begin() > count - 20);  // of 2^32: a birthday or two
}

TEST_CASE("attack 22: a flood of SYNs holds a bounded table, and honest peers are served", "[attack]") {
    TcpHost host;
    const std::size_t limit = host.stack.config().tcp.half_open_max;
    std::uint32_t spoofed = 0;
    int served = 0;
    const auto flood = [&](int count) {
        for (int i = 0; i < count; ++i) {
            ++spoofed;
            // From far away, which goes by a gateway that is never found, and from the link.
            const Ipv4Addr from =
                spoofed % 2 == 0 ? Ipv4Addr{0x0a00'0000U + spoofed} : Ipv4Addr{0xc612'0003U + spoofed % 250};
            host.give(syn_from(from, static_cast<std::uint16_t>(1 + spoofed % 60'000)));
            if (i % 32 == 0) (void)host.taken();
        }
        (void)host.taken();
        (void)host.sent();
    };
    for (int round = 0; round < 100; ++round) {
        flood(500);
        REQUIRE(host.tcp().sizes().half_open <= limit);
        REQUIRE(host.stack.neighbours().waiting() <= host.stack.config().neighbours.waiting_max);
        TestSegment segment;
        segment.flags = flag::syn;
        segment.seq = 5000;
        const auto from = static_cast<std::uint16_t>(50'000 + round);
        host.come(segment, host_port, from);
        const auto answers = host.sent();
        REQUIRE_FALSE(answers.empty());
        flood(500);  // between its SYN and its acknowledgement
        segment.flags = flag::ack;
        segment.seq = 5001;
        segment.ack = answers.back().seq + 1;
        host.come(segment, host_port, from);
        TestEndpoint& ours = host.endpoint();
        if (host.tcp().accept(host.acceptor, ours)) ++served;
        (void)host.sent();
    }
    CHECK(served >= 99);
    CHECK(host.tcp().cookies().sent >= 90'000);
    CHECK(host.frames.available() >= 1024);
    CHECK(host.stack.neighbours().size() <= host.stack.config().neighbours.entries_max);
}

/// Of the hash that NICs compute with the key that everybody knows.
std::uint32_t public_toeplitz(const Tuple& tuple) {
    static constexpr std::uint8_t key[] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                           0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb};
    std::array<std::uint8_t, 12> in{};
    for (unsigned i = 0; i < 4; ++i) {
        in[i] = static_cast<std::uint8_t>(tuple.remote.bits >> (24 - 8 * i));
        in[4 + i] = static_cast<std::uint8_t>(tuple.local.bits >> (24 - 8 * i));
    }
    in[8] = static_cast<std::uint8_t>(tuple.remote_port >> 8U);
    in[9] = static_cast<std::uint8_t>(tuple.remote_port);
    in[10] = static_cast<std::uint8_t>(tuple.local_port >> 8U);
    in[11] = static_cast<std::uint8_t>(tuple.local_port);
    std::uint32_t hash = 0;
    for (unsigned bit = 0; bit < 96; ++bit) {
        if ((in[bit / 8] >> (7 - bit % 8) & 1U) == 0) continue;
        std::uint64_t window = 0;
        for (unsigned i = 0; i < 5; ++i) window = window << 8U | key[bit / 8 + i];
        hash ^= static_cast<std::uint32_t>(window >> (8 - bit % 8));
    }
    return hash;
}

TEST_CASE("attack 40: tuples that collide under the public Toeplitz key are spread over the table", "[attack]") {
    const Secrets secrets(7);
    std::vector<std::uint32_t> starts;
    constexpr std::size_t slots = 8192;
    Tuple tuple{host_ip, {0x0a00'0001U}, host_port, 0};
    for (std::uint32_t i = 0; starts.size() < slots / 2; ++i) {
        tuple.remote_port = static_cast<std::uint16_t>(i);
        tuple.remote.bits = 0x0a00'0001U + (i >> 16U);
        if ((public_toeplitz(tuple) & 0x7fU) == 0x2a)  // one entry of a NIC's table
            starts.push_back(static_cast<std::uint32_t>(secrets.hash(tuple)) & (slots - 1));
    }
    std::vector<bool> taken(slots);
    std::size_t visited = 0;
    std::size_t longest = 0;
    for (const std::uint32_t start : starts) {
        std::size_t at = start;
        std::size_t steps = 1;
        for (; taken[at]; at = (at + 1) & (slots - 1)) ++steps;
        taken[at] = true;
        visited += steps;
        longest = std::max(longest, steps);
    }
    CHECK(visited < 2 * starts.size());  // 1.5 in the mean for a table that is half full
    CHECK(longest < 64);
}

TEST_CASE("attack 40: hosts that would collide in a table without a secret have short chains", "[attack]") {
    // On a link of 2^24 hosts: addresses that are equal modulo each size that the library's table grows to.
    stack::StackConfig config = host_config();
    config.address = Ipv4Addr::of(10, 0, 0, 2);
    config.prefix_bits = 8;
    StackHost host(config);
    for (const std::uint32_t modulus : {127U, 541U, 1109U, 2357U, 5087U}) {
        for (std::uint32_t i = 1; i <= 800; ++i) {
            host.give(arp(stack::wire::ArpOperation::request, Ipv4Addr{0x0a00'0000U + i * modulus}, peer_mac,
                          config.address));
        }
        (void)host.taken();
        CHECK(host.stack.neighbours().visits_max() <= 16);
    }
    stack::DropCounters drops;
    stack::Hosts hosts{7, {}, {}};
    stack::PathMtus mtus{config, hosts, drops};
    for (std::uint32_t i = 1; i <= stack::PathMtus::hosts_max; ++i)
        CHECK(mtus.lower(Ipv4Addr{0x0b00'0000U + i * 1109U}, {1400, 1500}, time::Instant::from_nanos(1)));
    CHECK(mtus.visits_max() <= 16);
}

TEST_CASE("attack 42: with every frame held by a program, the stack acknowledges, ends and recovers", "[attack]") {
    TcpHost host(host_config(), 16, 64);
    TestEndpoint& ours = host.establish();
    (void)host.write(ours, "under way");
    (void)host.sent();
    std::vector<stack::Frame*> held;
    while (host.frames.available() > 1) held.push_back(host.frames.allocate());  // one is left for what comes
    for (int i = 0; i < 50; ++i) {
        host.say("x");
        REQUIRE(host.read(ours) == "x");
        (void)host.sent();
    }
    host.pass(5s);  // retransmissions want frames too
    (void)host.sent();
    CHECK(ours.tcb->state == State::established);
    TestSegment reset;
    reset.flags = flag::rst;
    reset.seq = host.peer_seq;
    host.come(reset);
    CHECK(ours.tcb->state == State::closed);
    for (stack::Frame* frame : held) frame->drop();
    CHECK(serves(host));
}

TEST_CASE("attack 45: an hour that jumps ends no idle connection, and a step back harms none", "[attack]") {
    TcpHost host;
    TestEndpoint& idle = host.establish();
    host.now = host.now + 1h;
    host.stack.advance(host.now);
    CHECK(host.sent().empty());
    CHECK(idle.tcb->state == State::established);
    host.say("later");
    CHECK(host.read(idle) == "later");
    (void)host.sent();
    host.now = host.now - 1ms;
    host.say("back");
    CHECK(host.read(idle) == "back");
    (void)host.write(idle, "answer");
    CHECK(host.sent().size() >= 1);
    host.host_seq += 6;
    host.acknowledge(host.host_seq);
    host.now = host.now + 2ms;
    (void)host.write(idle, "again");
    CHECK(host.only().text == "again");
    host.host_seq += 5;
    host.acknowledge(host.host_seq);
    CHECK(idle.tcb->queue.empty());
    CHECK(idle.tcb->rto.value(host.stack.config().tcp) <= 1s);
    CHECK(serves(host));
}

struct Counted : stack::Timer {
    int* fired = nullptr;
};

TEST_CASE("attack 45: 100,000 timers that are due at once fire once each, near the end of time too", "[attack]") {
    const std::int64_t end = std::numeric_limits<std::int64_t>::max();
    for (const std::int64_t start : {std::int64_t{1}, std::int64_t{1} << 62U, end - 7'200'000'000'000}) {
        const auto begin = time::Instant::from_nanos(start);
        stack::Timers timers(begin);
        int fired = 0;
        std::vector<Counted> all(100'000);
        for (std::size_t i = 0; i < all.size(); ++i) {
            all[i].fired = &fired;
            all[i].on_time = [](stack::Timer& timer, time::Instant) noexcept { ++*static_cast<Counted&>(timer).fired; };
            timers.set(all[i], begin + (i % 2 == 0 ? 1s : 1s - std::chrono::nanoseconds{i}));
        }
        timers.advance(begin + 500ms);
        CHECK(fired == 0);
        timers.advance(begin + 1h);
        CHECK(fired == 100'000);
        CHECK(timers.empty());
    }
}

}  // namespace
}  // namespace skerry
