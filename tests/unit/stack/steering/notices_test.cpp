// What whoever runs the program is told when packets cross between cores although the port's hash was to spare that.

#include "support/stack_cores.hpp"
#include "support/tcp_host.hpp"

#include <skerry/testing/no_alloc.hpp>
#include <skerry/trace/notice.hpp>

#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace tests;
using stack::wire::Ipv4Addr;

constexpr Ipv4Addr group = Ipv4Addr::of(239, 255, 77, 1);

std::vector<std::string> noted;

struct Notices {
    Notices() {
        noted.clear();
        trace::set_notice_sink([](std::string_view line) noexcept { noted.emplace_back(line); });
    }
    ~Notices() { trace::set_notice_sink(nullptr); }
};

bool tells(const std::string& line, std::string_view what) { return line.find(what) != line.npos; }

stack::SteeringOptions predicted(std::uint16_t cores, std::uint16_t queues) {
    stack::SteeringOptions how = StackCores::options(cores, queues);
    how.hash_predicts = true;
    return how;
}

Bytes datagram(std::uint16_t to, Ipv4Addr destination = host_ip) {
    return ipv4(stack::wire::ip_protocol::udp, udp_segment(5000, to, "x", destination), destination);
}

TEST_CASE("the first datagram that crosses although the hash was to spare it is noted, once",
          "[stack][steering][udp]") {
    const Notices notices;
    StackCores cores(predicted(2, 2));
    TextSocket& there = cores[1].bind(7001);
    TextSocket& here = cores[0].bind(7000);
    cores.give(1, datagram(7001));
    CHECK(noted.empty());
    for (int i = 0; i < 3; ++i) {
        cores.give(0, datagram(7001));
        cores.give(1, datagram(7000));
    }
    cores.cross();
    CHECK(there.text() == "x");
    CHECK(here.text() == "x");
    CHECK(cores.crossed() == 6);
    REQUIRE(noted.size() == 1);
    CHECK(tells(noted[0], "port 7001"));
    CHECK(tells(noted[0], "core 0's queue"));
    CHECK(tells(noted[0], "on core 1"));
    CHECK(tells(noted[0], "on every core"));
}

TEST_CASE("what is noted of a crossing takes nothing from the heap", "[stack][steering][udp]") {
    static std::size_t bytes = 0;
    bytes = 0;
    const Notices notices;
    trace::set_notice_sink([](std::string_view line) noexcept { bytes = line.size(); });
    StackCores cores(predicted(2, 2));
    TextSocket& there = cores[1].bind(7001);
    const Bytes packet = datagram(7001);
    stack::Frame* const frame = cores[0].frames.allocate();
    REQUIRE(frame != nullptr);
    std::memcpy(frame->data, packet.data(), packet.size());
    frame->length = static_cast<std::uint16_t>(packet.size());
    const testing::NoAlloc guard;
    cores[0].stack.input(std::span(&frame, 1), cores.now);
    CHECK(guard.allocations() == 0);
    CHECK(bytes > 100);
    cores.cross();
    CHECK(there.text() == "x");
}

TEST_CASE("a segment that crosses although the hash was to spare it is noted", "[stack][steering][tcp]") {
    const Notices notices;
    StackCores cores(predicted(2, 2));
    TestAcceptor acceptor;
    REQUIRE(cores[1].stack.tcp().listen(acceptor, {}, 7000, 16));
    TestEndpoint theirs;
    REQUIRE(cores.peer->stack.tcp().connect(theirs, host_ip, 7000, cores.now));
    cores.converse();
    CHECK(theirs.tcb->state == stack::tcp::State::established);
    cores.peer->stack.tcp().close(theirs, cores.now);
    cores[1].stack.tcp().close(acceptor, cores.now);
    REQUIRE(noted.size() == 1);
    CHECK(tells(noted[0], "port 7000"));
}

TEST_CASE("where cores have no queue the notice asks for queues", "[stack][steering][udp]") {
    const Notices notices;
    StackCores cores(predicted(4, 2));
    cores[3].bind(7000);
    cores.give(0, datagram(7000));
    cores.cross();
    REQUIRE(noted.size() == 1);
    CHECK(tells(noted[0], "2 of 4 cores"));
}

TEST_CASE("crossings that nobody promised to spare are not noted", "[stack][steering][udp]") {
    const Notices notices;
    SECTION("the cores steer by software") {
        StackCores cores;
        cores[1].bind(7000);
        cores.give(0, datagram(7000));
        cores.cross();
        CHECK(cores.crossed() == 1);
    }
    SECTION("the hash did not hold, which was said already") {
        StackCores cores(predicted(2, 2));
        cores.shared->distrust_hash();
        cores[1].bind(7000);
        cores.give(0, datagram(7000));
        cores.cross();
        CHECK(cores.crossed() == 1);
    }
    SECTION("what is for all cores") {
        StackCores cores(predicted(2, 2));
        REQUIRE(cores[1].stack.udp().join(cores[1].bind(7000), group, cores.now));
        cores.give(0, arp(stack::wire::ArpOperation::request));
        cores.give(0, datagram(7000, group));
        cores.cross();
        CHECK(cores.crossed() == 2);
    }
    CHECK(noted.empty());
}

}  // namespace
}  // namespace skerry
