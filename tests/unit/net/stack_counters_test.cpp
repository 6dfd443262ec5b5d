// The drops of a stack, as a program reads them.

#include "support/catch.hpp"

#include <skerry/net/stack_counters.hpp>
#include <skerry/runtime/builder.hpp>

#include <set>
#include <string_view>

namespace skerry {
namespace {

using net::StackCounters;
using stack::Drop;

TEST_CASE("each reason has a counter of its name", "[net][stack]") {
    stack::DropCounters drops;
    for (std::size_t i = 0; i <= StackCounters::size(); ++i)
        for (std::size_t times = 0; times < i; ++times) drops.count(static_cast<Drop>(i));
    const StackCounters counters(drops);
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < StackCounters::size(); ++i) {
        CHECK(counters[i].count == i + 1);
        CHECK(counters[i].name == stack::to_string(static_cast<Drop>(i + 1)));
        CHECK(counters.count_of(counters[i].name) == i + 1);
        names.insert(counters[i].name);
    }
    CHECK(names.size() == StackCounters::size());
    CHECK(names.count("none") == 0);
    CHECK(counters.count_of("none") == 0);
    CHECK(counters.count_of("") == 0);
    CHECK(counters.total() == drops.total());
}

TEST_CASE("the counters of several cores are added up", "[net][stack]") {
    stack::DropCounters one;
    stack::DropCounters two;
    one.count(Drop::tcp_checksum);
    two.count(Drop::tcp_checksum);
    two.count(Drop::udp_no_port);
    StackCounters sum;
    sum += StackCounters(one);
    sum += StackCounters(two);
    CHECK(sum.count_of("tcp_checksum") == 2);
    CHECK(sum.count_of("udp_no_port") == 1);
    CHECK(sum.total() == 3);
}

TEST_CASE("a core without a stack has dropped nothing", "[net][stack]") {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    auto runtime = runtime::Builder(config).build();
    REQUIRE(runtime);
    const StackCounters counters =
        runtime->block_on([]() -> Task<StackCounters> { co_return net::stack_counters(); }());
    CHECK(counters.total() == 0);
}

}  // namespace
}  // namespace skerry
