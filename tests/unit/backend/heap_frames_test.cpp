#include "support/catch.hpp"

#include <skerry/backend/heap_frames.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace skerry::backend {
namespace {

HeapFramesOptions of(std::uint32_t frames) {
    HeapFramesOptions options;
    options.frames = frames;
    return options;
}

/// Frames of this thread, as a core has them.
struct Home {
    explicit Home(std::uint32_t count) : frames(std::make_unique<HeapFrames>(of(count))) {
        current_frames = frames.get();
    }
    ~Home() { current_frames = nullptr; }

    std::unique_ptr<HeapFrames> frames;
};

std::vector<Frame*> take_all(FrameCache& cache) {
    std::vector<Frame*> taken;
    while (Frame* frame = cache.allocate()) taken.push_back(frame);
    return taken;
}

TEST_CASE("there are as many frames as were asked for, each with memory of its own", "[backend][frame]") {
    Home home(200);
    std::vector<Frame*> taken = take_all(*home.frames);
    CHECK(taken.size() == 200);
    CHECK(home.frames->stats().misses == 1);
    CHECK(home.frames->out() == 200);
    std::set<const std::byte*> memory;
    for (Frame* frame : taken) {
        CHECK(frame->headroom == FrameCache::headroom);
        CHECK(frame->length == 0);
        CHECK(frame->tailroom() >= 1514);
        std::memset(frame->data, 0x55, frame->tailroom());  // a sanitizer sees one that is too small
        CHECK(memory.insert(frame->memory()).second);
    }
    for (Frame* frame : taken) frame->drop();
    CHECK(home.frames->out() == 0);
    for (int round = 0; round < 3; ++round) {
        taken = take_all(*home.frames);
        CHECK(taken.size() == 200);
        for (Frame* frame : taken) frame->drop();
    }
}

TEST_CASE("a frame holds the longest packet of its port, and 2 KiB at the least", "[backend][frame][jumbo]") {
    const std::uint16_t mtu = GENERATE(std::uint16_t{68}, mtu_usual, std::uint16_t{4000}, mtu_max);
    HeapFramesOptions options = HeapFramesOptions::for_mtu(mtu);
    options.frames = 2;
    HeapFrames frames(options);
    for (Frame* const frame : take_all(frames)) {
        CHECK(frame->tailroom() >= std::max<std::size_t>(frame_bytes_for(mtu), 1920));
        std::memset(frame->data, 0x55, frame->tailroom());  // a sanitizer sees one that is too small
        frame->drop();
    }
}

TEST_CASE("a frame that was trimmed and prepended comes back as new", "[backend][frame]") {
    Home home(1);
    Frame* frame = home.frames->allocate();
    frame->length = 100;
    frame->trim_front(60);
    CHECK(frame->length == 40);
    (void)frame->prepend(160);
    CHECK(frame->headroom == FrameCache::headroom - 100);
    const std::byte* const memory = frame->memory();
    frame->drop();
    frame = home.frames->allocate();
    REQUIRE(frame != nullptr);
    CHECK(frame->memory() == memory);
    CHECK(frame->data == memory + FrameCache::headroom);
    CHECK(frame->length == 0);
    frame->drop();
}

TEST_CASE("a buffer shows a frame's bytes and gives it back", "[backend][frame]") {
    Home home(1);
    Frame* const frame = home.frames->allocate();
    frame->length = 3;
    std::memcpy(frame->data, "abc", 3);
    {
        IoBuf buffer = frame->to_buffer();
        CHECK(buffer.size() == 3);
        CHECK(std::memcmp(buffer.data(), "abc", 3) == 0);
        CHECK(buffer.headroom() == FrameCache::headroom);
        const IoBuf second = buffer.share();
        CHECK(frame->is_shared());
        buffer.reset();
        CHECK(home.frames->allocate() == nullptr);
    }
    CHECK(home.frames->out() == 0);
}

TEST_CASE("frames that are dropped on other threads come home when the core runs out", "[backend][frame]") {
    Home home(128);
    for (int round = 0; round < 20; ++round) {
        std::vector<Frame*> taken = take_all(*home.frames);
        REQUIRE(taken.size() == 128);
        std::thread other([&] {
            for (std::size_t i = 0; i < taken.size(); i += 2) taken[i]->drop();
        });
        for (std::size_t i = 1; i < taken.size(); i += 2) taken[i]->drop();
        other.join();
        CHECK(home.frames->out() == 0);
    }
}

TEST_CASE("frames outlive what they came from", "[backend][frame]") {
    std::vector<IoBuf> here;
    std::vector<IoBuf> elsewhere;
    {
        Home home(64);
        for (int i = 0; i < 20; ++i) {
            here.push_back(home.frames->allocate()->to_buffer());
            elsewhere.push_back(home.frames->allocate()->to_buffer());
        }
        std::thread([&] { elsewhere.resize(10); }).join();
    }
    std::thread other([&] { elsewhere.clear(); });
    here.clear();
    other.join();  // a sanitizer sees what is freed too early, or never
}

}  // namespace
}  // namespace skerry::backend
