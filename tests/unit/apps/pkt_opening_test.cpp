// How the machines of each profile begin connections, and what sysctls and socket options change about it.

#include "pkt_bench.hpp"

#include <array>
#include <initializer_list>

namespace skerry {
namespace {

using namespace pkt_bench;

std::vector<std::byte> octets(std::initializer_list<unsigned> bytes) {
    std::vector<std::byte> all;
    for (const unsigned byte : bytes) all.push_back(static_cast<std::byte>(byte));
    return all;
}

/// The options, and the timestamps' values left out.
std::vector<std::byte> without_stamps(std::vector<std::byte> options) {
    for (std::size_t i = 0; i < options.size();) {
        const auto kind = std::to_integer<unsigned>(options[i]);
        const std::size_t bytes = kind < 2 ? 1 : std::to_integer<std::size_t>(options[i + 1]);
        if (kind == 8)
            options.erase(options.begin() + static_cast<std::ptrdiff_t>(i) + 2,
                          options.begin() + static_cast<std::ptrdiff_t>(i) + 10);
        i += kind == 8 ? 2 : bytes;
    }
    return options;
}

wire::TcpOptions all_options() {
    wire::TcpOptions options;
    options.has_mss = options.has_window_scale = options.sack_permitted = options.has_timestamps = true;
    options.mss = 1460;
    options.window_scale = 7;
    options.timestamps = {100, 0};
    return options;
}

void set(Bench& bench, std::string_view name, std::string_view value) {
    CAPTURE(name, value);
    REQUIRE_FALSE(bench.machine.set(name, value));
}

/// The SYN of a connect().
Segment syn_of(Bench& bench) {
    const int fd = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    bench.set_nonblocking(fd);
    (void)bench.calls().connect(fd, far_name);
    return bench.only();
}

const auto linux_syn = octets({2, 4, 1460 >> 8, 1460 & 0xff, 4, 2, 8, 10, 1, 3, 3, 7});
const auto freebsd_syn = octets({2, 4, 1460 >> 8, 1460 & 0xff, 1, 3, 3, 6, 4, 2, 8, 10});

TEST_CASE("each profile's SYN and SYN-ACK have the options of its kernel, in its order", "[apps][pkt][opening]") {
    for (const Profile profile : {Profile::linux_like, Profile::freebsd, Profile::lowlat}) {
        CAPTURE(static_cast<int>(profile));
        const auto& expected = profile == Profile::freebsd ? freebsd_syn : linux_syn;
        Bench bench(config_of(profile));
        CHECK(without_stamps(syn_of(bench).options) == expected);
        (void)bench.listening();
        bench.come_with(all_options(), flag::syn, 0, 0);
        CHECK(without_stamps(bench.only().options) == expected);
    }
}

TEST_CASE("sysctls switch timestamps, scaling and SACK", "[apps][pkt][opening]") {
    struct Case {
        Profile profile;
        const char* name;
        const char* value;
        std::vector<std::byte> expected;
    };
    const std::array cases{
        Case{Profile::linux_like, "net.ipv4.tcp_timestamps", "0", octets({2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7})},
        Case{Profile::linux_like, "net.ipv4.tcp_window_scaling", "0", octets({2, 4, 5, 180, 4, 2, 8, 10})},
        Case{Profile::linux_like, "net.ipv4.tcp_sack", "0", octets({2, 4, 5, 180, 1, 1, 8, 10, 1, 3, 3, 7})},
        Case{Profile::freebsd, "net.inet.tcp.rfc1323", "0", octets({2, 4, 5, 180, 4, 2, 0, 0})},
        Case{Profile::freebsd, "net.inet.tcp.rfc1323", "1", freebsd_syn},
        Case{Profile::freebsd, "net.inet.tcp.rfc1323", "2", octets({2, 4, 5, 180, 1, 3, 3, 6, 4, 2, 0, 0})},
        Case{Profile::freebsd, "net.inet.tcp.rfc1323", "3", octets({2, 4, 5, 180, 4, 2, 8, 10})},
        Case{Profile::freebsd, "net.inet.tcp.sack.enable", "0", octets({2, 4, 5, 180, 1, 3, 3, 6, 1, 1, 8, 10})},
    };
    for (const Case& each : cases) {
        CAPTURE(each.name, each.value);
        Bench bench(config_of(each.profile));
        set(bench, each.name, each.value);
        CHECK(without_stamps(syn_of(bench).options) == each.expected);
        (void)bench.listening();
        bench.come_with(all_options(), flag::syn, 0, 0);
        CHECK(without_stamps(bench.only().options) == each.expected);
    }
    Machine machine;
    CHECK(machine.set("net.inet.tcp.rfc1323", "4"));
    CHECK(machine.set("net.ipv4.tcp_timestamps", "2"));  // without offsets of their own, which the stack always has
}

/// When the SYNs of a connect() that nobody answers leave, and the last moment, at which it is given up.
std::vector<std::chrono::nanoseconds> syn_times(Bench& bench) {
    const int fd = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    const Call call = bench.calls().connect(fd, far_name);
    bench.at(1000s);
    std::vector<std::chrono::nanoseconds> times;
    for (const Segment& segment : bench.sent()) times.push_back(segment.at);
    CHECK(Bench::failed(call, ETIMEDOUT));
    times.push_back(bench.ended(call));
    return times;
}

using Times = std::vector<std::chrono::nanoseconds>;

TEST_CASE("SYNs come again as in the profile's kernel", "[apps][pkt][opening]") {
    Bench linux_like;
    CHECK(syn_times(linux_like) == Times{0s, 1s, 3s, 7s, 15s, 31s, 63s, 127s});
    Bench freebsd(config_of(Profile::freebsd));
    CHECK(syn_times(freebsd) == Times{0s, 1s, 2s, 3s, 4s, 5s, 7s, 11s, 19s, 35s, 67s, 75s});
}

TEST_CASE("sysctls set how SYNs come again", "[apps][pkt][opening]") {
    Bench steady;
    set(steady, "net.ipv4.tcp_syn_linear_timeouts", "4");
    set(steady, "net.ipv4.tcp_syn_retries", "6");
    CHECK(syn_times(steady) == Times{0s, 1s, 2s, 3s, 4s, 5s, 7s, 11s});
    Bench quick(config_of(Profile::freebsd));
    set(quick, "net.inet.tcp.rexmit_initial", "500");
    set(quick, "net.inet.tcp.keepinit", "4200");
    CHECK(syn_times(quick) == Times{0s, 500ms, 1s, 1500ms, 2s, 2500ms, 3500ms, 4200ms});
    Machine machine;
    CHECK(machine.set("net.inet.tcp.keepinit", "0"));
}

TEST_CASE("FreeBSD's SYNs lose their options when that is set", "[apps][pkt][opening]") {
    for (const bool drops : {false, true}) {
        Bench bench(config_of(Profile::freebsd));
        set(bench, "net.inet.tcp.rexmit_drop_options", drops ? "1" : "0");
        CHECK(without_stamps(syn_of(bench).options) == freebsd_syn);
        bench.at(3s);
        const std::vector<Segment> again = bench.sent();
        REQUIRE(again.size() == 3);
        CHECK(without_stamps(again[1].options) == freebsd_syn);
        CHECK(without_stamps(again[2].options) == (drops ? octets({2, 4, 5, 180}) : freebsd_syn));
    }
}

TEST_CASE("a SYN-ACK's wait ends its doubling at the longest time-out", "[apps][pkt][opening]") {
    Bench bench(config_of(Profile::freebsd));
    set(bench, "net.inet.tcp.syncache.rexmtlimit", "9");
    (void)bench.listening();
    bench.come(flag::syn, 0, 0, {}, 65'535, 1000);
    bench.at(400s);
    Times times;
    for (const Segment& segment : bench.sent()) times.push_back(segment.at);
    CHECK(times == Times{0s, 1s, 3s, 7s, 15s, 31s, 63s, 127s, 191s, 255s});
}

}  // namespace
}  // namespace skerry
