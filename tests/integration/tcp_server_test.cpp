// TcpServer on the kernel's sockets and on two cores, where the machine has two.

#include "support/catch.hpp"
#include "support/limits.hpp"
#include "support/loopback_listener.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_server.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace skerry {
namespace {

const net::SocketAddr any_port(net::IpAddr::v4_loopback(), 0);

runtime::Runtime make_runtime() {
    runtime::Config config;
    config.backend = "epoll";
    config.pin = false;
    config.cores = topology::available_cpus().value().lowest(2);
    auto runtime = runtime::Builder(config).offer(kernel_io::make_backend()).build();
    if (!runtime) FAIL(runtime.error().message);
    return std::move(*runtime);
}

/// Handlers of each core.
using Counts = std::array<std::atomic<int>, 64>;

Task<> stay(net::TcpStream stream, Counts* alive) {
    struct Guard {
        std::atomic<int>* count;
        explicit Guard(std::atomic<int>& c) noexcept : count(&c) { ++*count; }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { --*count; }
    };
    const Guard guard((*alive)[this_core().index]);
    std::array<std::byte, 1> byte;
    for (;;) {
        auto count = co_await stream.read(byte);
        if (!count || *count == 0) co_return;
        auto written = co_await stream.write_all(byte);
        if (!written) co_return;
    }
}

/// Over when each core has done what was posted to it before.
Task<> every_core_turned() {
    for (int i = 0; i < 10; ++i) co_await yield_now();
    for (int round = 0; round < 3; ++round)
        for (auto& other : on_each_core([]() -> Task<> { co_return; })) {
            auto ran = co_await other;
            REQUIRE(ran);
        }
}

Task<net::TcpStream> greet(net::SocketAddr address) {
    auto client = co_await net::TcpStream::connect(address);
    REQUIRE(client);
    std::array<std::byte, 1> byte{};
    auto written = co_await client->write_all(byte);
    REQUIRE(written);
    auto answered = co_await client->read_exact(byte);
    REQUIRE(answered);
    co_return std::move(*client);
}

/// Connects as soon as somebody listens, unless it is over before, and waits for the end. Whether that was a reset.
bool is_reset(const net::SocketAddr& address, const std::atomic<bool>& is_over) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK + 1);  // who has the same address and port meets himself
    sockaddr_in to = from;
    to.sin_port = ::htons(address.port());
    to.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    while (!is_over) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ::bind(fd, reinterpret_cast<sockaddr*>(&from), sizeof from);
        char byte = 0;
        const bool has_met = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
        const bool was_reset = has_met && ::recv(fd, &byte, 1, 0) < 0;
        ::close(fd);
        if (has_met) return was_reset;
    }
    return false;
}

/// Greets who comes first and says good-bye.
Task<> leave(net::TcpStream, CancellationToken stop) {
    stop.cancel();
    co_return;
}

TEST_CASE("who connects while a server takes its address is served", "[integration][server]") {
    auto runtime = make_runtime();
    for (int round = 0; round < 300; ++round) {
        const net::SocketAddr address = tests::LoopbackListener(1).address();
        std::atomic<bool> is_over{false};
        bool was_reset = false;
        std::thread early([&] { was_reset = is_reset(address, is_over); });
        const bool has_served = runtime.block_on([](net::SocketAddr at) -> Task<bool> {
            auto server = net::TcpServer::bind(at);
            if (!server) co_return false;
            const CancellationToken stop;
            auto outcome = co_await std::move(*server).serve(stop, &leave, stop);
            co_return outcome.has_value();
        }(address));
        is_over = true;
        early.join();
        REQUIRE(has_served);
        REQUIRE_FALSE(was_reset);
    }
}

TEST_CASE("a server that is given up aborts its handlers on every core", "[integration][server][cancel]") {
    auto runtime = make_runtime();
    Counts alive{};
    runtime.block_on([](Counts& counts) -> Task<> {
        auto server = net::TcpServer::bind(any_port);
        REQUIRE(server);
        const net::SocketAddr address = server->local_addr();
        auto serving = spawn(std::move(*server).serve(CancellationToken(), &stay, &counts));
        std::vector<net::TcpStream> clients;
        const auto is_everywhere = [&counts] {
            for (std::size_t i = 0; i < core_count(); ++i)
                if (counts[i] == 0) return false;
            return true;
        };
        co_await every_core_turned();  // all of them listen
        while (clients.size() < 200 && !is_everywhere()) clients.push_back(co_await greet(address));
        CHECK(is_everywhere());
        serving.abort();
        auto outcome = co_await serving;
        CHECK_FALSE(outcome);
        for (net::TcpStream& client : clients) {
            std::array<std::byte, 1> byte;
            auto end = co_await client.read(byte);
            CHECK(end == 0U);
        }
        for (std::size_t i = 0; i < core_count(); ++i)
            while (counts[i] != 0) co_await yield_now();
    }(alive));
}

TEST_CASE("serve gives the error of a core that cannot listen", "[integration][server]") {
    auto runtime = make_runtime();
    if (runtime.handle().core_count() < 2) return;
    Counts alive{};
    runtime.block_on([](Counts& counts) -> Task<> {
        auto server = net::TcpServer::bind(any_port);
        REQUIRE(server);
        const CancellationToken stop;
        auto serving = spawn(std::move(*server).serve(stop, &stay, &counts));
        {
            const tests::NoDescriptors shortage;
            co_await every_core_turned();
        }
        stop.cancel();
        auto outcome = co_await serving;
        REQUIRE(outcome);
        REQUIRE_FALSE(*outcome);
        CHECK(outcome->error() == Errc::no_descriptors);
    }(alive));
}

/// A core that does nothing else from hold() until it is let go.
class HeldCore {
public:
    void let_go() noexcept { is_held_ = false; }
    [[nodiscard]] bool is_held() const noexcept { return has_begun_ && is_held_; }

    /// On the core.
    Task<> hold() {
        has_begun_ = true;
        while (is_held_) std::this_thread::yield();
        co_return;
    }

private:
    std::atomic<bool> is_held_ = true;
    std::atomic<bool> has_begun_ = false;
};

/// Before the runtime ends, which waits for its cores.
struct LetGoAtEnd {
    HeldCore& core;
    ~LetGoAtEnd() { core.let_go(); }
};

TEST_CASE("nobody is let in before every core listens", "[integration][server]") {
    HeldCore other;
    Counts alive{};
    auto runtime = make_runtime();
    if (runtime.handle().core_count() < 2) return;
    const LetGoAtEnd at_end{other};
    runtime.block_on([](Counts& counts, HeldCore& held_core) -> Task<> {
        auto holding = spawn_on(task::CoreId(this_core().index == 0 ? 1 : 0), held_core.hold());
        while (!held_core.is_held()) co_await yield_now();
        auto server = net::TcpServer::bind(any_port);
        REQUIRE(server);
        const net::SocketAddr address = server->local_addr();
        const CancellationToken stop;
        auto serving = spawn(std::move(*server).serve(stop, &stay, &counts));
        auto client = co_await net::TcpStream::connect(address);
        REQUIRE(client);
        for (int i = 0; i < 20; ++i) co_await yield_to_driver();
        CHECK(counts[this_core().index] == 0);
        held_core.let_go();
        std::array<std::byte, 1> byte{};
        auto written = co_await client->write_all(byte);
        CHECK(written);
        auto answered = co_await client->read_exact(byte);
        CHECK(answered);
        stop.cancel();
        (void)net::TcpStream(std::move(*client));
        auto outcome = co_await serving;
        CHECK(outcome);
        auto held = co_await holding;
        CHECK(held);
    }(alive, other));
}

TEST_CASE("an address that a stranger shares is in use", "[integration][server]") {
    const tests::LoopbackListener stranger(1, tests::LoopbackListener::Port::shared);
    auto runtime = make_runtime();
    const auto error = runtime.block_on([](net::SocketAddr taken) -> Task<Error> {
        auto server = net::TcpServer::bind(taken);
        co_return server ? Error{} : server.error();
    }(stranger.address()));
    CHECK(error == Errc::address_in_use);
}

}  // namespace
}  // namespace skerry
