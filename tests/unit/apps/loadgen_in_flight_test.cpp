#include "loadgen/in_flight.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <cstdint>

namespace {

using namespace skerry::loadgen;
using namespace std::chrono_literals;

}  // namespace

TEST_CASE("answers in order finish the requests in the order of their sending", "[apps][loadgen]") {
    InFlight requests;
    requests.push(1ns, 10ns);
    requests.push(2ns, 20ns);
    CHECK(requests.waiting() == 2);
    CHECK(requests.finish_oldest()->sent == 10ns);
    CHECK(requests.finish_oldest()->intended == 2ns);
    CHECK_FALSE(requests.finish_oldest().has_value());
}

TEST_CASE("an answer that overtakes finishes its own request", "[apps][loadgen]") {
    InFlight requests;
    const std::uint64_t first = requests.push(1ns, 10ns);
    const std::uint64_t second = requests.push(2ns, 20ns);
    CHECK(requests.finish(second)->sent == 20ns);
    CHECK(requests.oldest_sent() == 10ns);
    CHECK(requests.finish(first)->sent == 10ns);
    CHECK(requests.waiting() == 0);
    CHECK_FALSE(requests.oldest_sent().has_value());
}

TEST_CASE("a second answer to a request finishes nothing", "[apps][loadgen]") {
    InFlight requests;
    requests.push(1ns, 10ns);
    const std::uint64_t second = requests.push(2ns, 20ns);
    CHECK(requests.finish(second).has_value());
    CHECK_FALSE(requests.finish(second).has_value());
    CHECK_FALSE(requests.finish(second + 1).has_value());
    CHECK(requests.waiting() == 1);
}

TEST_CASE("only requests sent before the limit are given up, and their late answers finish nothing",
          "[apps][loadgen]") {
    InFlight requests;
    const std::uint64_t first = requests.push(1ns, 10ns);
    requests.push(2ns, 20ns);
    CHECK_FALSE(requests.drop_sent_before(10ns));
    CHECK(requests.drop_sent_before(11ns));
    CHECK_FALSE(requests.drop_sent_before(11ns));
    CHECK_FALSE(requests.finish(first).has_value());
    CHECK(requests.waiting() == 1);
}

TEST_CASE("requests that wait survive the growth of the ring", "[apps][loadgen]") {
    InFlight requests;
    for (int i = 0; i < 10; ++i) requests.push(Nanos(i), Nanos(i));  // so that the ring is turned when it grows
    for (int i = 0; i < 10; ++i) requests.finish_oldest();
    for (int i = 0; i < 1000; ++i) requests.push(Nanos(i), Nanos(i));
    CHECK(requests.waiting() == 1000);
    for (int i = 0; i < 1000; ++i) CHECK(requests.finish_oldest()->sent == Nanos(i));
}
