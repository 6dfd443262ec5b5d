// ctest: TIMEOUT 120
// What a core's trouble does to another: a blocked one, and one that cannot listen.

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_server.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/handle.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include "support/catch.hpp"
#include "support/limits.hpp"
#include "support/loopback_listener.hpp"

#include <array>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace skerry {
namespace {

using namespace std::chrono_literals;

const net::SocketAddr any_port(net::IpAddr::v4_loopback(), 0);

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.pin = false;
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

Task<> block_until(std::atomic<bool>* is_over, std::atomic<bool>* is_blocked) {
    is_blocked->store(true);
    while (!is_over->load()) std::this_thread::yield();
    co_return;
}

task::CoreId another_core() { return task::CoreId(this_core().index == 0 ? 1 : 0); }

/// Datagrams to itself and a timer between them.
Task<int> rounds_with_socket_and_timer(int count) {
    auto socket = net::UdpSocket::bind(any_port);
    if (!socket) co_return -1;
    std::array<std::byte, 8> buffer{};
    int done = 0;
    for (; done < count; ++done) {
        co_await time::sleep(100us);
        auto sent = co_await socket->send_to(buffer, socket->local_addr());
        if (!sent) co_return -1;
        auto received = co_await time::timeout(10s, socket->recv_from(buffer));
        if (!received) co_return -1;
    }
    co_return done;
}

TEST_CASE("a blocked core stops neither the timers nor the sockets of another", "[runtime][cores]") {
    auto runtime = make_runtime();
    REQUIRE(runtime);
    const int done = runtime->block_on([]() -> Task<int> {
        std::atomic<bool> is_over{false};
        std::atomic<bool> is_blocked{false};
        auto blocked = spawn_on(another_core(), block_until(&is_over, &is_blocked));
        while (!is_blocked.load()) co_await time::sleep(100us);
        const int rounds = co_await rounds_with_socket_and_timer(100);
        is_over = true;
        (void)co_await blocked;
        co_return rounds;
    }());
    CHECK(done == 100);
}

Task<> hold(net::TcpStream stream) {
    std::array<std::byte, 8> buffer{};
    for (;;) {
        auto count = co_await stream.read(buffer);
        if (!count || *count == 0) co_return;
    }
}

TEST_CASE("a server of which one core cannot listen says so at once", "[net][tcp][server][cores]") {
    auto runtime = make_runtime();
    REQUIRE(runtime);
    const auto served = runtime->block_on([]() -> Task<Result<>> {
        auto server = net::TcpServer::bind(any_port);
        if (!server) co_return server.error();
        const tests::NoDescriptors none;
        auto outcome = co_await time::timeout(10s, std::move(*server).serve(CancellationToken(), &hold));
        co_return outcome;
    }());
    REQUIRE_FALSE(served);
    CHECK(served.error() == Errc::no_descriptors);
}

TEST_CASE("each core of a server accepts some of the connections", "[net][tcp][server][cores]") {
    struct Shares {
        std::array<std::atomic<int>, 2> of_core{};
        static Task<> count(net::TcpStream stream, Shares* shares) {
            ++shares->of_core[std::min<std::size_t>(this_core().index, 1)];
            co_await hold(std::move(stream));
        }
    };
    auto runtime = make_runtime();
    REQUIRE(runtime);
    Shares shares;
    runtime->block_on([](Shares* all) -> Task<> {
        auto server = net::TcpServer::bind(any_port);
        if (!server) co_return;
        const auto address = server->local_addr();
        CancellationToken stop;
        auto serving = spawn(std::move(*server).serve(stop, &Shares::count, all));
        std::vector<net::TcpStream> streams;
        const auto end = time::Instant::now() + 20s;
        while ((all->of_core[0] == 0 || all->of_core[1] == 0) && time::Instant::now() < end) {
            auto stream = co_await net::TcpStream::connect(address);
            if (!stream) break;
            if (streams.size() == 100) streams.clear();  // the other core may listen late, and descriptors are few
            streams.push_back(std::move(*stream));
        }
        streams.clear();
        stop.cancel();
        (void)co_await serving;
    }(&shares));
    CHECK(shares.of_core[0] > 0);
    CHECK(shares.of_core[1] > 0);
}

/// Whether the kernel still has a TCP connection from this local port to that one. One in TIME-WAIT is another's: a
/// port is taken again while it waits, and a connection that its user timeout ended leaves none.
bool kernel_has_connection(std::uint16_t from, std::uint16_t to) {
    constexpr const char* time_wait = "06";
    const auto port_of = [](const std::string& end) { return std::stoul(end.substr(end.find(':') + 1), nullptr, 16); };
    std::ifstream table("/proc/net/tcp");
    std::string line;
    std::getline(table, line);  // the names of the columns
    while (std::getline(table, line)) {
        std::istringstream fields(line);
        std::string number;
        std::string local;
        std::string remote;
        std::string state;
        fields >> number >> local >> remote >> state;
        if (port_of(local) == from && port_of(remote) == to && state != time_wait) return true;
    }
    return false;
}

/// Writes until no more is taken, and drops the stream. Gives its port. The user timeout begins when the peer's window
/// has closed, and is longer than a busy machine takes from there to the look at the port.
Task<std::uint16_t> fill_and_drop(net::SocketAddr peer) {
    auto stream = co_await net::TcpStream::connect(peer);
    if (!stream || !stream->set_user_timeout(3s)) co_return std::uint16_t{0};
    const std::vector<std::byte> data(1 << 20);
    Result<std::size_t> written = 0U;
    while (written) written = co_await time::timeout(200ms, stream->write(data));
    co_return written.error() == Errc::timed_out ? stream->local_addr()->port() : std::uint16_t{0};
}

// Without the option Linux would try for a quarter of an hour.
TEST_CASE("unsent data of a dropped stream is tried for as long as its user timeout", "[net][tcp]") {
    const tests::LoopbackListener listener(1);
    auto runtime = make_runtime();
    REQUIRE(runtime);
    const std::uint16_t port = runtime->block_on(fill_and_drop(listener.address()));
    REQUIRE(port != 0);
    const auto is_there = [&] { return kernel_has_connection(port, listener.address().port()); };
    CHECK(is_there());  // dropped, and what was written is still to be sent
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (is_there() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    CHECK_FALSE(is_there());
}

}  // namespace
}  // namespace skerry

int main(int argc, char** argv) {
    auto runtime = skerry::make_runtime();
    if (!runtime || runtime->handle().core_count() < 2) {
        std::cout << "skipped: " << (runtime ? std::string("one core is not enough") : runtime.error().message) << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
