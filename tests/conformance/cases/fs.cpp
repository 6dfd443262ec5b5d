#include "slow_lane.hpp"

#include "support/limits.hpp"
#include "support/temp_tree.hpp"

#include <skerry/base/aligned_buf.hpp>
#include <skerry/fs/files.hpp>
#include <skerry/fs/open_options.hpp>
#include <skerry/io/copy.hpp>
#include <skerry/task/spawn.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

namespace skerry::conformance {
namespace {

using fs::File;
using fs::OpenOptions;

std::string in(const tests::TempTree& tree, const std::string& name) { return (tree.root() / name).string(); }

TEST_CASE("a file is written and read whole, and at places", "[fs]") {
    run([]() -> Task<> {
        const tests::TempTree tree;
        const std::string path = in(tree, "file");
        auto file = co_await OpenOptions().read(true).write(true).create_new(true).mode(0640).open(path);
        REQUIRE(file);
        const auto sent = pattern(3'000'000);  // more than one copy takes
        auto written = co_await file->write_all(sent);
        CHECK(written);
        CHECK(file->position() == sent.size());
        auto count = co_await file->write_at(7, bytes_of("seven"));
        CHECK(count == 5u);
        CHECK(file->position() == sent.size());
        auto about = co_await file->metadata();
        REQUIRE(about);
        CHECK(about->is_file());
        CHECK(about->size_bytes == sent.size());
        CHECK((about->permissions.mode & ~0640U) == 0);
        auto synced = co_await join(file->sync_all(), file->sync_data());
        CHECK(std::get<0>(synced));
        CHECK(std::get<1>(synced));

        std::array<std::byte, 16> some;
        count = co_await file->read_at(7, std::span(some).first(5));
        CHECK(count == 5u);
        CHECK(text_of(std::span(some).first(5)) == "seven");
        auto place = co_await file->seek(fs::SeekFrom::start, 12);
        CHECK(place == 12u);
        count = co_await file->read(some);
        CHECK(count == 16u);
        CHECK(std::equal(some.begin(), some.end(), sent.begin() + 12));
        CHECK(file->position() == 28);
        place = co_await file->seek(fs::SeekFrom::end, -4);
        CHECK(place == sent.size() - 4);
        auto rest = co_await file->read_buf();
        REQUIRE(rest);
        CHECK(text_of(rest->bytes()) == text_of(std::span(sent).last(4)));
        count = co_await file->read(some);
        CHECK(count == 0u);
        auto exact = co_await file->read_exact(some);
        CHECK(exact == Errc::unexpected_eof);
        place = co_await file->seek(fs::SeekFrom::current, -3'000'001);
        CHECK(place.error() == Errc::invalid_argument);
        CHECK(file->position() == sent.size());
    });
}

TEST_CASE("what was written is there for every reader at once: no buffer stands between", "[fs]") {
    run([]() -> Task<> {
        const tests::TempTree tree;
        auto file = co_await File::create(in(tree, "file"));
        REQUIRE(file);
        auto written = co_await file->write_all(bytes_of("no flush"));
        CHECK(written);
        auto text = co_await fs::read_to_string(in(tree, "file"));
        CHECK(text == std::string("no flush"));
    });
}

TEST_CASE("options that contradict each other are refused, and the others do what they say", "[fs]") {
    run([]() -> Task<> {
        tests::TempTree tree;
        const std::string path = tree.write("file", "old text");
        const std::array wrongs{OpenOptions(), OpenOptions().create(true), OpenOptions().read(true).truncate(true),
                                OpenOptions().append(true).truncate(true)};
        for (const OpenOptions& wrong : wrongs) {
            auto refused = co_await wrong.open(path);
            CHECK(refused.error() == Errc::invalid_argument);
        }
        auto there = co_await OpenOptions().write(true).create_new(true).open(path);
        CHECK(there.error().os_error() == EEXIST);
        auto missing = co_await OpenOptions().write(true).open(path + "x");
        CHECK(missing.error() == Errc::not_found);
        auto folder = co_await OpenOptions().write(true).open(tree.root());
        CHECK(folder.error() == Errc::invalid_argument);
        auto zero = co_await File::open(path + std::string("\0", 1));
        CHECK(zero.error() == Errc::invalid_argument);
        {
            auto end = co_await OpenOptions().append(true).open(path);
            REQUIRE(end);
            auto written = co_await end->write_all(bytes_of(", new text"));
            CHECK(written);
            std::array<std::byte, 4> some;
            auto read = co_await end->read(some);
            CHECK(read.error() == Errc::invalid_argument);
        }
        auto text = co_await fs::read_to_string(path);
        CHECK(text == std::string("old text, new text"));
        {
            auto cut = co_await OpenOptions().write(true).open(path);
            REQUIRE(cut);
            auto done = co_await cut->set_len(3);
            CHECK(done);
            done = co_await cut->set_len(5);
            CHECK(done);
        }
        text = co_await fs::read_to_string(path);
        CHECK(text == std::string("old\0\0", 5));
    });
}

// RLIMIT_FSIZE stands for every limit: a disk, a quota. Its signal must not end the program.
TEST_CASE("a file that is full keeps what fitted, and says how much that was", "[fs][error]") {
    run([]() -> Task<> {
        const tests::TempTree tree;
        auto file = co_await File::create(in(tree, "file"));
        REQUIRE(file);
        const auto sent = pattern(5'000);
        {
            const tests::LowerLimit small(RLIMIT_FSIZE, 1'000);
            auto written = co_await file->write_all(sent);
            CHECK(written == Errc::full);
            CHECK(file->position() == 1'000);
            auto count = co_await file->write(bytes_of("more"));
            CHECK(count.error() == Errc::full);
            count = co_await file->write_at(998, bytes_of("ab??"));
            CHECK(count == 2u);  // as much as fits is no error
            count = co_await file->write_at(998, std::span(sent).subspan(998, 2));
            CHECK(count == 2u);
            auto grown = co_await file->set_len(2'000);
            CHECK(grown == Errc::full);
            auto whole = co_await fs::write(in(tree, "other"), sent);
            CHECK(whole == Errc::full);
        }
        auto written = co_await file->write_all(std::span(sent).subspan(file->position()));
        CHECK(written);
        auto all = co_await fs::read(in(tree, "file"));
        REQUIRE(all);
        CHECK(*all == sent);
        auto part = co_await fs::read(in(tree, "other"));
        REQUIRE(part);
        CHECK(text_of(*part) == text_of(std::span(sent).first(1'000)));
    });
}

TEST_CASE("a device without room says full", "[fs][error]") {
    run([]() -> Task<> {
        auto file = co_await OpenOptions().write(true).open("/dev/full");
        REQUIRE(file);
        auto written = co_await file->write_all(bytes_of("x"));
        CHECK(written == Errc::full);
        REQUIRE_FALSE(written);
        CHECK(written.error().os_error() == ENOSPC);
        CHECK(file->position() == 0);
    });
}

TEST_CASE("64 reads at once bring each its own place of a file", "[fs]") {
    run([]() -> Task<> {
        constexpr std::size_t block = 4096;
        constexpr std::size_t blocks = 1'000;
        const tests::TempTree tree;
        const auto sent = pattern(blocks * block - 100);  // the last block is a short one
        auto written = co_await fs::write(in(tree, "file"), sent);
        REQUIRE(written);
        auto file = co_await File::open(in(tree, "file"));
        REQUIRE(file);
        const auto whole = std::span<const std::byte>(sent);
        std::size_t next = 0;
        std::size_t right = 0;
        auto reader = [&]() -> Task<> {
            std::array<std::byte, block> copy;
            for (std::size_t i = next++; i < blocks; i = next++) {
                const std::size_t place = i * 389 % blocks * block;  // each block once, in no order
                const auto expected = whole.subspan(place, std::min(block, whole.size() - place));
                auto piece = co_await file->read_buf_at(place, block);
                REQUIRE(piece);
                auto count = co_await file->read_at(place, copy);
                REQUIRE(count);
                right += std::ranges::equal(piece->bytes(), expected) && *count == expected.size() &&
                         std::ranges::equal(std::span(copy).first(*count), expected);
            }
        };
        std::vector<JoinHandle<void>> readers;
        for (int i = 0; i < 64; ++i) readers.push_back(spawn(reader()));
        for (auto& one : readers) {
            auto ended = co_await one;
            REQUIRE(ended);
        }
        CHECK(right == blocks);
    });
}

TEST_CASE("64 writes at once, and what a sync finds written is there for other readers", "[fs]") {
    run([]() -> Task<> {
        constexpr std::size_t piece = 10'000;
        constexpr std::size_t pieces = 300;
        const tests::TempTree tree;
        const auto sent = pattern(pieces * piece);
        auto file = co_await File::create(in(tree, "file"));
        REQUIRE(file);
        std::size_t next = 0;
        auto writer = [&]() -> Task<> {
            for (std::size_t i = next++; i < pieces; i = next++) {
                auto count = co_await file->write_at(i * piece, std::span(sent).subspan(i * piece, piece));
                REQUIRE(count == piece);
                auto synced = i % 2 == 0 ? co_await file->sync_data() : co_await file->sync_all();
                REQUIRE(synced);
            }
        };
        std::vector<JoinHandle<void>> writers;
        for (int i = 0; i < 64; ++i) writers.push_back(spawn(writer()));
        for (auto& one : writers) {
            auto ended = co_await one;
            REQUIRE(ended);
        }
        std::ifstream other(in(tree, "file"), std::ios::binary);
        const std::string found((std::istreambuf_iterator<char>(other)), {});
        CHECK(found == text_of(sent));
    });
}

TEST_CASE("places behind 4 GiB are their own, and places that there are not are refused", "[fs]") {
    run([]() -> Task<> {
        const tests::TempTree tree;
        auto file = co_await OpenOptions().read(true).write(true).create(true).open(in(tree, "file"));
        REQUIRE(file);
        constexpr std::uint64_t far = (std::uint64_t{5} << 30U) + 7;
        auto count = co_await file->write_at(far, bytes_of("far"));
        CHECK(count == 3u);
        std::array<std::byte, 8> some;
        count = co_await file->read_at(far - 1, some);
        CHECK(count == 4u);
        CHECK(text_of(std::span(some).first(4)) == std::string("\0far", 4));
        count = co_await file->read_at(far - (std::uint64_t{4} << 30U), some);
        CHECK(count == 8u);
        CHECK(text_of(some) == std::string(8, '\0'));
        count = co_await file->read_at(far + 3, some);
        CHECK(count == 0u);
        count = co_await file->read_at(far + 100, some);
        CHECK(count == 0u);
        for (const std::uint64_t nowhere : {std::uint64_t{1} << 63U, ~std::uint64_t{0}}) {
            count = co_await file->read_at(nowhere, some);
            CHECK(count.error() == Errc::invalid_argument);
            count = co_await file->write_at(nowhere, bytes_of("x"));
            CHECK(count.error() == Errc::invalid_argument);
        }
    });
}

TEST_CASE("what has no places is refused, and not read", "[fs][error]") {
    run([]() -> Task<> {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        const OwnedFd writing(ends[1]);
        REQUIRE(::write(writing.get(), "kept", 4) == 4);
        File pipe{OwnedFd(ends[0])};
        std::array<std::byte, 8> some;
        auto count = co_await pipe.read_at(0, some);
        CHECK(count.error() == Errc::invalid_argument);
        count = co_await pipe.read(some);
        CHECK(count.error() == Errc::invalid_argument);
        CHECK(::read(pipe.fd(), some.data(), some.size()) == 4);
    });
}

TEST_CASE("a file that may not wait is read all the same when nothing of it is in memory", "[fs]") {
    run([]() -> Task<> {
        const tests::TempTree tree;
        const auto sent = pattern(1'000'000);
        auto file =
            co_await OpenOptions().read(true).write(true).create(true).custom_flags(O_NONBLOCK).open(in(tree, "file"));
        REQUIRE(file);
        auto written = co_await file->write_all(sent);
        CHECK(written);
        auto synced = co_await file->sync_all();
        CHECK(synced);
        CHECK(::posix_fadvise(file->fd(), 0, 0, POSIX_FADV_DONTNEED) == 0);
        std::vector<std::byte> got(sent.size());
        auto place = co_await file->seek(fs::SeekFrom::start, 0);
        CHECK(place == 0u);
        auto whole = co_await file->read_exact(got);
        CHECK(whole);
        CHECK(got == sent);
        auto made_up = co_await OpenOptions().read(true).custom_flags(O_NONBLOCK).open("/proc/self/stat");
        REQUIRE(made_up);
        auto count = co_await made_up->read(std::span(got).first(100));
        REQUIRE(count);
        CHECK(*count > 0);
    });
}

TEST_CASE("O_DIRECT reads and writes whole sectors from any memory, and says what is none", "[fs]") {
    run([]() -> Task<> {
        constexpr std::size_t page = 4096;
        const tests::TempTree tree;
        auto file =
            co_await OpenOptions().read(true).write(true).create(true).custom_flags(O_DIRECT).open(in(tree, "file"));
        if (!file && file.error() == Errc::invalid_argument) {
            WARN("the temporary folder's file system has no O_DIRECT");
            co_return;
        }
        REQUIRE(file);
        const auto sent = pattern(30 * page + 1);
        const auto odd = std::span(sent).subspan(1);  // at an odd address
        auto count = co_await file->write_at(0, odd);
        CHECK(count == odd.size());
        std::vector<std::byte> got(30 * page + 1);
        count = co_await file->read_at(page, std::span(got).subspan(1, 2 * page));
        CHECK(count == 2 * page);
        CHECK(std::ranges::equal(std::span(got).subspan(1, 2 * page), odd.subspan(page, 2 * page)));
        auto piece = co_await file->read_buf_at(0, odd.size());
        REQUIRE(piece);
        CHECK(std::ranges::equal(piece->bytes(), odd));
        IoBuf aligned = allocate_aligned(page, page);
        REQUIRE(aligned);
        std::ranges::copy(odd.first(page), aligned.writable().begin());
        count = co_await file->write_buf_at(30 * page, std::move(aligned));
        CHECK(count == page);
        count = co_await file->read_at(30 * page, std::span(got).first(page));
        CHECK(count == page);
        CHECK(std::ranges::equal(std::span(got).first(page), odd.first(page)));

        count = co_await file->read_at(1, std::span(got).first(page));
        CHECK(count.error() == Errc::invalid_argument);
        count = co_await file->write_at(0, odd.first(100));
        CHECK(count.error() == Errc::invalid_argument);
    });
}

// Behaviour 44: a cancelled open closes its file.
TEST_CASE("128 opens that are cancelled, 100 times, leave no descriptor open", "[fs][cancel]") {
    run([]() -> Task<> {
        tests::TempTree tree;
        const std::string path = tree.write("file", "text");
        const std::size_t before = open_descriptors();
        for (int round = 0; round < 100; ++round) {
            std::vector<JoinHandle<Result<File>>> opening;
            for (int i = 0; i < 128; ++i) opening.push_back(spawn(File::open(path)));
            co_await yields(static_cast<unsigned>(round) % 4);
            for (auto& one : opening) one.abort();
            for (auto& one : opening) {
                auto outcome = co_await one;
                if (outcome) CHECK(*outcome);
            }
        }
        while (open_descriptors() != before) co_await yield_to_driver();  // those that had begun
    });
}

TEST_CASE("a read that loses a select moves no position and touches no memory", "[fs][cancel]") {
    run([]() -> Task<> {
        tests::TempTree tree;
        std::string text;
        for (int i = 0; i < 2'000; ++i) text += std::to_string(i) + ",";
        auto file = co_await File::open(tree.write("file", text));
        REQUIRE(file);
        std::string got;
        for (unsigned i = 0;; ++i) {
            auto buffer = std::make_unique<std::array<std::byte, 37>>();
            auto event = co_await select_biased(file->read(*buffer), yields(i % 40));
            if (event.index() != 0) continue;  // and the buffer is gone
            auto& count = std::get<0>(event);
            REQUIRE(count);
            if (*count == 0) break;
            got += text_of(std::span(*buffer).first(*count));
        }
        CHECK(got == text);
    });
}

TEST_CASE("writes that are given up are made whole or not at all, and the file goes on", "[fs][cancel]") {
    run([]() -> Task<> {
        constexpr std::size_t piece = 4096;
        const tests::TempTree tree;
        auto file = co_await OpenOptions().read(true).write(true).create(true).open(in(tree, "file"));
        REQUIRE(file);
        for (unsigned round = 0; round < 20; ++round) {
            std::vector<JoinHandle<void>> writers;
            for (unsigned i = 0; i < 64; ++i)
                writers.push_back(spawn([](File& to, unsigned place) -> Task<> {
                    const std::vector<std::byte> data(piece, static_cast<std::byte>(place + 1));
                    (void)co_await to.write_at(place * piece, data);
                }(*file, i)));
            co_await yields(round % 4);
            for (auto& one : writers) one.abort();
            for (auto& one : writers) (void)co_await one;
        }
        auto last = co_await file->write_at(63 * piece, pattern(piece));
        CHECK(last == piece);
        for (unsigned i = 0; i < 63; ++i) {
            std::array<std::byte, piece> got;
            auto count = co_await file->read_at(i * piece, got);
            REQUIRE(count == piece);
            CHECK(std::ranges::all_of(got, [&](std::byte each) { return each == got[0]; }));
            CHECK((got[0] == std::byte{0} || got[0] == static_cast<std::byte>(i + 1)));
        }
    });
}

TEST_CASE("a read into a buffer that asks for more than one can hold gets what is there", "[fs]") {
    run([]() -> Task<> {
        tests::TempTree tree;
        auto file = co_await File::open(tree.write("file", "text"));
        REQUIRE(file);
        for (const std::size_t bytes_max : {std::size_t{5} << 30U, std::numeric_limits<std::size_t>::max()}) {
            auto piece = co_await file->read_buf_at(1, bytes_max);
            REQUIRE(piece);
            CHECK(text_of(piece->bytes()) == "ext");
        }
    });
}

TEST_CASE("io::copy takes a file for a stream", "[fs]") {
    run([]() -> Task<> {
        const tests::TempTree tree;
        const auto sent = pattern(300'000);
        auto written = co_await fs::write(in(tree, "from"), sent);
        REQUIRE(written);
        {
            auto from = co_await File::open(in(tree, "from"));
            auto to = co_await File::create(in(tree, "to"));
            REQUIRE(from);
            REQUIRE(to);
            auto moved = co_await io::copy(*from, *to);
            CHECK(moved == sent.size());
        }
        auto all = co_await fs::read(in(tree, "to"));
        REQUIRE(all);
        CHECK(*all == sent);
    });
}

}  // namespace
}  // namespace skerry::conformance
