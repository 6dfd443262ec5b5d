// The files of one core, over a ring that the test hands in and empties by itself.

#if __has_include(<liburing.h>)

#include "support/catch.hpp"
#include "support/limits.hpp"
#include "support/temp_tree.hpp"
#include "support/test_core.hpp"

#include "uring/core_files.hpp"

#include <skerry/fs/file.hpp>

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace skerry::kernel_io::uring {
namespace {

constexpr std::size_t block = 512;
constexpr std::size_t blocks = 64;

struct Fixture {
    Fixture() {
        auto made = Ring::make(true);
        if (!made) {
            WARN("without io_uring: " << made.error().message());
            return;
        }
        ring.emplace(std::move(*made));
        ring->enter();  // the doorbell
        files.emplace(*ring, core.scheduler().home());
        backend::current_files = &*files;
        std::string text;
        for (std::size_t i = 0; i < blocks; ++i) text.append(block, static_cast<char>(i));
        file.emplace(OwnedFd(::open(tree.write("file", text).c_str(), O_RDWR | O_CLOEXEC)));
    }
    ~Fixture() {
        core.in([&] { core.scheduler().abort_all(); });
        core.run_until_idle();
        if (ring) ring->end_all();
        backend::current_files = nullptr;
    }

    [[nodiscard]] bool is_here() const { return ring.has_value(); }

    Task<> read(std::size_t number) {
        std::array<std::byte, block> bytes{};
        auto count = co_await file->read_at(number % blocks * block, bytes);
        right += count == block && std::ranges::all_of(bytes, [&](std::byte each) {
                     return each == static_cast<std::byte>(number % blocks);
                 });
    }
    void start_reads(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            tasks.push_back(core.start(read(i)));
            core.run_until_idle();  // the newest task would begin first
        }
    }
    void finish() {
        while (files->stats().under_way != 0) {
            if (!ring->has_completions()) REQUIRE(ring->wait());
            core.in([&] { ring->dispatch(); });
            core.run_until_idle();
        }
    }
    [[nodiscard]] unsigned entries() { return ::io_uring_sq_ready(&ring->raw()); }

    tests::TempTree tree;
    test_support::TestCore core;
    std::optional<Ring> ring;
    std::optional<CoreFiles> files;
    std::optional<fs::File> file;
    std::vector<JoinHandle<void>> tasks;
    std::size_t right = 0;
};

TEST_CASE("the reads of one turn go into the kernel by eight, and the rest waits for its end", "[kernel_io][files]") {
    Fixture f;
    if (!f.is_here()) return;
    f.start_reads(7);
    CHECK(f.entries() == 7);
    CHECK_FALSE(f.ring->has_completions());
    f.start_reads(1);
    CHECK(f.entries() == 0);
    f.start_reads(53);
    CHECK(f.entries() == 5);
    f.ring->submit();
    CHECK(f.entries() == 0);
    f.finish();
    CHECK(f.right == 61);
    CHECK(f.files->stats().asked == 61);
    CHECK(f.files->stats().buffers_out == 0);
}

TEST_CASE("what is more than may be under way waits in order, and may be given up there", "[kernel_io][files]") {
    Fixture f;
    if (!f.is_here()) return;
    constexpr std::size_t many = CoreFiles::under_way_max + 500;
    f.start_reads(many);
    CHECK(f.files->stats().under_way == CoreFiles::under_way_max);
    CHECK(f.files->stats().waiting == 500);
    for (std::size_t i = CoreFiles::under_way_max + 100; i < CoreFiles::under_way_max + 300; ++i) f.tasks[i].abort();
    f.core.run_until_idle();
    CHECK(f.files->stats().waiting == 300);
    CHECK(f.files->stats().given_up == 200);
    f.finish();
    CHECK(f.right == many - 200);
    CHECK(f.files->stats().waiting == 0);
    CHECK(f.files->stats().buffers_out == 0);
}

TEST_CASE("a read that is given up keeps its memory and its descriptor until the kernel is through",
          "[kernel_io][files]") {
    Fixture f;
    if (!f.is_here()) return;
    f.start_reads(8);
    for (auto& task : f.tasks) task.abort();
    f.core.run_until_idle();
    f.file.reset();
    CHECK(f.files->stats().under_way == 8);
    CHECK(f.files->stats().buffers_out == 8);
    f.finish();
    CHECK(f.right == 0);
    CHECK(f.files->stats().buffers_out == 0);
}

/// Hears completions, and does nothing.
class Deaf final : public Requester {
    void on_completion(unsigned, int, std::uint32_t) noexcept override {}
};

volatile std::sig_atomic_t size_signals = 0;

// A write that goes past the cache is made while it is handed in, on most file systems.
TEST_CASE("a write past the limit of a file's size signals nobody, also where the queue was full before it",
          "[kernel_io][files]") {
    Fixture f;
    if (!f.is_here()) return;
    const std::string path = f.tree.write("limited", "");
    int fd = ::open(path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
    if (fd < 0) fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    f.file.emplace(OwnedFd(fd));
    size_signals = 0;
    const auto before = std::signal(SIGXFSZ, [](int) { size_signals = size_signals + 1; });
    for (const unsigned in_front : {Ring::entries_max - 1, Ring::entries_max}) {
        const tests::LowerLimit limit(RLIMIT_FSIZE, 4096);
        Deaf deaf;
        while (f.entries() < in_front) REQUIRE(f.ring->request(deaf, 0, ::io_uring_prep_nop));
        std::optional<Result<std::size_t>> answer;
        const std::vector<std::byte> data(4096);
        f.tasks.push_back(f.core.start(
            [](fs::File& file, const std::vector<std::byte>& bytes, std::optional<Result<std::size_t>>& out) -> Task<> {
                out.emplace(co_await file.write_at(8192, bytes));
            }(*f.file, data, answer)));
        f.core.run_until_idle();
        f.finish();
        REQUIRE(answer);
        CHECK(answer->error().os_error() == EFBIG);
    }
    std::signal(SIGXFSZ, before);
    CHECK(size_signals == 0);
}

TEST_CASE("memory for a file begins with a page, whatever its size", "[kernel_io][files]") {
    FileBuffers buffers(0);
    std::vector<IoBuf> held;
    for (const std::size_t size : {1U, 512U, 4096U, 4097U, 16'384U, 20'000U, 65'536U, 65'537U, 1U << 20U}) {
        for (int i = 0; i < 3; ++i) {
            held.push_back(buffers.allocate(size));
            REQUIRE(held.back());
            CHECK(held.back().size() == size);
            CHECK(reinterpret_cast<std::uintptr_t>(held.back().data()) % FileBuffers::page_bytes == 0);
            std::ranges::fill(held.back().writable(), std::byte{1});
        }
    }
    CHECK(buffers.out() == 21);
    held.clear();
    CHECK(buffers.out() == 0);
}

TEST_CASE("what is more than a pool holds is the heap's", "[kernel_io][files]") {
    FileBuffers buffers(0);
    std::vector<IoBuf> held;
    for (int i = 0; i < 1'030; ++i) {
        held.push_back(buffers.allocate(4096));
        REQUIRE(held.back());
        REQUIRE(reinterpret_cast<std::uintptr_t>(held.back().data()) % FileBuffers::page_bytes == 0);
    }
    CHECK(buffers.out() == 1'024);
}

}  // namespace
}  // namespace skerry::kernel_io::uring

#endif
