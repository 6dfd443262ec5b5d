// What the kernel's sockets say when the process has no descriptor, no buffer or no permission left, and that they go
// on when it has.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"
#include "support/kernel_sockets.hpp"
#include "support/limits.hpp"
#include "support/plain_client.hpp"

#include <skerry/backend/slow_lane.hpp>
#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/io_buf.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/net/unix_listener.hpp>
#include <skerry/net/unix_stream.hpp>
#include <skerry/signal/signal.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <deque>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using tests::any_port;
using tests::driver_turns;
using tests::NoDescriptors;
using tests::on_each_driver;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

net::TcpListener listen() {
    auto listener = net::TcpListener::bind(any_port);
    REQUIRE(listener);
    return std::move(*listener);
}

net::UdpSocket bind() {
    auto socket = net::UdpSocket::bind(any_port);
    REQUIRE(socket);
    return std::move(*socket);
}

// --- descriptors

TEST_CASE("whatever needs a descriptor says no_descriptors when there is none", "[integration][limits]") {
    on_each_driver([]() -> Task<> {
        auto listener = listen();
        {
            const NoDescriptors shortage;
            CHECK(net::TcpListener::bind(any_port).error() == Errc::no_descriptors);
            CHECK(net::UdpSocket::bind(any_port).error() == Errc::no_descriptors);
            CHECK(signal::Signal::listen(SIGUSR1).error() == Errc::no_descriptors);
            auto interrupted = co_await signal::ctrl_c();
            CHECK(interrupted.error() == Errc::no_descriptors);
            auto terminated = co_await signal::terminate();
            CHECK(terminated.error() == Errc::no_descriptors);
            auto stream = co_await net::TcpStream::connect(listener.local_addr());
            CHECK(stream.error() == Errc::no_descriptors);
        }
        auto stream = co_await net::TcpStream::connect(listener.local_addr());
        CHECK(stream);
        CHECK(signal::Signal::listen(SIGUSR1));
    });
}

TEST_CASE("a runtime that gets no descriptor says how to raise the limit", "[integration][limits]") {
    const tests::KernelDriver driver = GENERATE(from_range(tests::kernel_drivers()));
    const NoDescriptors shortage;
    const auto runtime = tests::make_on(driver);
    REQUIRE_FALSE(runtime);
    CHECK(runtime.error().message.find("ulimit -n") != std::string::npos);
}

TEST_CASE("an accept without a descriptor goes on when this core closes one", "[integration][limits]") {
    on_each_driver([]() -> Task<> {
        auto listener = listen();
        std::optional<net::UdpSocket> spare(bind());
        auto client = co_await net::TcpStream::connect(listener.local_addr());
        REQUIRE(client);
        const NoDescriptors shortage;
        auto accepting = spawn([](net::TcpListener& from) -> Task<bool> {
            auto accepted = co_await from.accept();
            co_return accepted.has_value();
        }(listener));
        co_await driver_turns(5);
        REQUIRE_FALSE(accepting.is_finished());
        spare.reset();
        auto accepted = co_await accepting;
        CHECK(accepted == true);
    });
}

TEST_CASE("an accept without a descriptor goes on when somebody else closes one", "[integration][limits]") {
    on_each_driver([]() -> Task<> {
        auto listener = listen();
        const int foreign = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        auto client = co_await net::TcpStream::connect(listener.local_addr());
        REQUIRE(client);
        const NoDescriptors shortage;
        auto accepting = spawn([](net::TcpListener& from) -> Task<bool> {
            auto accepted = co_await from.accept();
            co_return accepted.has_value();
        }(listener));
        co_await driver_turns(5);
        REQUIRE_FALSE(accepting.is_finished());
        ::close(foreign);
        auto accepted = co_await accepting;  // nothing but the look every 10 ms can find it
        CHECK(accepted == true);
    });
}

TEST_CASE("a listener that is dropped while it is out of descriptors is forgotten", "[integration][limits]") {
    on_each_driver([]() -> Task<> {
        std::optional<net::TcpListener> dropped(listen());
        auto kept = listen();
        auto one = co_await net::TcpStream::connect(dropped->local_addr());
        auto other = co_await net::TcpStream::connect(kept.local_addr());
        REQUIRE(one);
        REQUIRE(other);
        const NoDescriptors shortage;
        auto accepting = [](net::TcpListener& from) -> Task<bool> {
            auto accepted = co_await from.accept();
            co_return accepted.has_value();
        };
        auto of_dropped = spawn(accepting(*dropped));
        auto of_kept = spawn(accepting(kept));
        co_await driver_turns(5);
        of_dropped.abort();
        auto given_up = co_await of_dropped;
        CHECK_FALSE(given_up);
        dropped.reset();  // its descriptor is the one that the other listener gets
        auto accepted = co_await of_kept;
        CHECK(accepted == true);
    });
}

// --- what no waiting helps

/// The process's listening sockets take no connections any more.
void break_listeners() {
    for (int fd = 0; fd < tests::next_descriptor(); ++fd) {
        int listens = 0;
        socklen_t length = sizeof listens;
        if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens != 0)
            ::shutdown(fd, SHUT_RD);
    }
}

std::chrono::nanoseconds cpu_time() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

TEST_CASE("an accept that fails for good says so each time, and costs nothing in between", "[integration][limits]") {
    on_each_driver([]() -> Task<> {
        auto listener = listen();
        auto before = co_await time::timeout(20ms, listener.accept());
        CHECK_FALSE(before);
        break_listeners();
        for (int i = 0; i < 3; ++i) {
            auto accepted = co_await listener.accept();
            CHECK(accepted.error() == Errc::invalid_argument);
        }
        const auto used = cpu_time();
        co_await time::sleep(200ms);
        CHECK(cpu_time() - used < 100ms);
    });
}

TEST_CASE("a Unix connection that cannot be watched yet is kept until it can", "[integration][limits]") {
    /// Refuses the first few, as where the system's limit of watches is reached.
    struct Refusing final : backend::SlowLane {
        explicit Refusing(int count) noexcept : left(count), real(std::exchange(backend::current_slow_lane, this)) {}
        ~Refusing() { backend::current_slow_lane = real; }
        Result<> add(backend::WatchedFd& fd) noexcept override {
            if (left-- > 0) return Error(Errc::no_descriptors, ENOSPC);
            return real->add(fd);
        }
        void remove(backend::WatchedFd& fd) noexcept override { real->remove(fd); }
        int left;
        backend::SlowLane* real;
    };
    on_each_driver([]() -> Task<> {
        auto listener = net::UnixListener::bind(net::UnixAddr());
        REQUIRE(listener);
        auto client = co_await net::UnixStream::connect(listener->local_addr().value());
        REQUIRE(client);
        auto written = co_await client->write_all(bytes_of("still there"));
        CHECK(written);
        Refusing shortage(2);
        auto given_up = co_await time::timeout(5ms, listener->accept());
        CHECK_FALSE(given_up);
        auto accepted = co_await time::timeout(20s, listener->accept());
        REQUIRE(accepted);
        std::array<std::byte, 11> word;
        auto read = co_await accepted->read_exact(word);
        CHECK(read);
    });
}

// --- permission

TEST_CASE("a port below 1024 is not permitted without the privilege", "[integration][limits]") {
    std::ifstream file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    int first_free = 1024;
    file >> first_free;
    if (first_free <= 1) return;  // this machine lets everybody
    on_each_driver([]() -> Task<> {
        const tests::WithoutCapability plain(CAP_NET_BIND_SERVICE);
        const net::SocketAddr privileged(net::IpAddr::v4_loopback(), 1);
        CHECK(net::TcpListener::bind(privileged).error() == Errc::permission_denied);
        CHECK(net::UdpSocket::bind(privileged).error() == Errc::permission_denied);
        co_return;
    });
}

// --- buffers

constexpr std::size_t buffers_max = 4096;  // more than any driver has

// Reads byte by byte until the core has no buffer left, with one byte unread.
Task<std::vector<IoBuf>> hold_all_buffers(net::TcpStream& from, net::TcpStream& to) {
    std::vector<IoBuf> held;
    for (;;) {
        REQUIRE(held.size() < buffers_max);
        auto written = co_await from.write_all(bytes_of("x"));
        REQUIRE(written);
        auto segment = co_await to.read_buf();
        if (!segment) {
            CHECK(segment.error() == Errc::no_buffers);
            co_return held;
        }
        held.push_back(std::move(*segment));
    }
}

TEST_CASE("read_buf says no_buffers at the pool's limit and loses nothing", "[integration][limits]") {
    on_each_driver([]() -> Task<> {
        auto listener = listen();
        auto [client, server] = co_await tests::connect(listener);
        auto held = co_await hold_all_buffers(client, server);
        auto written = co_await client.write_all(bytes_of("yz"));
        REQUIRE(written);
        auto refused = co_await server.read_buf();
        REQUIRE_FALSE(refused);
        CHECK(refused.error() == Errc::no_buffers);
        CHECK(backend::current_sockets->stats().no_buffers != 0);  // on a ring from when the pool was empty
        held.pop_back();
        auto segment = co_await server.read_buf();
        REQUIRE(segment);
        CHECK(std::ranges::equal(segment->bytes(), bytes_of("xyz")));
    });
}

TEST_CASE("read and peek go on at the pool's limit", "[integration][limits]") {
    on_each_driver([]() -> Task<> {
        auto listener = listen();
        auto [client, server] = co_await tests::connect(listener);
        const auto held = co_await hold_all_buffers(client, server);
        std::array<std::byte, 16> buffer;
        auto peeked = co_await server.peek(buffer);
        CHECK(peeked == 1U);
        auto read = co_await server.read(buffer);
        CHECK(read == 1U);
        auto waiting = spawn([](net::TcpStream& from) -> Task<std::size_t> {
            std::array<std::byte, 16> into;
            auto taken = co_await from.read(into);
            co_return taken.value_or(0);
        }(server));
        co_await driver_turns(5);
        CHECK_FALSE(waiting.is_finished());
        auto written = co_await client.write_all(bytes_of("and more"));
        REQUIRE(written);
        auto taken = co_await waiting;
        CHECK(taken == 8U);
        REQUIRE(client.shutdown());
        auto end = co_await server.read(buffer);
        CHECK(end == 0U);
    });
}

/// Those who read one word; who is first has all others let go some turns later, but for the last.
struct AllButLast {
    std::size_t streams;
    unsigned turns;
    std::vector<JoinHandle<std::size_t>> readers;
    bool is_over = false;
};

Task<std::size_t> read_and_let_go(net::TcpStream stream, AllButLast& all) {
    std::array<std::byte, 16> word;
    auto read = co_await stream.read(word);
    if (!std::exchange(all.is_over, true)) {
        co_await driver_turns(all.turns);
        for (auto& reader : std::span(all.readers).first(all.streams - 1)) reader.abort();
    }
    co_return read.value_or(0);
}

// A core that has few buffers serves some of the streams in a turn, and the others in the next ones, whatever becomes
// of those that it would have served.
TEST_CASE("near the pool's limit a stream is heard although those in front of it are let go", "[integration][limits]") {
    const auto turns = GENERATE(range(0U, 8U));
    CAPTURE(turns);
    on_each_driver([turns]() -> Task<> {
        auto listener = listen();
        auto [client, server] = co_await tests::connect(listener);
        auto held = co_await hold_all_buffers(client, server);
        held.resize(held.size() - 4);
        AllButLast all{100, turns, {}};
        std::deque<tests::PlainClient> clients;
        for (std::size_t i = 0; i < all.streams; ++i) {
            clients.emplace_back(listener.local_addr());
            auto stream = co_await listener.accept();
            REQUIRE(stream);
            all.readers.push_back(spawn(read_and_let_go(*std::move(stream), all)));
        }
        co_await driver_turns(10);  // all wait
        for (auto& each : clients) each.send(bytes_of("word"));
        auto heard = co_await time::timeout(20s, std::move(all.readers.back()));
        all.readers.pop_back();
        for (auto& reader : all.readers) (void)co_await std::move(reader);
        REQUIRE(heard);
        CHECK(*heard == 4U);
    });
}

TEST_CASE("recv_batch says no_buffers at the pool's limit, and recv_from does without", "[integration][limits]") {
    on_each_driver([]() -> Task<> {
        auto sender = bind();
        auto receiver = bind();
        std::vector<IoBuf> held;
        std::array<net::Datagram, 1> batch;
        for (bool is_refused = false; !is_refused;) {
            REQUIRE(held.size() < buffers_max);
            auto sent = co_await sender.send_to(bytes_of("first"), receiver.local_addr());
            REQUIRE(sent);
            auto received = co_await receiver.recv_batch(batch);
            is_refused = !received;
            if (is_refused) CHECK(received.error() == Errc::no_buffers);
            if (is_refused) CHECK(backend::current_sockets->stats().no_buffers != 0);
            if (!is_refused) held.push_back(std::move(batch[0].payload));
        }
        auto sent = co_await sender.send_to(bytes_of("second"), receiver.local_addr());
        REQUIRE(sent);
        std::array<std::byte, 16> buffer;
        auto copied = co_await receiver.recv_from(buffer);
        REQUIRE(copied);
        CHECK(copied->bytes == 5);
        CHECK(copied->peer == sender.local_addr());
        held.pop_back();
        auto received = co_await receiver.recv_batch(batch);
        REQUIRE(received);
        CHECK(batch[0].payload.size() == 6);
    });
}

}  // namespace
}  // namespace skerry
