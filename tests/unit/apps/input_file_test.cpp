#include "common/input_file.hpp"

#include "support/catch.hpp"
#include "support/temp_tree.hpp"

#include <string>

namespace skerry::apps {
namespace {

TEST_CASE("a file is read whole, and an empty one is no failure", "[apps][input_file]") {
    tests::TempTree tree;
    const std::string text("one\r\n\0two", 9);
    CHECK(read_input(tree.write("file", text)).value() == text);
    CHECK(read_input(tree.write("empty", "")).value().empty());
}

TEST_CASE("what cannot be read says why", "[apps][input_file][error]") {
    const tests::TempTree tree;
    CHECK(read_input((tree.root() / "none").string()).error().why == "No such file or directory");
    CHECK(read_input(tree.root().string()).error().why == "Is a directory");
}

}  // namespace
}  // namespace skerry::apps
