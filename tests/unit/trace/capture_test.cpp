// Captures: the ring that a core fills, and the file that comes of it.

#include "support/catch.hpp"

#include "support/pcapng_file.hpp"
#include "support/temp_tree.hpp"

#include <skerry/trace/capture.hpp>

#include <skerry/time/instant.hpp>

#include <sys/ioctl.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace tests;
using trace::Capture;
using trace::CaptureTap;
using trace::pcapng::Direction;

std::span<const std::byte> as_frame(const std::string& text) { return std::as_bytes(std::span(text)); }

std::unique_ptr<Capture> capture_in(const std::string& path, std::uint32_t snap = 0, std::uint64_t bytes_max = 0) {
    trace::CaptureOptions options;
    options.file = path;
    options.snap_bytes = snap;
    options.bytes_max = bytes_max;
    auto capture = Capture::open(options);
    REQUIRE(capture);
    return std::move(*capture);
}

/// One frame that passes.
bool pass(CaptureTap& tap, const std::string& frame, std::int64_t at_ns = 0, Direction direction = Direction::in) {
    const bool has_room = tap.stage(as_frame(frame), at_ns, direction);
    tap.publish(tap.staged(), 1, has_room ? 0 : 1);
    return has_room;
}

TEST_CASE("each frame is in the file, by its interface, with its time and its direction", "[trace][capture]") {
    const TempTree tree;
    const std::string path = tree.root() / "run.pcapng";
    const auto capture = capture_in(path);
    CaptureTap& one = capture->add_tap("one");
    CaptureTap& two = capture->add_tap("two");
    const std::int64_t now = time::Instant::now().as_nanos();
    CHECK(pass(one, "came", now));
    CHECK(pass(one, "has gone", now + 1, Direction::out));
    CHECK(pass(two, "five!", now + 2));
    capture->close();

    const std::string file = contents_of(path);
    const auto blocks = pcapng_blocks(file);
    REQUIRE(blocks.size() == 8);
    CHECK(blocks[0].type == 0x0a0d'0d0a);
    CHECK(word_at(blocks[0].body, 0) == 0x1a2b'3c4d);
    const auto packets = pcapng_packets(file);
    REQUIRE(packets.size() == 3);
    CHECK(packets[0].bytes == "came");
    CHECK(packets[0].direction == Direction::in);
    CHECK(packets[1].bytes == "has gone");
    CHECK(packets[1].direction == Direction::out);
    CHECK(packets[1].at_ns == packets[0].at_ns + 1);
    CHECK(packets[2].interface == 1);
    CHECK(packets[2].bytes == "five!");
    const std::chrono::nanoseconds calendar = std::chrono::system_clock::now().time_since_epoch();
    CHECK(calendar.count() - packets[0].at_ns < 3'600'000'000'000);
    CHECK(packets[0].at_ns <= calendar.count());
    const auto counts = pcapng_counts(file);
    REQUIRE(counts.size() == 2);
    CHECK(counts[0].passed == 2);
    CHECK(counts[1].passed == 1);
    CHECK(counts[0].missing + counts[1].missing == 0);
}

TEST_CASE("of a frame longer than the snap length the front is kept, and how long it was", "[trace][capture]") {
    const TempTree tree;
    const std::string path = tree.root() / "run.pcapng";
    const auto capture = capture_in(path, 6);
    CaptureTap& tap = capture->add_tap("one");
    pass(tap, "much longer");
    pass(tap, "short");
    capture->close();
    const auto packets = pcapng_packets(contents_of(path));
    REQUIRE(packets.size() == 2);
    CHECK(packets[0].bytes == "much l");
    CHECK(packets[0].frame_bytes == 11);
    CHECK(packets[1].bytes == "short");
}

TEST_CASE("what a port leaves is not recorded until it passes", "[trace][capture]") {
    const TempTree tree;
    const std::string path = tree.root() / "run.pcapng";
    const auto capture = capture_in(path);
    CaptureTap& tap = capture->add_tap("one");
    REQUIRE(tap.stage(as_frame("first"), 0, Direction::out));
    const std::uint64_t first = tap.staged();
    REQUIRE(tap.stage(as_frame("left"), 0, Direction::out));
    tap.publish(first, 1, 0);
    pass(tap, "then");
    capture->close();
    const auto packets = pcapng_packets(contents_of(path));
    REQUIRE(packets.size() == 2);
    CHECK(packets[0].bytes == "first");
    CHECK(packets[1].bytes == "then");
}

TEST_CASE("two bytes of a frame may be recorded as the wire will have them", "[trace][capture]") {
    const TempTree tree;
    const std::string path = tree.root() / "run.pcapng";
    const auto capture = capture_in(path, 8);
    CaptureTap& tap = capture->add_tap("one");
    REQUIRE(tap.stage(as_frame("a sum is missing"), 0, Direction::out, {2, {std::byte{'S'}, std::byte{'U'}}}));
    REQUIRE(tap.stage(as_frame("a sum is missing"), 0, Direction::out, {7, {std::byte{'S'}, std::byte{'U'}}}));
    tap.publish(tap.staged(), 2, 0);
    capture->close();
    const auto packets = pcapng_packets(contents_of(path));
    REQUIRE(packets.size() == 2);
    CHECK(packets[0].bytes == "a SUm is");
    CHECK(packets[1].bytes == "a sum is");  // beyond what is kept
}

TEST_CASE("a ring that is full takes nothing, and frames go round its end whole", "[trace][capture]") {
    constexpr std::size_t ring = 1024;
    CaptureTap tap(3, "one", ring, 0, 0);
    for (int round = 0; round < 100; ++round) {
        std::size_t count = 0;
        while (pass(tap, "frame " + std::to_string(round * 100 + static_cast<int>(count)))) ++count;
        REQUIRE(count >= ring / 60 - 1);
        const CaptureTap::Pending pending = tap.pending();
        const auto [first, second] = tap.bytes(pending);
        REQUIRE(first.size() + second.size() == pending.end - pending.begin);
        std::string bytes(reinterpret_cast<const char*>(first.data()), first.size());
        bytes.append(reinterpret_cast<const char*>(second.data()), second.size());
        const auto packets = pcapng_packets(bytes);
        REQUIRE(packets.size() == count);
        for (std::size_t i = 0; i < count; ++i)
            REQUIRE(packets[i].bytes == "frame " + std::to_string(round * 100 + static_cast<int>(i)));
        tap.consume(pending.end);
    }
    CHECK(tap.missing() == 100);
    CHECK(tap.passed() > 1000);
}

TEST_CASE("a file ends at its limit with a whole frame, and says how many are missing", "[trace][capture][limits]") {
    const TempTree tree;
    const std::string path = tree.root() / "run.pcapng";
    constexpr std::uint64_t limit = 2000;
    const auto capture = capture_in(path, 0, limit);
    CaptureTap& tap = capture->add_tap("one");
    for (int i = 0; i < 100; ++i) pass(tap, std::string(100, 'x'));
    capture->close();
    const std::string file = contents_of(path);
    const auto packets = pcapng_packets(file);
    const auto counts = pcapng_counts(file);
    REQUIRE(counts.size() == 1);
    CHECK(packets.size() == 13);  // of 144 bytes each, behind a section and an interface
    CHECK(counts[0].passed == 100);
    CHECK(counts[0].missing == 100 - packets.size());
    CHECK(file.size() < limit + 144);
}

TEST_CASE("a file that cannot be opened is an error, and stays as it is until a port is there", "[trace][capture]") {
    trace::CaptureOptions options;
    options.file = "/nowhere/run.pcapng";
    const auto refused = Capture::open(options);
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Errc::not_found);

    TempTree tree;
    const std::string path = tree.write("old.pcapng", "of last week");
    capture_in(path)->close();
    CHECK(contents_of(path) == "of last week");
}

TEST_CASE("the blocks that lie whole in so many bytes are found round the ring's end", "[trace][capture]") {
    CaptureTap tap(0, "one", 256, 0, 0);
    for (int i = 0; i < 5; ++i) {
        pass(tap, "four");
        const CaptureTap::Pending one = tap.pending();
        const std::uint64_t block = one.end - one.begin;
        CHECK(tap.whole_blocks(one, block - 1) == one.begin);
        CHECK(tap.whole_blocks(one, block) == one.end);
        CHECK(tap.whole_blocks(one, 0) == one.begin);
        pass(tap, "four");
        const CaptureTap::Pending two = tap.pending();
        CHECK(tap.whole_blocks(two, 2 * block - 1) == one.end);
        CHECK(tap.whole_blocks(two, 1'000'000) == two.end);
        tap.consume(two.end);
    }
}

TEST_CASE("a disk that is full ends the recording and nothing else", "[trace][capture]") {
    if (::access("/dev/full", W_OK) != 0) {
        WARN("there is no /dev/full");
        return;
    }
    const auto capture = capture_in("/dev/full");
    CaptureTap& tap = capture->add_tap("one");
    for (int i = 0; i < 1000; ++i) pass(tap, "frame");
    capture->close();
    CHECK_FALSE(pass(tap, "late"));
    CHECK(tap.passed() == 1001);
    CHECK(capture->missing() == 1001);
}

TEST_CASE("a pipe that nobody reads does not keep a capture from its end", "[trace][capture]") {
    const TempTree tree;
    const std::string path = tree.root() / "pipe";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
    REQUIRE(reader >= 0);
    const auto capture = capture_in(path);
    CaptureTap& tap = capture->add_tap("one");
    for (int i = 0; i < 1000; ++i) pass(tap, std::string(1000, 'x'));  // more than a pipe holds
    for (int bytes = 0; bytes < 65'536 - 4096;) REQUIRE(::ioctl(reader, FIONREAD, &bytes) == 0);  // the writer waits
    CHECK(pass(capture->add_tap("two"), "another core begins"));
    CHECK(capture->missing() == 0);
    capture->close();
    ::close(reader);
}

}  // namespace
}  // namespace skerry
