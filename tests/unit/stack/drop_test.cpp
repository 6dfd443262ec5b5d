#include <skerry/stack/drop.hpp>

#include "support/catch.hpp"

#include <set>
#include <string_view>

namespace skerry::stack {
namespace {

TEST_CASE("every reason for dropping has a name of its own", "[stack][drop]") {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < drop_reasons; ++i) names.insert(to_string(static_cast<Drop>(i)));
    CHECK(names.size() == drop_reasons);
    CHECK(names.count("unknown") == 0);
    CHECK(to_string(Drop::ipv4_checksum) == "ipv4_checksum");
    CHECK(to_string(static_cast<Drop>(drop_reasons)) == "unknown");
}

TEST_CASE("drops are counted by reason, and the total leaves out those that were none", "[stack][drop]") {
    DropCounters counters;
    CHECK(counters.total() == 0);
    counters.count(Drop::none);
    counters.count(Drop::tcp_short);
    counters.count(Drop::tcp_short);
    counters.count(Drop::steering_full);
    CHECK(counters[Drop::tcp_short] == 2);
    CHECK(counters[Drop::steering_full] == 1);
    CHECK(counters[Drop::udp_short] == 0);
    CHECK(counters[Drop::none] == 1);
    CHECK(counters.total() == 3);
}

}  // namespace
}  // namespace skerry::stack
