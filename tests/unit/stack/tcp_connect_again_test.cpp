// Connections that we begin where an older one of ours is in TIME-WAIT: RFC 6191, and Linux's tcp_tw_reuse.

#include "support/tcp_host.hpp"

#include "support/catch.hpp"

#include <set>

namespace skerry {
namespace {

using namespace tests;
using namespace std::chrono_literals;
using stack::tcp::LocalEnd;
using stack::wire::TcpTimestamps;

constexpr std::uint16_t own_port = 40'000;
constexpr std::uint16_t server_port = 80;
constexpr std::uint32_t gap = 0x1'0002;  // more than the old one may have had under way

/// Connects to a server with or without timestamps, and closes first.
struct Client : TcpHost {
    explicit Client(bool has_timestamps = true, const stack::StackConfig& config = host_config())
        : TcpHost(config), stamps(has_timestamps) {}

    Result<> connect(std::uint16_t from_port) {
        LocalEnd from;
        from.port = from_port;
        return tcp().connect(endpoint(), peer_ip, server_port, now, from);
    }
    /// From its SYN, which has left, to TIME-WAIT.
    TestSegment to_time_wait(const TestSegment& syn) {
        TestEndpoint& end = *endpoints.back();
        TestSegment answer = reply(syn, flag::syn | flag::ack, 5000);
        answer.ack = syn.seq + 1;
        come(answer, last_port, server_port);
        (void)sent();
        tcp().close(end, now);
        const TestSegment fin = only();
        REQUIRE((fin.flags & flag::fin) != 0);
        TestSegment last = reply(fin, flag::fin | flag::ack, 5001);
        last.ack = fin.seq + 1;
        come(last, last_port, server_port);
        (void)sent();
        return fin;
    }
    TestSegment over(std::uint16_t from_port) {
        REQUIRE(connect(from_port));
        return to_time_wait(only());
    }
    [[nodiscard]] TestSegment reply(const TestSegment& to, std::uint8_t flags, std::uint32_t seq) const {
        TestSegment segment;
        segment.flags = flags;
        segment.seq = seq;
        if (stamps) segment.timestamps = TcpTimestamps{777, to.timestamps->value};
        return segment;
    }
    bool stamps;
};

TEST_CASE("a second after it was over a connection is followed by one from the same port", "[stack][tcp][time_wait]") {
    Client host;
    const TestSegment fin = host.over(own_port);
    REQUIRE(host.tcp().sizes().time_wait == 1);
    host.pass(1s);
    CHECK(host.connect(own_port).error() == Errc::address_in_use);
    host.pass(1ms);
    REQUIRE(host.connect(own_port));
    const TestSegment syn = host.only();
    CHECK(syn.flags == flag::syn);
    CHECK(syn.seq == fin.seq + 1 + gap);
    CHECK(static_cast<std::int32_t>(syn.timestamps->value - fin.timestamps->value) > 1000);
    CHECK(host.tcp().sizes().time_wait == 0);
    (void)host.to_time_wait(syn);
    CHECK(host.tcp().sizes().time_wait == 1);
}

TEST_CASE("how soon a connect may follow is a setting", "[stack][tcp][time_wait]") {
    stack::StackConfig config = host_config();
    config.tcp.time_wait_reuse = 5ms;
    Client host(true, config);
    (void)host.over(own_port);
    host.pass(5ms);
    CHECK(host.connect(own_port).error() == Errc::address_in_use);
    host.pass(1ms);
    REQUIRE(host.connect(own_port));
    (void)host.to_time_wait(host.only());
}

TEST_CASE("the peer's FIN that comes again puts that off", "[stack][tcp][time_wait]") {
    Client host;
    const TestSegment fin = host.over(own_port);
    host.pass(900ms);
    TestSegment again = host.reply(fin, flag::fin | flag::ack, 5001);
    again.ack = fin.seq + 1;
    host.come(again, own_port, server_port);
    CHECK(host.only().flags == flag::ack);
    host.pass(900ms);
    CHECK(host.connect(own_port).error() == Errc::address_in_use);
    host.pass(101ms);
    CHECK(host.connect(own_port));
    (void)host.sent();
}

TEST_CASE("so does one that comes too soon behind another to be answered", "[stack][tcp][time_wait]") {
    Client host;
    const TestSegment fin = host.over(own_port);
    TestSegment again = host.reply(fin, flag::fin | flag::ack, 5001);
    again.ack = fin.seq + 1;
    host.come(again, own_port, server_port);
    CHECK(host.only().flags == flag::ack);
    host.pass(400ms);
    host.come(again, own_port, server_port);
    CHECK(host.sent().empty());
    host.pass(1s);
    CHECK(host.connect(own_port).error() == Errc::address_in_use);
    host.pass(1ms);
    CHECK(host.connect(own_port));
    (void)host.sent();
}

TEST_CASE("without timestamps TIME-WAIT keeps its port for a minute", "[stack][tcp][time_wait]") {
    stack::StackConfig config = host_config();
    config.tcp.timestamps = GENERATE(false, true);
    Client host(false, config);
    (void)host.over(own_port);
    host.pass(59s);
    CHECK(host.connect(own_port).error() == Errc::address_in_use);
    host.pass(1s);
    CHECK(host.connect(own_port));
    (void)host.sent();
}

TEST_CASE("a peer that is not done with the old connection is reset, and the SYN comes again",
          "[stack][tcp][time_wait]") {
    Client host;
    const TestSegment fin = host.over(own_port);
    host.pass(1001ms);
    REQUIRE(host.connect(own_port));
    const TestSegment syn = host.only();
    TestSegment challenge = host.reply(fin, flag::ack, 5002);  // it is in LAST-ACK
    challenge.ack = fin.seq + 1;
    host.come(challenge, own_port, server_port);
    const TestSegment reset = host.only();
    CHECK(reset.flags == flag::rst);
    CHECK(reset.seq == fin.seq + 1);
    host.pass(1s);
    CHECK(host.only().seq == syn.seq);
}

TEST_CASE("who connects again and again never runs out of ports", "[stack][tcp][time_wait]") {
    constexpr std::size_t ports = 28'232;
    Client host;
    std::set<std::uint16_t> used;
    for (std::size_t i = 0; i < ports; ++i) {
        (void)host.over(0);
        used.insert(host.last_port);
    }
    CHECK(used.size() == ports);
    CHECK(host.connect(0).error() == Errc::address_not_available);
    host.pass(1001ms);
    for (int i = 0; i < 100; ++i) (void)host.over(0);
    CHECK(host.tcp().sizes().time_wait == ports);
}

TEST_CASE("of a few that may be followed one is, where no port is free", "[stack][tcp][time_wait]") {
    constexpr std::size_t ports = 28'232;
    const std::size_t few = GENERATE(1U, 3U);
    Client host;
    for (std::size_t i = 0; i < few; ++i) (void)host.over(0);
    for (std::size_t i = few; i < ports; ++i) {  // these go on
        REQUIRE(host.connect(0));
        (void)host.sent();
    }
    CHECK(host.connect(0).error() == Errc::address_not_available);
    host.pass(1001ms);
    (void)host.sent();
    for (std::size_t i = 0; i < few; ++i) REQUIRE(host.connect(0));
    CHECK(host.connect(0).error() == Errc::address_not_available);
    CHECK(host.tcp().sizes().time_wait == 0);
    (void)host.sent();
}

}  // namespace
}  // namespace skerry
