#include "common/output_file.hpp"

#include "support/catch.hpp"
#include "support/temp_tree.hpp"

#include <fstream>
#include <iterator>
#include <string>

namespace skerry {
namespace {

using apps::OutputFile;

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

TEST_CASE("an output file that cannot be made is refused at once, with the reason", "[apps][output_file][error]") {
    const auto file = OutputFile::open("/nonexistent/run.json");
    REQUIRE_FALSE(file);
    CHECK(file.error().message == "cannot write /nonexistent/run.json: No such file or directory");
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
