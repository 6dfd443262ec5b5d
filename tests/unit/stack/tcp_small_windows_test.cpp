// Windows that take less than a segment, or nothing: RFC 9293 sections 3.8.6.1 and 3.8.6.2.1.

#include "support/tcp_host.hpp"

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;

/// A connection whose peer takes segments of 1,000 bytes, and which has sent two into a window of 2,000.
struct Squeezed : TcpHost {
    explicit Squeezed(const stack::StackConfig& config = host_config()) : TcpHost(config) {
        TestSegment syn;
        syn.mss = 1000;
        syn.window = 2000;
        endpoint = &establish(syn);
        CHECK(write(4000) == 2);
    }
    std::size_t write(std::size_t bytes) {
        CHECK(TcpHost::write(*endpoint, std::string(bytes, 'x')) == bytes);
        return sent().size();
    }
    /// All that has left is acknowledged.
    void leave(std::uint16_t window) { acknowledge(endpoint->tcb->snd_nxt, window); }

    TestEndpoint* endpoint;
};

TEST_CASE("RFC 9293 section 3.8.6.2.1: a crumb of a window waits with nothing under way too", "[stack][tcp][windows]") {
    Squeezed host;
    host.leave(10);
    CHECK(host.sent().empty());
    std::vector<TestSegment> out;
    CHECK(host.until_sent(10s, out) == least_time_out);
    CHECK(out.at(0).text.size() == 10);
    CHECK((out.at(0).flags & flag::psh) != 0);
    CHECK(host.until_sent(10s, out) == least_time_out);  // it is data, and lost
    CHECK(out.at(0).text.size() == 10);
    host.leave(2000);
    CHECK(host.only().text.size() == 990);
}

TEST_CASE("half of the largest window is no crumb, nor is all that there is", "[stack][tcp][windows]") {
    Squeezed host;
    SECTION("half") {
        host.leave(999);
        CHECK(host.sent().empty());
        host.leave(1000);
        CHECK(host.only().text.size() == 1000);
    }
    SECTION("all") {
        host.leave(2000);
        CHECK(host.sent().size() == 2);
        host.leave(100);
        CHECK(host.write(100) == 1);
        host.leave(100);
        CHECK(host.write(101) == 0);
    }
    SECTION("all but a FIN") {
        host.leave(2000);
        CHECK(host.sent().size() == 2);
        host.leave(0);
        CHECK(host.write(100) == 0);
        const std::uint32_t next = host.endpoint->tcb->snd_nxt;
        host.tcp().close(*host.endpoint, host.now);
        host.acknowledge(next, 100);
        CHECK(host.only().text.size() == 100);
    }
}

TEST_CASE("the largest window is none that a peer's SYN had", "[stack][tcp][windows]") {
    TcpHost host;
    TestSegment syn;
    syn.flags = flag::syn;
    syn.seq = 1000;
    syn.mss = 1460;
    host.come(syn);
    host.host_seq = host.only().seq + 1;
    host.peer_seq = 1001;
    host.acknowledge(host.host_seq, 1000);
    TestEndpoint& endpoint = host.endpoint();
    REQUIRE(host.tcp().accept(host.acceptor, endpoint));
    CHECK(host.write(endpoint, std::string(2000, 'x')) == 2000);
    CHECK(host.only().text.size() == 1000);
}

stack::StackConfig config_with_data_probes() {
    stack::StackConfig config = host_config();
    config.tcp.probes_with_data = true;
    config.tcp.window_probe_min = 5s;
    config.tcp.window_probe_max = 20s;
    return config;
}

TEST_CASE("RFC 9293 section 3.8.6.1: a window may be asked for by a byte, between two times", "[stack][tcp][windows]") {
    Squeezed host(config_with_data_probes());
    host.leave(0);
    CHECK(host.sent().empty());
    const std::uint32_t next = host.endpoint->tcb->snd_nxt;
    std::vector<TestSegment> out;
    for (const auto expected : {5s, 5s, 5s, 5s, 5s, 6s, 12s, 20s, 20s}) {
        const auto waited = host.until_sent(100s, out);
        CHECK(std::chrono::floor<std::chrono::seconds>(waited) == expected);
        REQUIRE(out.size() == 1);
        CHECK(out[0].text.size() == 1);
        CHECK(out[0].seq == next);
        host.acknowledge(next, 0);
        CHECK(host.sent().empty());  // no answer brings the next one
    }
    SECTION("it opens, and the byte goes again with what is behind it") {
        host.acknowledge(next, 2000);
        const auto sent = host.sent();
        REQUIRE(sent.size() == 2);
        CHECK(sent[0].seq == next);
        CHECK(sent[0].text.size() == 1000);
    }
    SECTION("the byte is taken, and the next one asks") {
        host.acknowledge(next + 1, 0);
        CHECK(host.sent().empty());
        CHECK(host.until_sent(100s, out) == 20s);  // which of the copies was taken is not known
        CHECK(out.at(0).seq == next + 1);
        CHECK(out.at(0).text.size() == 1);
    }
    SECTION("what acknowledges meanwhile lies within the window") {
        host.say("hello");
        std::vector<TestSegment> answer;
        (void)host.until_sent(1s, answer);
        CHECK(answer.at(0).seq == next);
    }
}

TEST_CASE("a probe of the last byte has no FIN, which asks next", "[stack][tcp][windows]") {
    Squeezed host(config_with_data_probes());
    host.leave(2000);
    CHECK(host.sent().size() == 2);
    host.leave(0);
    const std::uint32_t next = host.endpoint->tcb->snd_nxt;
    CHECK(host.write(1) == 0);
    host.tcp().close(*host.endpoint, host.now);
    std::vector<TestSegment> out;
    CHECK(host.until_sent(100s, out) == 5s);
    CHECK(out.at(0).text.size() == 1);
    CHECK((out.at(0).flags & flag::fin) == 0);
    host.acknowledge(next + 1, 0);
    CHECK(host.until_sent(100s, out) == 5s);
    CHECK(out.at(0).seq == next + 1);
    CHECK(out.at(0).text.empty());
    CHECK((out.at(0).flags & flag::fin) != 0);
    host.acknowledge(next + 2, 0);
    CHECK(host.sent().empty());
}

}  // namespace
}  // namespace skerry
