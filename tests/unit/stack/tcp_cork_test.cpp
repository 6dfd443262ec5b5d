// TCP_CORK: less than a segment waits for more. What Linux does of it at the wire is in tests/pkt/linux/cork_*; here is
// what scripts do not reach.

#include "support/tcp_host.hpp"

#include <array>
#include <span>
#include <string>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::tcp::Tcb;

/// A connection under a cork whose peer takes segments of 1,000 bytes.
struct Corked : TcpHost {
    explicit Corked(std::uint16_t window = 65'535) : TcpHost(host_config()) {
        TestSegment first;
        first.mss = 1000;
        first.window = window;
        endpoint = &establish(first);
        set_cork(true);
    }
    Tcb& tcb() { return *endpoint->tcb; }
    void set_cork(bool on) { tcp().set_cork(tcb(), on, now); }
    void set_no_delay(bool on) { tcp().set_no_delay(tcb(), on, now); }
    void write(std::size_t bytes) { CHECK(TcpHost::write(*endpoint, std::string(bytes, 'a')) == bytes); }
    /// The bytes of each segment that left.
    std::vector<std::size_t> left() {
        std::vector<std::size_t> sizes;
        for (const TestSegment& segment : sent()) sizes.push_back(segment.text.size());
        return sizes;
    }
    using Sizes = std::vector<std::size_t>;

    TestEndpoint* endpoint;
};

TEST_CASE("under a cork writes leave as full segments, and the rest when it is let go", "[stack][tcp][cork]") {
    Corked host;
    for (int i = 0; i < 25; ++i) host.write(100);
    CHECK(host.left() == Corked::Sizes{1000, 1000});
    host.acknowledge(host.host_seq + 2000);
    CHECK(host.left().empty());
    host.set_cork(false);
    CHECK(host.left() == Corked::Sizes{500});
}

TEST_CASE("a write after the cork is the usual one again", "[stack][tcp][cork]") {
    Corked host;
    host.write(100);
    host.set_cork(false);
    CHECK(host.left() == Corked::Sizes{100});
    host.write(100);
    CHECK(host.left() == Corked::Sizes{100});
    CHECK(host.tcb().sends_as_usual());
}

TEST_CASE("a cork set off lets go what a window keeps even if it is set again, but nothing newer",
          "[stack][tcp][cork]") {
    Corked host(1000);
    host.write(1100);
    CHECK(host.left() == Corked::Sizes{1000});
    host.set_cork(false);
    host.set_cork(true);
    CHECK(host.left().empty());
    host.acknowledge(host.host_seq + 1000);
    CHECK(host.left() == Corked::Sizes{100});
    host.write(100);
    CHECK(host.left().empty());
}

TEST_CASE("no delay set under a cork lets go what waits, and what is behind that waits", "[stack][tcp][cork]") {
    Corked host;
    host.write(100);
    host.set_no_delay(true);
    CHECK(host.left() == Corked::Sizes{100});
    host.write(100);
    CHECK(host.left().empty());
}

TEST_CASE("a corked rest waits for a time-out, and the next one too", "[stack][tcp][cork]") {
    Corked host;
    for (int i = 0; i < 2; ++i) {
        std::vector<TestSegment> out;
        host.write(100);
        CHECK(host.until_sent(1s, out) == least_time_out);
        REQUIRE(out.size() == 1);
        CHECK(out.front().text.size() == 100);
        host.host_seq += 100;
        host.acknowledge(host.host_seq);
    }
}

TEST_CASE("a corked rest goes when the send buffer is full, which a write waits for", "[stack][tcp][cork]") {
    Corked host;
    const bool is_sliced = GENERATE(false, true);
    const bool was_full = GENERATE(false, true);
    host.tcp().set_send_buffer(host.tcb(), 600);
    if (was_full) {
        host.write(600);
        CHECK(host.left().empty());  // nobody waits yet
    }
    const std::string text(700, 'b');
    std::size_t written = 0;
    if (is_sliced) {
        const std::array slices{std::as_bytes(std::span(text))};
        const auto done = host.tcp().write(host.tcb(), slices, host.now);
        CHECK_FALSE(done.is_all);
        written = done.bytes;
    } else {
        written = host.TcpHost::write(*host.endpoint, text);
    }
    CHECK(written == (was_full ? 0 : 600));
    CHECK(host.left() == Corked::Sizes{600});
    host.acknowledge(host.host_seq + 600);
    host.write(500);  // and what comes behind it waits again
    CHECK(host.left().empty());
    host.set_cork(false);
    CHECK(host.left() == Corked::Sizes{500});
}

TEST_CASE("a corked rest on a full buffer grows to a segment while others in front of it make room",
          "[stack][tcp][cork]") {
    Corked host;
    const bool is_large = GENERATE(false, true);  // the buffer, for a rest of 600 bytes
    host.tcp().set_send_buffer(host.tcb(), is_large ? 2600 : 1600);
    (void)host.TcpHost::write(*host.endpoint, std::string(5000, 'b'));
    CHECK(host.left() == (is_large ? Corked::Sizes{1000, 1000} : Corked::Sizes{1000}));
    host.acknowledge(host.host_seq + (is_large ? 2000 : 1000));
    CHECK(host.left().empty());
    (void)host.TcpHost::write(*host.endpoint, std::string(400, 'b'));
    CHECK(host.left() == Corked::Sizes{1000});
}

TEST_CASE("a corked rest that is most of a full buffer goes, whatever is in front", "[stack][tcp][cork]") {
    Corked host;
    host.tcp().set_send_buffer(host.tcb(), 800);
    host.set_cork(false);
    host.write(100);
    CHECK(host.left() == Corked::Sizes{100});
    host.set_cork(true);
    CHECK(host.TcpHost::write(*host.endpoint, std::string(900, 'b')) == 700);
    CHECK(host.left() == Corked::Sizes{700});
}

TEST_CASE("nobody is given up while a corked rest waits", "[stack][tcp][cork]") {
    Corked host;
    host.tcb().user_timeout_ms = 50;
    host.write(100);
    host.pass(60ms);  // no longer than an unacknowledged one may be
    CHECK(host.left() == Corked::Sizes{100});
    CHECK(host.tcb().state == stack::tcp::State::established);
}

TEST_CASE("a closed window is asked for under a cork too", "[stack][tcp][cork]") {
    Corked host;
    host.write(1000);
    CHECK(host.left() == Corked::Sizes{1000});
    host.acknowledge(host.host_seq + 1000, 0);
    host.write(100);
    std::vector<TestSegment> out;
    host.until_sent(1s, out);
    REQUIRE(out.size() == 1);
    CHECK(out.front().text.empty());  // the probe
    host.acknowledge(host.host_seq + 1000);
    CHECK(host.left().empty());  // and its cork holds on
    host.until_sent(1s, out);
    REQUIRE(out.size() == 1);
    CHECK(out.front().text.size() == 100);
}

TEST_CASE("a window smaller than a corked rest lets nothing of it go before its time", "[stack][tcp][cork]") {
    Corked host(50);
    host.write(100);
    CHECK(host.left().empty());
    host.pass(300ms);
    CHECK(host.left() == Corked::Sizes{50});
}

TEST_CASE("what a time-out sends again goes under a cork, and takes along what fits its segment",
          "[stack][tcp][cork]") {
    Corked host;
    host.set_cork(false);
    host.write(100);
    CHECK(host.left() == Corked::Sizes{100});
    host.set_cork(true);
    host.write(200);
    host.pass(250ms);
    CHECK(host.left() == Corked::Sizes{300});
}

TEST_CASE("a close takes along what is corked", "[stack][tcp][cork]") {
    Corked host;
    host.write(100);
    host.tcp().close(*host.endpoint, host.now);
    const TestSegment last = host.only();
    CHECK(last.text.size() == 100);
    CHECK((last.flags & flag::fin) != 0);
    host.say("", flag::rst);
}

}  // namespace
}  // namespace skerry
