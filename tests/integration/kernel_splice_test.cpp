// ctest: TIMEOUT 120
// A copy of much between two connections of the kernel goes by a pipe where the kernel holds what came, and without one
// when no descriptor is left. The conformance cases say that it arrives; this says which way it went.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"
#include "support/limits.hpp"
#include "support/plain_client.hpp"

#include <skerry/io/copy.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/spawn.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <thread>
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

/// Ends of pipes that a copy opened: the most that were open at a time, and those still when it was over.
struct PipeEnds {
    std::size_t most = 0;
    std::size_t afterwards = 0;
};

Task<> write_whole(net::TcpStream& stream, std::size_t bytes) {
    const std::vector<std::byte> data(bytes);
    auto written = co_await stream.write_all(data);
    REQUIRE(written);
}

/// The sender is done, the stream ends, and the copy says that it carried so many bytes.
Task<> finish(JoinHandle<void> sending, net::TcpStream& sender, JoinHandle<Result<std::uint64_t>> copying,
              std::size_t bytes) {
    auto sent = co_await sending;
    CHECK(sent);
    REQUIRE(sender.shutdown());
    auto copied = co_await copying;
    REQUIRE(copied);
    CHECK(*copied == bytes);
}

/// Copies so many bytes from one connection to another.
Task<PipeEnds> pipes_of_copy(std::size_t bytes) {
    auto from = co_await connect_pair();
    auto to = co_await connect_pair();
    const std::size_t before = pipe_ends();
    auto copying = spawn(io::copy(from.server, to.client));
    auto sending = spawn(write_whole(from.client, bytes));
    PipeEnds ends;
    std::vector<std::byte> received(64U << 10U);  // slowly: the copy waits for room most of the time
    for (std::size_t count = 0; count < bytes;) {
        auto read = co_await to.server.read(received);
        REQUIRE(read);
        REQUIRE(*read != 0);
        count += *read;
        ends.most = std::max(ends.most, pipe_ends() - before);
    }
    co_await finish(std::move(sending), from.client, std::move(copying), bytes);
    ends.afterwards = pipe_ends() - before;
    co_return ends;
}

constexpr std::size_t much = 16U << 20U;

TEST_CASE("a copy of much goes by a pipe on epoll, which is there no longer than it", "[io][copy][splice]") {
    for (const auto& driver : tests::kernel_drivers()) {
        auto runtime = tests::make_on(driver);
        REQUIRE(runtime);
        CAPTURE(driver.name);
        const PipeEnds of_much = runtime->block_on(pipes_of_copy(much));
        CHECK(of_much.most == (driver.name == "epoll" ? 2U : 0U));
        CHECK(of_much.afterwards == 0);
    }
}

// All of it is there before the copy looks: nothing that comes later tells it of what lies behind the urgent byte.
TEST_CASE("a copy of much does not stop in front of an urgent byte", "[io][copy][splice]") {
    auto runtime = tests::make_on({"epoll"});
    REQUIRE(runtime);
    runtime->block_on([]() -> Task<> {
        auto listener = net::TcpListener::bind({net::IpAddr::v4_loopback(), 0});
        REQUIRE(listener);
        const tests::PlainClient sender(listener->local_addr());
        auto from = co_await listener->accept();
        REQUIRE(from);
        auto to = co_await connect_pair();
        auto copying = spawn(io::copy(*from, to.client));
        const std::vector<std::byte> data(much);
        std::thread sending([&] { sender.send(data); });
        std::vector<std::byte> received(much);
        auto filled = co_await to.server.read_exact(received);
        CHECK(filled);
        sending.join();
        constexpr std::size_t before = 192U << 10U;  // that the kernel takes without waiting, and more than a read does
        constexpr std::size_t behind = 5;
        received.resize(before + behind);
        sender.send(std::span(data).first(before));
        sender.send(std::span(data).first(1), MSG_OOB);
        sender.send(std::span(data).first(behind));
        auto last = co_await to.server.read_exact(received);
        CHECK(last);
        sender.end();
        auto copied = co_await copying;
        REQUIRE(copied);
        CHECK(*copied == much + before + behind);
    }());
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
        co_await finish(std::move(sending), from.client, std::move(copying), much);
    });
}

/// A copy that has carried much and whose stream is at rest. It stays where it is: the copy refers to its streams.
struct AtRest {
    AtRest(Pair source, Pair sink)
        : from(std::move(source)), to(std::move(sink)), copying(spawn(io::copy(from.server, to.client))) {}

    Pair from;
    Pair to;
    JoinHandle<Result<std::uint64_t>> copying;
};

Task<std::unique_ptr<AtRest>> carry_and_rest() {
    auto source = co_await connect_pair();
    auto sink = co_await connect_pair();
    auto copy = std::make_unique<AtRest>(std::move(source), std::move(sink));
    auto sending = spawn(write_whole(copy->from.client, much));
    std::vector<std::byte> received(64U << 10U);
    for (std::size_t count = 0; count < much;) {
        auto read = co_await copy->to.server.read(received);
        REQUIRE(read);
        count += *read;
    }
    auto sent = co_await sending;
    CHECK(sent);
    co_return copy;
}

TEST_CASE("of copies at rest no more than 64 keep a pipe", "[io][copy][splice]") {
    auto runtime = tests::make_on({"epoll"});
    REQUIRE(runtime);
    runtime->block_on([]() -> Task<> {
        const std::size_t before = pipe_ends();
        std::vector<std::unique_ptr<AtRest>> copies;
        for (int i = 0; i < 70; ++i) {
            auto copy = co_await carry_and_rest();
            copies.push_back(std::move(copy));
        }
        const std::size_t kept = pipe_ends() - before;
        CHECK(kept > 0);
        CHECK(kept <= 128);
        for (auto& copy : copies) {
            REQUIRE(copy->from.client.shutdown());
            auto copied = co_await copy->copying;
            CHECK(copied);
        }
        CHECK(pipe_ends() == before);
    }());
}

}  // namespace
}  // namespace skerry
