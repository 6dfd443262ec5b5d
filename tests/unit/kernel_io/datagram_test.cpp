// A UDP socket of the epoll driver: it learns how datagrams come, and whatever it has learned, none is lost or left
// waiting, and one that nobody takes does not keep the core awake.

#include "epoll_core.hpp"

#include "support/catch.hpp"

#include "epoll/driver.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/task/scheduler.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace skerry::kernel_io::epoll {
namespace {

using backend::Step;

/// A socket of the driver under test, a plain one that sends to it, and a scheduler that its wakes go to.
struct Fixture : tests::EpollCore {
    Fixture() {
        auto bound = driver.sockets().bind(net::SocketAddr(net::IpAddr::v4_loopback(), 0), {});
        REQUIRE(bound);
        socket = *bound;
        sockaddr_storage to;
        const socklen_t length = net::to_os(socket->local, to);
        REQUIRE(::connect(sender.get(), reinterpret_cast<sockaddr*>(&to), length) == 0);
    }
    ~Fixture() { socket->ops->close(socket); }

    void send(unsigned count) {
        for (; count > 0; --count, ++sent) REQUIRE(::send(sender.get(), &sent, sizeof sent, 0) == sizeof sent);
    }

    backend::DatagramSocket* socket = nullptr;
    OwnedFd sender{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    std::uint32_t sent = 0;
};

std::uint32_t number_in(std::span<const std::byte> bytes) {
    std::uint32_t number = 0;
    REQUIRE(bytes.size() == sizeof number);
    std::memcpy(&number, bytes.data(), sizeof number);
    return number;
}

/// A task that always receives: what it has got, and whether it waits now.
struct Receiver {
    explicit Receiver(Fixture& fixture, std::size_t slots) : f(fixture), batch(slots) {}
    ~Receiver() { f.socket->receiver = nullptr; }

    /// Takes what a completed receive brought, and receives on without waiting as long as that is possible.
    void run() {
        while (!waits) {
            if (batch.empty())
                request.emplace(std::as_writable_bytes(std::span(&single, 1)), &peer);
            else
                request.emplace(batch);
            if (!f.socket->may_receive || f.socket->ops->receive(*f.socket, *request) == Step::pending) {
                request->task_and_state = reinterpret_cast<std::uintptr_t>(&header) | task::node_state::linked;
                f.socket->receiver = &*request;
                waits = true;
                return;
            }
            take();
        }
    }

    /// One turn of the core.
    void turn() {
        run();
        if (sleeps && f.driver.arm()) f.driver.park(time::Instant::now());
        f.driver.receive(time::Instant::now());
        if (f.socket->receiver != nullptr) return;
        f.scheduler->blank(*request);
        waits = false;
        take();
        run();
    }

    void take() {
        REQUIRE(request->error.code() == Errc::ok);
        if (batch.empty()) {
            REQUIRE(request->count == sizeof single);
            REQUIRE(single == received++);
            return;
        }
        for (std::size_t i = 0; i < request->count; ++i) {
            REQUIRE(number_in(batch[i].payload.bytes()) == received++);
            if (sleeps) batch[i].payload.reset();
        }
    }

    Fixture& f;
    std::vector<backend::Datagram> batch;
    bool sleeps = false;  // the core parks before each turn
    std::uint32_t single = 0;
    net::SocketAddr peer;
    std::uint32_t received = 0;
    bool waits = false;
    task::TaskHeader header;
    std::optional<backend::RecvRequest> request;
};

TEST_CASE("datagrams that come singly, together, and singly again are all received", "[kernel_io][datagram]") {
    const auto slots = GENERATE(0U, 1U, 8U);  // 0: recv_from
    Fixture f;
    Receiver receiver(f, slots);
    receiver.sleeps = GENERATE(false, true);
    std::mt19937 random(7);
    for (int phase = 0; phase < 40; ++phase) {
        const unsigned most = phase % 2 == 0 ? 1 : 1 + random() % 20;
        for (int round = 0; round < 60; ++round) {
            f.send(1 + random() % most);
            // At most one turn for each: with every turn at least one is received.
            for (unsigned turns = most; turns > 0 && receiver.received < f.sent; --turns) receiver.turn();
            REQUIRE(receiver.received == f.sent);
        }
    }
}

TEST_CASE("a datagram that woke the core was received when the turn began", "[kernel_io][datagram]") {
    Fixture f;
    Receiver receiver(f, 1);
    receiver.sleeps = true;
    receiver.run();
    f.send(1);
    receiver.turn();  // makes the buffer that the next one takes
    f.send(1);
    f.driver.park(time::Instant::max());
    const time::Instant now = time::Instant::now();
    f.driver.receive(now);
    REQUIRE(f.socket->receiver == nullptr);
    CHECK(receiver.batch[0].received_at == now);
    f.scheduler->blank(*receiver.request);
}

TEST_CASE("a datagram that nobody takes is reported once", "[kernel_io][datagram]") {
    Fixture f;
    f.send(2);
    CHECK(f.driver.receive(time::Instant::now()) == backend::Work::some);
    // Once more at most, for the change of the registration.
    f.driver.receive(time::Instant::now());
    CHECK(f.driver.receive(time::Instant::now()) == backend::Work::none);
    CHECK(f.driver.arm());
    Receiver receiver(f, 8);
    receiver.run();
    CHECK(receiver.received == 2);
}

TEST_CASE("a socket that waits holds no receive buffer", "[kernel_io][datagram]") {
    Fixture f;
    Receiver receiver(f, 1);
    f.send(1);
    for (int i = 0; i < 30; ++i) {
        receiver.turn();
        f.send(1);
    }
    receiver.turn();
    receiver.batch.front().payload.reset();
    receiver.turn();
    REQUIRE(receiver.waits);
    CHECK(f.driver.sockets().stats().buffers_out == 0);
}

}  // namespace
}  // namespace skerry::kernel_io::epoll
