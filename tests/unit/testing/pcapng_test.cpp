// Captures: the blocks of the file, and what tshark and capinfos make of it where they are installed.

#include "support/catch.hpp"

#include "support/pcapng_file.hpp"
#include "support/temp_tree.hpp"
#include "testing/sim/pcapng.hpp"

#include <skerry/testing/simulation.hpp>

#include <skerry/net/udp_socket.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using Catch::Matchers::Contains;

/// The types of the blocks.
std::vector<std::uint32_t> types_in(const std::string& file) {
    std::vector<std::uint32_t> types;
    for (const tests::PcapngBlock& block : tests::pcapng_blocks(file)) types.push_back(block.type);
    return types;
}

/// What a program prints; empty when it is not there.
std::string output_of(const std::string& command) {
    struct Close {
        void operator()(std::FILE* pipe) const noexcept { ::pclose(pipe); }
    };
    const std::unique_ptr<std::FILE, Close> pipe(::popen((command + " 2>/dev/null").c_str(), "r"));
    std::string text;
    std::array<char, 4096> buffer;
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
        text.append(buffer.data(), count);
    return text;
}

/// One datagram each way, over links that lose the second half of them.
void talk(const std::string& path, std::uint64_t seed) {
    testing::Simulation sim({.seed = seed, .link = {.delay = 1ms, .jitter = 1ms, .drop = 0.3}});
    auto& one = sim.host("one");
    sim.capture(path);
    auto& two = sim.host("two");  // comes later: its interface too
    auto echo = two.spawn([]() -> Task<> {
        auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 7});
        std::array<std::byte, 64> buffer;
        for (;;) {
            auto got = co_await socket->recv_from(buffer);
            (void)co_await socket->send_to(std::span(buffer).first(got->bytes), got->peer);
        }
    });
    one.run([to = two.at(7)]() -> Task<> {
        auto socket = net::UdpSocket::bind({net::IpAddr::v4_any(), 0});
        for (int i = 0; i < 20; ++i) (void)co_await socket->send_to(std::as_bytes(std::span("datagram")), to);
    });
    sim.run_for(10s);
    echo.abort();
}

TEST_CASE("a capture is a section, an interface for each host and a packet for each frame", "[testing][pcapng]") {
    const tests::TempTree tree;
    const std::string path = tree.root() / "run.pcapng";
    talk(path, 1);
    const std::string file = tests::contents_of(path);
    const auto types = types_in(file);
    REQUIRE(types.size() > 20);
    CHECK(types[0] == 0x0a0d'0d0a);
    CHECK(tests::word_at(file, 8) == 0x1a2b'3c4d);
    CHECK(std::count(types.begin(), types.end(), 1U) == 2);
    CHECK(std::count(types.begin(), types.end(), 6U) == static_cast<std::ptrdiff_t>(types.size()) - 3);
    CHECK(file.find("one") != std::string::npos);
    CHECK(file.find("dropped") != std::string::npos);
}

TEST_CASE("the same seed gives the same capture, byte for byte, and another one another", "[testing][pcapng]") {
    const tests::TempTree tree;
    const auto capture = [&tree](const char* name, std::uint64_t seed) {
        talk(tree.root() / name, seed);
        return tests::contents_of(tree.root() / name);
    };
    const std::string first = capture("first", 7);
    CHECK((first == capture("second", 7)));  // in brackets: nobody wants to see the bytes
    CHECK((first != capture("third", 8)));
}

TEST_CASE("a capture that cannot be written is a failure that names the file", "[testing][pcapng]") {
    testing::Simulation sim;
    CHECK_THROWS_WITH(sim.capture("/nowhere/run.pcapng"), Contains("/nowhere/run.pcapng"));
}

TEST_CASE("tshark and capinfos read a capture", "[testing][pcapng]") {
    const tests::TempTree tree;
    const std::string path = tree.root() / "run.pcapng";
    talk(path, 1);
    const std::string about = output_of("capinfos " + path);
    if (!about.empty()) {
        CHECK_THAT(about, Contains("pcapng") && Contains("Number of interfaces in file: 2") && Contains("Name = two") &&
                              Contains("Time precision = nanoseconds") &&
                              Contains("First packet time:   1970-01-01 01:00:00"));
    } else {
        WARN("capinfos is not installed");
    }
    const std::string packets =
        output_of("tshark -r " + path + " -T fields -e frame.interface_name -e _ws.col.Protocol -e frame.comment");
    if (!packets.empty()) {
        CHECK_THAT(packets, Contains("one\tARP") && Contains("two\tECHO") && Contains("dropped"));
    } else {
        WARN("tshark is not installed");
    }
}

}  // namespace
}  // namespace skerry
