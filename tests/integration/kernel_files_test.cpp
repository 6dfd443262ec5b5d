// ctest: TIMEOUT 180
// Files where the kernel's drivers differ: io_uring takes reads, writes and syncs itself, epoll leaves them to the
// pool. What is given up, what is too much at once and what is under way at the end leaves nothing and loses nothing.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"
#include "support/kernel_sockets.hpp"
#include "support/limits.hpp"
#include "support/temp_tree.hpp"

#include <skerry/fs/open_options.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/core_stats.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <span>
#include <string>
#include <vector>

namespace skerry {
namespace {

using fs::File;
using fs::OpenOptions;
using tests::driver_turns;
using tests::on_each_driver;
using tests::open_descriptors;

constexpr std::size_t block = 4096;
constexpr std::size_t blocks = 256;

// Each block is full of its number.
std::string make_file(tests::TempTree& tree) {
    std::string text;
    for (std::size_t i = 0; i < blocks; ++i) text.append(block, static_cast<char>(i));
    return tree.write("file", text);
}

// Past the cache where the file system can, so that requests are under way for a while.
Task<File> open(std::string path) {
    auto file = co_await OpenOptions().read(true).write(true).custom_flags(O_DIRECT).open(path);
    if (!file) file = co_await OpenOptions().read(true).write(true).open(path);
    REQUIRE(file);
    co_return std::move(*file);
}

bool is_block(std::span<const std::byte> bytes, std::size_t number) {
    return bytes.size() == block &&
           std::ranges::all_of(bytes, [&](std::byte each) { return each == static_cast<std::byte>(number); });
}

Task<bool> read_block(File& file, std::size_t number) {
    std::array<std::byte, block> bytes;
    auto count = co_await file.read_at(number * block, bytes);
    co_return count == block&& is_block(bytes, number);
}

// Until the kernel is through with what nobody waits for.
Task<> settle() {
    for (;;) {
        const backend::FileStats files = runtime::core_stats().files;
        if (files.under_way == 0) break;
        co_await yield_to_driver();
    }
}

constexpr int rounds = 100;
constexpr std::size_t operations = 128;

template <class Start>
Task<> begin_and_abort(Start start, unsigned turns) {
    std::vector<JoinHandle<void>> tasks;
    tasks.reserve(operations);
    for (std::size_t i = 0; i < operations; ++i) tasks.push_back(spawn(start(i)));
    for (unsigned i = 0; i < turns; ++i) co_await yield_now();
    for (auto& task : tasks) task.abort();
    for (auto& task : tasks) (void)co_await std::move(task);
}

TEST_CASE("files that are dropped with their operations leave nothing", "[integration][fs][cancel]") {
    tests::TempTree tree;
    const std::string path = make_file(tree);
    on_each_driver([&]() -> Task<> {
        const auto descriptors = open_descriptors();
        auto one = [&](std::size_t i) -> Task<> {
            OwnedFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | (i % 2 == 0 ? O_DIRECT : 0)));
            if (!fd) fd = OwnedFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
            REQUIRE(fd);
            File file(std::move(fd));
            std::array<std::byte, block> bytes;
            bytes.fill(static_cast<std::byte>(i));
            switch (i % 4) {
                case 0: (void)co_await file.read_at(i * block, bytes); break;
                case 1: (void)co_await file.read_buf_at(i * block, block); break;
                case 2: (void)co_await file.write_at(i * block, bytes); break;
                default: (void)co_await file.sync_data();
            }
        };
        for (int i = 0; i < rounds; ++i) co_await begin_and_abort(one, static_cast<unsigned>(i) % 4);
        co_await settle();
        while (open_descriptors() != descriptors) co_await yield_to_driver();  // those that the pool had begun
        const auto after = runtime::core_stats();
        CHECK(after.files.waiting == 0);
        CHECK(after.files.buffers_out == 0);
        CHECK(after.live_tasks == 1);
    });
    std::ifstream file(path, std::ios::binary);
    for (std::size_t i = 0; i < blocks; ++i) {
        std::array<char, block> bytes{};
        file.read(bytes.data(), bytes.size());
        CHECK(is_block(std::as_bytes(std::span(bytes)), i));
    }
}

TEST_CASE("more reads begin in one turn than a ring takes, and each is made", "[integration][fs]") {
    tests::TempTree tree;
    const std::string path = make_file(tree);
    on_each_driver([&]() -> Task<> {
        constexpr std::size_t many = 6'000;  // io_uring hands in 1,024 at once, and lets 2,048 be under way
        File file = co_await open(path);
        std::vector<JoinHandle<bool>> tasks;
        for (std::size_t i = 0; i < many; ++i) tasks.push_back(spawn(read_block(file, i % blocks)));
        co_await yield_now();
        // Of those that wait some go, and the order of the others stays.
        for (std::size_t i = 5'000; i < 5'500; ++i) tasks[i].abort();
        std::size_t right = 0;
        for (std::size_t i = 0; i < many; ++i) {
            auto answer = co_await std::move(tasks[i]);
            right += answer == true;
        }
        CHECK(right >= many - 500);
        const auto after = runtime::core_stats();
        CHECK(after.files.under_way == 0);
        CHECK(after.files.waiting == 0);
        CHECK(after.files.buffers_out == 0);
    });
}

TEST_CASE("io_uring takes reads, writes and syncs itself, and epoll none", "[integration][fs]") {
    tests::TempTree tree;
    const std::string path = make_file(tree);
    const tests::KernelDriver driver = GENERATE(from_range(tests::kernel_drivers()));
    CAPTURE(driver.name);
    auto runtime = tests::make_on(driver);
    REQUIRE(runtime);
    runtime->block_on([](const std::string& of, bool by_ring) -> Task<> {
        auto file = co_await OpenOptions().read(true).write(true).open(of);
        REQUIRE(file);
        std::array<std::byte, 16> bytes;
        auto read = co_await file->read(bytes);
        CHECK(read == 16u);
        auto buffer = co_await file->read_buf();
        CHECK(buffer);
        auto written = co_await file->write_all(bytes);
        CHECK(written);
        auto synced = co_await file->sync_all();
        CHECK(synced);
        synced = co_await file->sync_data();
        CHECK(synced);
        CHECK(runtime::core_stats().files.asked == (by_ring ? 5u : 0u));
    }(path, driver.name == "io_uring"));
}

// Past the cache it is the thread that hands the write in which the kernel signals.
TEST_CASE("a write past the limit of a file's size is an error and no signal", "[integration][fs][error]") {
    tests::TempTree tree;
    const std::string path = make_file(tree);
    on_each_driver([&]() -> Task<> {
        File file = co_await open(path);
        const std::array<std::byte, block> bytes{};
        {
            const tests::LowerLimit small(RLIMIT_FSIZE, blocks * block);
            auto writes = co_await join(file.write_at(blocks * block, bytes), file.write_at(blocks * block, bytes),
                                        file.write_at(blocks * block - block, bytes));
            CHECK(std::get<0>(writes).error() == Errc::full);
            CHECK(std::get<1>(writes).error() == Errc::full);
            CHECK(std::get<2>(writes) == block);
        }
        auto count = co_await file.write_at(blocks * block, bytes);
        CHECK(count == block);
        auto cut = co_await file.set_len(blocks * block);
        CHECK(cut);
    });
}

TEST_CASE("a core that ends with reads and writes under way leaves nothing", "[integration][fs]") {
    tests::TempTree tree;
    const std::string path = make_file(tree);
    const tests::KernelDriver driver = GENERATE(from_range(tests::kernel_drivers()));
    CAPTURE(driver.name);
    const auto descriptors = open_descriptors();
    for (unsigned round = 0; round < 20; ++round) {
        auto runtime = tests::make_on(driver);
        REQUIRE(runtime);
        runtime->block_on([](const std::string& of, unsigned turns) -> Task<> {
            for (std::size_t i = 0; i < blocks; ++i)
                (void)spawn([](std::string name, std::size_t number) -> Task<> {
                    File file = co_await open(std::move(name));
                    for (;;) {
                        std::array<std::byte, block> bytes;
                        auto count = co_await file.read_at(number * block, bytes);
                        if (!count) co_return;  // the pool has ended
                        count = co_await file.write_at(number * block, bytes);
                        if (!count) co_return;
                    }
                }(of, i));
            co_await driver_turns(turns);
        }(path, round * 3));
    }
    CHECK(open_descriptors() == descriptors);
}

}  // namespace
}  // namespace skerry
