// The packets that wait for the port.

#include "support/catch.hpp"

#include <skerry/backend/heap_frames.hpp>
#include <skerry/stack/backlog.hpp>

#include <cstddef>
#include <random>

namespace skerry {
namespace {

using backend::Frame;
using stack::Backlog;

Frame& numbered(backend::HeapFrames& frames, std::uint32_t number) {
    Frame* const frame = frames.allocate();
    REQUIRE(frame != nullptr);
    frame->hash = number;
    return *frame;
}

TEST_CASE("packets leave the backlog in their order, however many the port takes at a time", "[stack][backlog]") {
    constexpr std::size_t places = 37;
    backend::HeapFramesOptions options;
    options.frames = 128;
    backend::HeapFrames frames(options);
    Backlog backlog(places);
    std::minstd_rand random(1);
    std::uint32_t pushed = 0;
    std::uint32_t taken = 0;
    while (taken < 2000) {
        for (std::size_t count = random() % places; count-- > 0 && backlog.size() < places;)
            backlog.push(numbered(frames, pushed++));
        REQUIRE(backlog.size() == pushed - taken);
        const auto oldest = backlog.oldest(1 + random() % 40);
        REQUIRE(oldest.empty() == backlog.empty());
        const std::size_t some = oldest.empty() ? 0 : 1 + random() % oldest.size();
        for (Frame* const frame : oldest.first(some)) {
            REQUIRE(frame->hash == taken++);
            frame->drop();
        }
        backlog.forget(some);
    }
    if (!backlog.empty()) {
        CHECK(backlog.front()->hash == taken);
        Frame* const next = backlog.pop();
        CHECK(next->hash == taken);
        next->drop();
    }
}

TEST_CASE("what is left in the backlog goes with it", "[stack][backlog]") {
    backend::HeapFrames frames(backend::HeapFramesOptions{});
    const std::size_t before = frames.available();
    {
        Backlog backlog(4);
        for (std::uint32_t i = 0; i < 4; ++i) backlog.push(numbered(frames, i));
        CHECK(frames.available() == before - 4);
        CHECK(backlog.oldest(100).size() == 4);
    }
    CHECK(frames.available() == before);
    Backlog none(0);
    CHECK(none.pop() == nullptr);
    CHECK(none.oldest(1).empty());
}

}  // namespace
}  // namespace skerry
