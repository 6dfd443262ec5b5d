#include "common/output_file.hpp"

#include "support/catch.hpp"
#include "support/limits.hpp"
#include "support/temp_tree.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace skerry {
namespace {

using apps::OutputFile;

/// No file may grow above it; the signal that says so would end the process.
class FileSizeLimit : public tests::LowerLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) : LowerLimit(RLIMIT_FSIZE, bytes) {}
};

std::string content_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("an output file keeps what it held until it is written, and then holds that alone", "[apps][output_file]") {
    tests::TempTree tree;
    const std::string path = tree.write("run.json", "the figures of yesterday");
    {
        auto file = OutputFile::open(path);
        REQUIRE(file);
        CHECK(content_of(path) == "the figures of yesterday");
        CHECK(file->write("today"));
        CHECK(content_of(path) == "today");
    }
    {
        const auto file = OutputFile::open(path);
        REQUIRE(file);
    }
    CHECK(content_of(path) == "today");
}

TEST_CASE("an output file that is not written leaves nothing", "[apps][output_file]") {
    tests::TempTree tree;
    const std::string path = (tree.root() / "run.json").string();
    {
        auto file = OutputFile::open(path);
        REQUIRE(file);
        CHECK_FALSE(std::filesystem::exists(path));
    }
    CHECK(std::filesystem::is_empty(tree.root()));
    auto file = OutputFile::open(path);
    REQUIRE(file);
    CHECK(file->write("figures"));
    CHECK(content_of(path) == "figures");
}

TEST_CASE("a disk without room costs neither the old file nor leaves a part of the new one", "[apps][output_file]") {
    tests::TempTree tree;
    const std::string path = tree.write("run.json", "the figures of yesterday");
    auto file = OutputFile::open(path);
    REQUIRE(file);
    {
        const FileSizeLimit limit(1'000);
        const auto written = file->write(std::string(5'000, 'x'));
        REQUIRE_FALSE(written);
        CHECK(written.error().message.find("cannot write " + path + ": ") == 0);
    }
    CHECK(content_of(path) == "the figures of yesterday");
    CHECK(std::distance(std::filesystem::directory_iterator(tree.root()), {}) == 1);
}

TEST_CASE("the rights of an output file outlive its content", "[apps][output_file]") {
    tests::TempTree tree;
    const std::string path = tree.write("run.json", "old");
    std::filesystem::permissions(path, std::filesystem::perms{0640});
    auto file = OutputFile::open(path);
    REQUIRE(file);
    CHECK(file->write("new"));
    CHECK(std::filesystem::status(path).permissions() == std::filesystem::perms{0640});
}

TEST_CASE("an output file with several names keeps them", "[apps][output_file]") {
    tests::TempTree tree;
    const std::string path = tree.write("run.json", "old");
    const std::string second = (tree.root() / "same.json").string();
    const std::string link = (tree.root() / "link.json").string();
    std::filesystem::create_symlink("run.json", link);
    {
        auto file = OutputFile::open(link);
        REQUIRE(file);
        CHECK(file->write("new"));
        CHECK(std::filesystem::is_symlink(link));
        CHECK(content_of(path) == "new");
    }
    std::filesystem::create_hard_link(path, second);
    auto file = OutputFile::open(path);
    REQUIRE(file);
    CHECK(file->write("newest"));
    CHECK(content_of(second) == "newest");
}

TEST_CASE("two names of one file are known before it is made and after", "[apps][output_file]") {
    tests::TempTree tree;
    const std::string root = tree.root().string();
    CHECK(apps::are_one_file(root + "/a", root + "/./a"));
    CHECK_FALSE(apps::are_one_file(root + "/a", root + "/b"));
    const std::string path = tree.write("a", "");
    CHECK_FALSE(apps::are_one_file(path, root + "/b"));
    std::filesystem::create_hard_link(path, root + "/b");
    CHECK(apps::are_one_file(path, root + "/b"));
    CHECK_FALSE(apps::are_one_file("/dev/null", "/dev/null"));
}

TEST_CASE("an output file that cannot be made is refused at once, with the reason", "[apps][output_file][error]") {
    const auto file = OutputFile::open("/nonexistent/run.json");
    REQUIRE_FALSE(file);
    CHECK(file.error().message == "cannot write /nonexistent/run.json: No such file or directory");
}

TEST_CASE("a fifo that nobody reads is refused and not waited for", "[apps][output_file][error]") {
    tests::TempTree tree;
    const std::string path = tree.root().string() + "/fifo";
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const auto file = OutputFile::open(path);
    REQUIRE_FALSE(file);
    CHECK(file.error().message == "cannot write " + path + ": nobody reads this fifo; start its reader first");
}

TEST_CASE("a write that fails is told", "[apps][output_file][error]") {
    auto file = OutputFile::open("/dev/full");
    REQUIRE(file);
    const auto written = file->write("figures");
    REQUIRE_FALSE(written);
    CHECK(written.error().message == "cannot write /dev/full: No space left on device");
}

}  // namespace
}  // namespace skerry
