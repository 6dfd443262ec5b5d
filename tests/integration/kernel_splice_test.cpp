// ctest: TIMEOUT 120
// A copy of much between two connections of the kernel goes by a pipe where the kernel holds what came; little does
// not, nor does anything when no descriptor is left. The conformance cases say that it arrives; this says which way it
// went.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"
#include "support/limits.hpp"

#include <skerry/io/copy.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/spawn.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace skerry {
namespace {

struct Pair {
    net::TcpStream client;
    net::TcpStream server;
};

Task<Pair> connect_pair() {
    auto listener = net::TcpListener::bind({net::IpAddr::v4_loopback(), 0});
    REQUIRE(listener);
    auto ends = co_await join(net::TcpStream::connect(listener->local_addr()), listener->accept());
    auto& [client, server] = ends;
    REQUIRE(client);
    REQUIRE(server);
    co_return Pair{std::move(*client), std::move(*server)};
}

/// Ends of pipes that this process has open.
std::size_t pipe_ends() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        count += std::filesystem::read_symlink(entry, gone).string().starts_with("pipe:") ? 1U : 0U;
    }
    return count;
}

/// Ends of pipes that a copy opened: those open when its last byte had come, and those still when it was over.
struct PipeEnds {
    std::size_t meanwhile = 0;
    std::size_t afterwards = 0;
};

Task<> write_whole(net::TcpStream& stream, std::size_t bytes) {
    const std::vector<std::byte> data(bytes);
    auto written = co_await stream.write_all(data);
    REQUIRE(written);
}

/// Copies so many bytes from one connection to another.
Task<PipeEnds> pipes_of_copy(std::size_t bytes) {
    auto from = co_await connect_pair();
    auto to = co_await connect_pair();
    const std::size_t before = pipe_ends();
    auto copying = spawn(io::copy(from.server, to.client));
    auto sending = spawn(write_whole(from.client, bytes));
    std::vector<std::byte> received(bytes);
    auto filled = co_await to.server.read_exact(received);
    REQUIRE(filled);
    PipeEnds ends{pipe_ends() - before};
    auto sent = co_await sending;
    CHECK(sent);
    REQUIRE(from.client.shutdown());
    auto copied = co_await copying;
    REQUIRE(copied);
    CHECK(*copied == bytes);
    ends.afterwards = pipe_ends() - before;
    co_return ends;
}

constexpr std::size_t much = 16U << 20U;
constexpr std::size_t little = 200U << 10U;

TEST_CASE("a copy of much goes by a pipe on epoll, and little does not", "[io][copy][splice]") {
    for (const auto& driver : tests::kernel_drivers()) {
        auto runtime = tests::make_on(driver);
        REQUIRE(runtime);
        CAPTURE(driver.name);
        const PipeEnds of_much = runtime->block_on(pipes_of_copy(much));
        CHECK(of_much.meanwhile == (driver.name == "epoll" ? 2U : 0U));
        CHECK(of_much.afterwards == 0);
        CHECK(runtime->block_on(pipes_of_copy(little)).meanwhile == 0);
    }
}

TEST_CASE("a copy of much goes on when no descriptor is left for a pipe", "[io][copy][splice]") {
    tests::on_each_driver([]() -> Task<> {
        auto from = co_await connect_pair();
        auto to = co_await connect_pair();
        const tests::NoDescriptors none;
        auto copying = spawn(io::copy(from.server, to.client));
        auto sending = spawn(write_whole(from.client, much));
        std::vector<std::byte> received(much);
        auto filled = co_await to.server.read_exact(received);
        CHECK(filled);
        auto sent = co_await sending;
        CHECK(sent);
        REQUIRE(from.client.shutdown());
        auto copied = co_await copying;
        REQUIRE(copied);
        CHECK(*copied == much);
    });
}

}  // namespace
}  // namespace skerry
