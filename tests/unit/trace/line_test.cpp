#include "support/catch.hpp"

#include <skerry/trace/line.hpp>

#include <cstdint>
#include <limits>
#include <string>

namespace skerry {
namespace {

using trace::Line;

TEST_CASE("a line is its texts and numbers one after the other", "[trace]") {
    CHECK(Line("core ", std::uint16_t{3}, " of ", 16, "").text() == "core 3 of 16");
    CHECK(Line(std::numeric_limits<std::int64_t>::min()).text() == "-9223372036854775808");
    CHECK(Line().text().empty());
}

TEST_CASE("what does not fit a line is cut off", "[trace]") {
    const std::string text(Line::bytes_max - 2, 'x');
    CHECK(Line(text, 1234, "more").text() == text + "12");
}

}  // namespace
}  // namespace skerry
