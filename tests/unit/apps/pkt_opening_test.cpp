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

}  // namespace
}  // namespace skerry
