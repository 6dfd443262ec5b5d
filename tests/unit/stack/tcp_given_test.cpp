// Buffers that a program gives away to be written: they leave, and go again, in the frame that the program filled.

#include "support/tcp_host.hpp"

#include <skerry/stack/sockets.hpp>
#include <skerry/testing/no_alloc.hpp>

#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::tcp::Given;

constexpr std::size_t mss = 1000;

/// A connection whose peer takes segments of 1,000 bytes, and buffers of its port's frames.
struct Giving : TcpHost {
    explicit Giving(std::uint16_t window = 65'535, std::uint32_t pool_frames = 4096)
        : TcpHost(host_config(), 16, pool_frames), sockets(stack, 0) {
        TestSegment first;
        first.mss = mss;
        first.window = window;
        endpoint = &establish(first);
    }
    stack::tcp::Tcb& tcb() { return *endpoint->tcb; }
    IoBuf filled(std::string_view text, std::size_t headroom = 0) {
        IoBuf buffer = sockets.send_buffer(text.size(), headroom);
        REQUIRE(buffer.size() == text.size());
        std::memcpy(buffer.writable().data(), text.data(), text.size());
        return buffer;
    }
    Given offer(IoBuf& buffer) { return tcp().write_given(tcb(), buffer, now); }
    bool give_away(IoBuf& buffer) { return offer(buffer) == Given::taken; }
    bool give_away(IoBuf&& buffer) { return give_away(buffer); }
    void write(std::string_view text) { CHECK(TcpHost::write(*endpoint, text) == text.size()); }
    /// Where the payload of the next packet lies, which a device would read now.
    const std::byte* where(std::size_t bytes) {
        stack::Frame* const frame = stack.backlog().pop();
        if (frame == nullptr) return nullptr;
        const std::byte* const at = frame->data + frame->length - bytes;
        frame->drop();
        return at;
    }

    stack::Sockets sockets;
    TestEndpoint* endpoint;
};

TEST_CASE("a buffer that is given leaves where the program filled it, and goes again from there",
          "[stack][tcp][given]") {
    Giving host;
    IoBuf buffer = host.filled(std::string(mss, 'a'));
    const std::byte* const at = buffer.data();
    {
        const testing::NoAlloc guard;
        REQUIRE(host.give_away(buffer));
    }
    CHECK_FALSE(buffer);  // the program has no handle on it any more
    host.stack.advance(host.now);
    CHECK(host.where(mss) == at);
    CHECK(host.tcp().buffers_given() == 1);
    CHECK(host.sockets.stats().buffers_given == 1);
    CHECK(host.frames.out() == 1);
    host.now = std::max(host.now, host.stack.next_deadline());
    host.stack.advance(host.now);
    CHECK(host.where(mss) == at);
    host.acknowledge(host.host_seq + mss);
    CHECK(host.frames.out() == 0);
}

TEST_CASE("what is given is what the peer gets, in order with what is copied", "[stack][tcp][given]") {
    Giving host;
    REQUIRE(host.give_away(host.filled("one ")));
    host.write("two ");
    REQUIRE(host.give_away(host.filled("three")));
    std::string text;
    std::uint32_t seq = host.host_seq;
    for (const TestSegment& segment : host.sent()) {
        CHECK(segment.seq == seq);
        seq += static_cast<std::uint32_t>(segment.text.size());
        text += segment.text;
    }
    CHECK(text == "one two three");
    CHECK(host.tcp().buffers_given() == 2);
}

TEST_CASE("a buffer that came is passed on in its frame", "[stack][tcp][given]") {
    Giving host;
    host.say("passed on");
    IoBuf buffer = host.tcp().read_buf(host.tcb(), host.now);
    REQUIRE(buffer.size() == 9);
    const std::byte* const at = buffer.data();
    REQUIRE(host.give_away(buffer));
    host.stack.advance(host.now);
    CHECK(host.where(9) == at);
}

TEST_CASE("a buffer that cannot leave as a segment of its own stays with the program", "[stack][tcp][given]") {
    Giving host;
    const auto stays = [&](IoBuf buffer) { return host.offer(buffer) == Given::copied && buffer; };
    SECTION("longer than a segment") { CHECK(stays(host.filled(std::string(mss + 1, 'a')))); }
    SECTION("empty") { CHECK(stays(host.filled(""))); }
    SECTION("of the heap") { CHECK(stays(IoBuf::copy_of(std::as_bytes(std::span("abc"))))); }
    SECTION("without room for headers") {
        IoBuf buffer = host.filled("abc");
        (void)buffer.prepend(1);
        CHECK(stays(std::move(buffer)));
    }
    SECTION("shared") {
        IoBuf buffer = host.filled("abc");
        const IoBuf other = buffer.share();
        CHECK(stays(std::move(buffer)));
    }
    SECTION("read by a device") {
        IoBuf buffer = host.filled("abc");
        host.frames.are_in_flight = true;
        CHECK(stays(std::move(buffer)));
    }
    SECTION("more than the send buffer ever takes") {
        host.write("x");
        host.tcb().send_limit = 2;
        CHECK(stays(host.filled("abc")));
    }
    SECTION("behind the end") {
        host.tcp().finish(host.tcb(), host.now);
        CHECK(stays(host.filled("abc")));
    }
    CHECK(host.tcp().buffers_given() == 0);
}

TEST_CASE("a buffer for which there is no room waits, and is taken when there is", "[stack][tcp][given]") {
    Giving host;
    host.tcb().send_limit = 3 * mss;
    host.tcb().grows_send = false;
    for (int i = 0; i < 3; ++i) REQUIRE(host.give_away(host.filled(std::string(mss, 'a'))));
    CHECK(host.sent().size() == 3);
    IoBuf buffer = host.filled(std::string(mss, 'b'));
    const std::byte* const at = buffer.data();
    CHECK(host.offer(buffer) == Given::waits);
    CHECK(buffer.size() == mss);
    const int told = host.endpoint->calls;
    host.acknowledge(host.host_seq + mss);
    CHECK(host.endpoint->calls > told);
    REQUIRE(host.give_away(buffer));
    CHECK(host.where(mss) == at);
    CHECK(host.tcp().buffers_given() == 4);
}

TEST_CASE("a buffer that waits is told of each acknowledgement until it fits", "[stack][tcp][given]") {
    Giving host;
    host.tcb().send_limit = mss + 10;
    host.tcb().grows_send = false;
    host.tcb().no_delay = true;
    host.write(std::string(600, 'a'));
    host.write(std::string(400, 'a'));
    CHECK(host.sent().size() == 2);
    IoBuf buffer = host.filled(std::string(mss, 'b'));
    CHECK(host.offer(buffer) == Given::waits);
    for (const std::uint32_t acked : {600, 1000}) {
        const int told = host.endpoint->calls;
        host.acknowledge(host.host_seq + acked);
        CHECK(host.endpoint->calls > told);
        CHECK(host.offer(buffer) == (acked == 600 ? Given::waits : Given::taken));
    }
}

TEST_CASE("a buffer that waits for pieces is taken, too", "[stack][tcp][given]") {
    Giving host;
    host.tcb().no_delay = true;
    while (host.tcb().queue.size() < host.stack.config().tcp.send_segments_max) host.write("x");
    IoBuf buffer = host.filled("last");
    CHECK(host.offer(buffer) == Given::waits);
    host.acknowledge(host.host_seq + host.tcb().queue.bytes());
    CHECK(host.give_away(buffer));
}

TEST_CASE("a buffer with headroom for the program's own header leaves with that", "[stack][tcp][given]") {
    Giving host;
    IoBuf buffer = host.filled("body", 5);
    std::memcpy(buffer.prepend(5).data(), "head ", 5);
    REQUIRE(host.give_away(buffer));
    CHECK(host.only().text == "head body");
}

TEST_CASE("what comes behind a short segment that waits fills that up, given or not", "[stack][tcp][given]") {
    Giving host;
    host.tcp().set_cork(host.tcb(), true, host.now);
    REQUIRE(host.give_away(host.filled(std::string(600, 'a'))));
    CHECK(host.sent().empty());
    IoBuf second = host.filled(std::string(600, 'b'));
    CHECK_FALSE(host.give_away(second));
    host.write(std::string(600, 'b'));
    CHECK(host.only().text == std::string(600, 'a') + std::string(400, 'b'));
    host.tcp().set_cork(host.tcb(), false, host.now);
    CHECK(host.only().text == std::string(200, 'b'));
}

TEST_CASE("a given buffer is cut for a small window and joined again", "[stack][tcp][given]") {
    Giving host(300);
    std::string text;
    for (int i = 0; i < 100; ++i) text += "0123456789";
    REQUIRE(host.give_away(host.filled(text)));
    std::string got;
    for (int i = 0; i < 10 && got.size() < text.size(); ++i) {
        for (const TestSegment& segment : host.sent()) got += segment.text;
        host.acknowledge(host.host_seq + static_cast<std::uint32_t>(got.size()), i < 2 ? 300 : 65'535);
    }
    CHECK(got == text);
}

TEST_CASE("programs are given the port's frames as long as a quarter of them is left", "[stack][tcp][given]") {
    constexpr std::uint32_t pool = 256;
    Giving host(65'535, pool);
    std::vector<IoBuf> held;
    while (true) {
        IoBuf buffer = host.sockets.send_buffer(100, 0);
        REQUIRE(buffer);
        if (!host.frames.is_home_of(*buffer.owner())) break;  // of the heap, from here on
        held.push_back(std::move(buffer));
    }
    CHECK(held.size() > pool / 2);
    CHECK(host.frames.available() >= pool / 4);
    CHECK_FALSE(host.give_away(held.back()));  // nor is one kept then
    const IoBuf large = host.sockets.send_buffer(100'000, 0);
    CHECK(large.size() == 100'000);
}

}  // namespace
}  // namespace skerry
