#include "frame/umem_frames.hpp"

#include "support/catch.hpp"

#include <skerry/base/huge_pages.hpp>

#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

namespace skerry::kernel_io::frame {
namespace {

using backend::Frame;

struct Home {
    explicit Home(std::uint32_t count) {
        auto umem = Umem::make(count);
        REQUIRE(umem);
        frames = std::make_unique<UmemFrames>(std::move(*umem));
        backend::current_frames = frames.get();
    }
    ~Home() { backend::current_frames = nullptr; }

    std::unique_ptr<UmemFrames> frames;
};

TEST_CASE("each frame is a chunk of the shared memory of its own", "[kernel_io][xdp]") {
    Home home(100);
    std::vector<Frame*> taken;
    while (Frame* const frame = home.frames->allocate()) taken.push_back(frame);
    CHECK(taken.size() == 100);
    std::set<std::uint64_t> chunks;
    for (Frame* const frame : taken) {
        CHECK(home.frames->owns(*frame));
        CHECK(frame->capacity == Umem::chunk_bytes);
        std::memset(frame->data, 0x55, frame->tailroom());
        const std::uint64_t address = home.frames->lend(*frame);
        CHECK(address % Umem::chunk_bytes == backend::FrameCache::headroom);
        CHECK(home.frames->at(address) == frame->data);
        CHECK(chunks.insert(address / Umem::chunk_bytes).second);
        CHECK(home.frames->take_back(address) == frame);
        frame->drop();
    }
    CHECK(*chunks.rbegin() == 99);
    CHECK(home.frames->out() == 0);
}

TEST_CASE("an address that the kernel was not given is not taken back", "[kernel_io][xdp]") {
    Home home(4);
    Frame* const frame = home.frames->allocate();
    REQUIRE(frame != nullptr);
    const std::uint64_t address = home.frames->lend(*frame);
    const std::uint64_t chunk = address / Umem::chunk_bytes * Umem::chunk_bytes;
    const std::uint64_t another = (chunk + Umem::chunk_bytes) % (4 * Umem::chunk_bytes);
    CHECK(home.frames->take_back(another) == nullptr);
    CHECK(home.frames->take_back(4 * Umem::chunk_bytes) == nullptr);  // behind the last
    CHECK(home.frames->take_back(~std::uint64_t{0}) == nullptr);
    CHECK(home.frames->take_back(chunk + 256, Umem::chunk_bytes - 255) == nullptr);  // its end is the next chunk's
    CHECK(home.frames->take_back(chunk + 256, Umem::chunk_bytes - 256) == frame);
    CHECK(home.frames->take_back(chunk + 256) == nullptr);  // twice
    frame->drop();
}

TEST_CASE("a frame that is kept while the kernel has it comes home when both are done", "[kernel_io][xdp]") {
    Home home(4);
    Frame* const frame = home.frames->allocate();
    REQUIRE(frame != nullptr);
    ++frame->handles;  // its sender's
    const std::uint64_t address = home.frames->lend(*frame);
    CHECK(frame->is_shared());
    frame->drop();
    CHECK(home.frames->out() == 1);
    home.frames->take_back(address)->drop();
    CHECK(home.frames->out() == 0);
}

TEST_CASE("what the kernel still had comes home when the socket is closed", "[kernel_io][xdp]") {
    Home home(64);
    IoBuf kept;
    for (int i = 0; i < 40; ++i) {
        Frame* const frame = home.frames->allocate();
        REQUIRE(frame != nullptr);
        if (i == 7) {
            ++frame->handles;
            kept = frame->to_buffer();
        }
        (void)home.frames->lend(*frame);
    }
    CHECK(home.frames->out() == 40);
    home.frames->take_all_back();
    CHECK(home.frames->out() == 1);
    kept.reset();
    CHECK(home.frames->out() == 0);
}

TEST_CASE("the shared memory lives as long as a program holds a part of it", "[kernel_io][xdp]") {
    const std::size_t before = aligned_bytes();
    IoBuf kept;
    {
        Home home(16);
        Frame* const frame = home.frames->allocate();
        REQUIRE(frame != nullptr);
        frame->length = 3;
        std::memcpy(frame->data, "abc", 3);
        kept = frame->to_buffer();
    }
    CHECK(aligned_bytes() != before);
    CHECK(std::memcmp(kept.data(), "abc", 3) == 0);
    kept.reset();
    CHECK(aligned_bytes() == before);
}

TEST_CASE("a frame on the heap is not of the shared memory", "[kernel_io][xdp]") {
    Home home(4);
    std::vector<std::byte> heap(2048);
    Frame other;
    other.data = heap.data();
    CHECK(!home.frames->owns(other));
    Frame* const own = home.frames->allocate();
    other.data = own->memory() + 4 * std::size_t{Umem::chunk_bytes};
    CHECK(!home.frames->owns(other));
    own->drop();
}

}  // namespace
}  // namespace skerry::kernel_io::frame
