// A segment that is kept until it is acknowledged leaves in the frame that keeps it, and a device may read that frame
// long after it was handed over.

#include "support/tcp_host.hpp"

#include <algorithm>
#include <chrono>

using namespace skerry;
using namespace skerry::tests;

namespace {

/// A connection that has sent "hello", whose packet the test keeps as a device would.
struct Sent {
    Sent() {
        TestEndpoint& endpoint = host.establish();
        REQUIRE(host.write(endpoint, "hello") == 5);
        host.stack.advance(host.now);
        packet = host.stack.backlog().pop();
        REQUIRE(packet != nullptr);
        bytes.assign(packet->bytes().begin(), packet->bytes().end());
        at = packet->data;
    }
    /// The port has let go of its handle; what it sent it may still be reading.
    void hand_over() { packet->drop(); }
    [[nodiscard]] stack::Frame* sent_again() {
        host.now = std::max(host.now, host.stack.next_deadline());
        host.stack.advance(host.now);
        return host.stack.backlog().pop();
    }
    [[nodiscard]] bool is_untouched() const { return std::equal(bytes.begin(), bytes.end(), at); }

    TcpHost host;
    stack::Frame* packet = nullptr;
    Bytes bytes;
    std::byte* at = nullptr;
};

}  // namespace

TEST_CASE("a segment leaves in the frame that keeps it", "[stack][tcp][in-flight]") {
    Sent sent;
    CHECK(sent.packet->handles == 2);
    CHECK((sent.packet->flags & backend::frame_flag::kept) != 0);
    sent.hand_over();
}

TEST_CASE("a segment that a device still reads is sent again as a copy", "[stack][tcp][in-flight]") {
    Sent sent;
    sent.host.frames.are_in_flight = true;
    sent.hand_over();
    stack::Frame* const again = sent.sent_again();
    REQUIRE(again != nullptr);
    CHECK(again != sent.packet);
    CHECK(std::equal(sent.bytes.begin(), sent.bytes.end(), again->data, again->data + again->length));
    CHECK(sent.is_untouched());
    again->drop();
}

TEST_CASE("a segment that no device reads any more is sent again as it is", "[stack][tcp][in-flight]") {
    Sent sent;
    sent.hand_over();
    stack::Frame* const again = sent.sent_again();
    REQUIRE(again != nullptr);
    CHECK(again == sent.packet);
    again->drop();
}

TEST_CASE("what the holder of a packet does to its window moves no retransmission", "[stack][tcp][in-flight]") {
    Sent sent;
    sent.packet->trim_front(sent.packet->length - 1U);  // as a receiver in this process takes headers off
    sent.hand_over();
    sent.host.pass(std::chrono::seconds{2});
    const auto again = sent.host.sent();
    REQUIRE(!again.empty());
    CHECK(again.front().text == "hello");
}

TEST_CASE("a segment in flight is acknowledged and its frame goes", "[stack][tcp][in-flight]") {
    Sent sent;
    sent.host.frames.are_in_flight = true;
    sent.hand_over();
    sent.host.acknowledge(sent.host.host_seq + 5);
    CHECK(sent.host.tcp().frames_kept() == 0);
}
