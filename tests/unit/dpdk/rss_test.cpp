// What the start line says of how packets reach their cores.

#include "support/catch.hpp"

#include "rss.hpp"

namespace skerry {
namespace {

using dpdk::description_of;

TEST_CASE("the hash is said to predict only where each of several cores has a queue pair", "[dpdk][steering]") {
    CHECK(description_of(16, 2, true) == "16 queue pairs, hash predicted");
    CHECK(description_of(4, 4, true) == "4 queue pairs, hash predicted");
    CHECK(description_of(4, 5, true) == "4 queue pairs, software steering");
    CHECK(description_of(2, 16, true) == "2 queue pairs, software steering");
    CHECK(description_of(1, 2, true) == "1 queue pair, software steering");
    CHECK(description_of(4, 1, true) == "4 queue pairs");
}

TEST_CASE("a port whose key or table is not ours predicts nothing", "[dpdk][steering]") {
    CHECK(description_of(4, 4, false) == "4 queue pairs, software steering");
    CHECK(description_of(1, 1, false) == "1 queue pair");
}

}  // namespace
}  // namespace skerry
