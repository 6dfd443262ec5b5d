#include "link/settings.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;

Result<link::Settings, apps::Stop> read(std::vector<const char*> more) {
    std::vector<const char*> all{"skerry-link", "--left=packet:near0", "--right=tap:far0@/proc/7/ns/net"};
    all.insert(all.end(), more.begin(), more.end());
    return link::read_settings(static_cast<int>(all.size()), all.data());
}

TEST_CASE("link_settings: the ends have a kind, a device and perhaps a namespace", "[apps]") {
    const auto settings = read({});
    REQUIRE(settings.has_value());
    REQUIRE(settings->left.kind == link::DeviceKind::packet);
    REQUIRE(settings->left.device == "near0");
    REQUIRE(settings->left.network.empty());
    REQUIRE(settings->right.kind == link::DeviceKind::tap);
    REQUIRE(settings->right.device == "far0");
    REQUIRE(settings->right.network == "/proc/7/ns/net");
}

TEST_CASE("link_settings: half of the round trip is each way's, losses are the left's", "[apps]") {
    const auto settings = read({"--rtt=50ms", "--loss=0.03", "--reorder=0.01", "--reorder-delay=3ms", "--seed=9",
                                "--rate=1000000", "--queue=9000"});
    REQUIRE(settings.has_value());
    REQUIRE(settings->forth.delay == 25ms);
    REQUIRE(settings->back.delay == 25ms);
    REQUIRE(settings->forth.bits_per_second == 1'000'000);
    REQUIRE(settings->back.bits_per_second == 1'000'000);
    REQUIRE(settings->forth.queue_bytes == 9'000);
    REQUIRE(settings->back.queue_bytes == 9'000);
    REQUIRE(settings->forth.loss == 0.03);
    REQUIRE(settings->forth.reorder == 0.01);
    REQUIRE(settings->forth.reorder_delay == 3ms);
    REQUIRE(settings->forth.seed == 9);
    REQUIRE(settings->back.loss == 0);
    REQUIRE(settings->back.reorder == 0);
}

TEST_CASE("link_settings: what cannot be is refused with what is accepted", "[apps]") {
    const auto* wrong = GENERATE("--loss=2", "--loss=-0.1", "--loss=1%", "--loss=", "--rate=0", "--rate=fast",
                                 "--queue=100", "--rtt=50", "--rtt=3000min", "--reorder=nan", "--seed=x");
    CAPTURE(wrong);
    const auto settings = read({wrong});
    REQUIRE_FALSE(settings.has_value());
    REQUIRE(settings.error().exit_code == 2);
    const std::vector<const char*> no_kind{"skerry-link", "--left=near0", "--right=tap:far0"};
    REQUIRE_FALSE(link::read_settings(3, no_kind.data()).has_value());
}

/// What is said about this left end; empty: it is accepted.
std::string said_of_left(const std::string& value) {
    const std::string left = "--left=" + value;
    const std::vector<const char*> all{"skerry-link", left.c_str(), "--right=tap:far0"};
    const auto settings = link::read_settings(3, all.data());
    return settings ? "" : settings.error().text;
}

TEST_CASE("link_settings: a device's name has 1 to 15 characters", "[apps]") {
    REQUIRE(said_of_left("tap:").ends_with("the name of the device is missing; accepted: 1 to 15 characters"));
    REQUIRE(said_of_left("packet:@/proc/7/ns/net").ends_with("is missing; accepted: 1 to 15 characters"));
    REQUIRE(said_of_left("tap:" + std::string(15, 'x')).empty());
    REQUIRE(said_of_left("tap:" + std::string(16, 'x')) ==
            "skerry-link: --left=tap:" + std::string(16, 'x') +
                ": the name of the device is too long; accepted: 1 to 15 characters");
}

TEST_CASE("link_settings: behind @ stands a namespace", "[apps]") {
    REQUIRE(said_of_left("tap:x@") ==
            "skerry-link: --left=tap:x@: the namespace is missing; accepted: its file, as "
            "@/proc/7/ns/net, or no @");
}

}  // namespace
}  // namespace skerry
