// What filters and watches may do to the wire that calls them.

#include "support/catch.hpp"

#include "testing/sim/frame_wire.hpp"

#include <skerry/stack/wire/ethernet.hpp>

#include <chrono>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace stack::wire;
using testing::Fate;
using testing::FrameEvent;
using testing::FrameWire;
using testing::Station;
using Bytes = std::vector<std::byte>;
using Frame = std::span<const std::byte>;

const time::Instant start = time::Instant::from_nanos(1'000'000'000);
const time::Instant soon = start + 1us;

/// Two stations, of which one sends.
struct Pair {
    static Bytes frame_to(const MacAddr& destination) {
        Bytes frame(100, std::byte{7});
        EthernetHeader ethernet;
        ethernet.destination = destination;
        ethernet.source = FrameWire::mac_of(0);
        ethernet.ether_type = ether_type::ipv4;
        write(ethernet, frame.data());
        return frame;
    }
    void send() { wire.send(one, frame_to(FrameWire::mac_of(two)), start); }
    /// Whether a frame has come, whole.
    bool arrives() {
        const testing::WireFrame* const frame = wire.receive(two, soon);
        return frame != nullptr && frame->bytes == frame_to(FrameWire::mac_of(two));
    }

    FrameWire wire{1, {}};
    Station one = wire.add("one");
    Station two = wire.add("two");
};

TEST_CASE("a filter that takes itself away lives until it returns", "[testing][filter]") {
    Pair on;
    bool has_lived = false;
    on.wire.set_filter(on.one, on.two, [&on, &has_lived, held = std::make_shared<int>()](Frame) {
        // Nothing of the closure is looked at once it may be gone.
        const std::weak_ptr<int> filter = held;
        bool& lives = has_lived;
        on.wire.set_filter(on.one, on.two, {});
        lives = !filter.expired();
        return Fate::drop;
    });
    on.send();
    CHECK(has_lived);
    CHECK(on.wire.counters().filtered == 1);
    on.send();
    CHECK(on.wire.counters().filtered == 1);
    CHECK(on.arrives());
}

TEST_CASE("a filter that sets another one is asked no more", "[testing][filter]") {
    Pair on;
    on.wire.set_filter(on.one, on.two, [&on](Frame) {
        on.wire.set_filter(on.one, on.two, testing::drop_nth(1));
        return Fate::pass;
    });
    on.send();
    CHECK(on.wire.counters().filtered == 0);
    on.send();
    on.send();
    CHECK(on.wire.counters().filtered == 1);
}

TEST_CASE("what a filter lets pass to a station that it unplugs is lost", "[testing][filter]") {
    Pair on;
    on.wire.set_filter(on.one, on.two, [&on](Frame) {
        on.wire.set_plugged(on.two, false);
        return Fate::pass;
    });
    on.send();
    CHECK(on.wire.counters().cut_off == 1);
    on.wire.set_plugged(on.two, true);
    CHECK_FALSE(on.arrives());
}

TEST_CASE("a watch may add others, which are told from the next frame on", "[testing][wire]") {
    Pair on;
    int told = 0;
    int others_told = 0;
    on.wire.add_watch([&](auto...) {
        for (int i = 0; i < 20; ++i) on.wire.add_watch([&others_told](auto...) { ++others_told; });
        ++told;
    });
    on.send();
    CHECK(told == 1);
    CHECK(others_told == 0);
    on.send();
    CHECK(told == 2);
    CHECK(others_told == 20);
}

TEST_CASE("a frame arrives whole although its watch plugs stations in", "[testing][wire]") {
    Pair on;
    std::vector<Station> made;
    on.wire.add_watch([&](FrameEvent::Kind kind, auto...) {
        if (kind != FrameEvent::Kind::arrived) return;
        for (int i = 0; i < 20; ++i) made.push_back(on.wire.add("new"));
    });
    on.send();
    CHECK(on.arrives());
    REQUIRE(made.size() == 20);
    on.wire.send(on.one, Pair::frame_to(MacAddr::broadcast()), start);
    CHECK(on.wire.receive(made.back(), soon) != nullptr);
}

TEST_CASE("a broadcast is for those who are there when it is sent", "[testing][wire]") {
    Pair on;
    Station made = 0;
    on.wire.set_filter(on.one, on.two, [&](Frame) {
        made = on.wire.add("new");
        return Fate::pass;
    });
    on.wire.send(on.one, Pair::frame_to(MacAddr::broadcast()), start);
    CHECK(on.wire.counters().sent == 1);
    CHECK(made == 2);
    CHECK(on.wire.receive(made, soon) == nullptr);
}

TEST_CASE("what a filter or watch throws first is kept until it is asked for", "[testing][wire]") {
    Pair on;
    CHECK_NOTHROW(on.wire.rethrow());
    on.wire.set_filter(on.one, on.two, [](Frame) -> Fate { throw std::runtime_error("the filter"); });
    int told = 0;
    on.wire.add_watch([](auto...) { throw std::runtime_error("the watch"); });
    on.wire.add_watch([&told](auto...) { ++told; });
    on.send();
    CHECK(told == 1);
    CHECK_THROWS_WITH(on.wire.rethrow(), "the filter");
    CHECK_NOTHROW(on.wire.rethrow());
    CHECK(on.arrives());
    CHECK(told == 2);
    CHECK_THROWS_WITH(on.wire.rethrow(), "the watch");
}

}  // namespace
}  // namespace skerry
