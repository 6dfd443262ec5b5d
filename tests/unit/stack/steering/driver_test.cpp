// The drivers of several cores, one of which has the queue.

#include "support/quiet_port.hpp"
#include "support/stack_host.hpp"

#include <skerry/stack/driver.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <span>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;

/// Counts what it is given, and takes nothing while its link is down.
class CountingPort : public QuietPort {
public:
    CountingPort() : QuietPort(host_mac.octets) {}

    std::size_t receive(std::span<backend::Frame*>, time::Instant) noexcept { return 0; }
    std::size_t transmit(std::span<backend::Frame*> packets) noexcept {
        ++calls;
        if (!is_up) return 0;
        for (backend::Frame* const packet : packets) packet->drop();
        sent += packets.size();
        return packets.size();
    }
    void unpark() noexcept { ++woken; }

    bool is_up = true;
    std::size_t sent = 0;
    std::size_t calls = 0;
    std::size_t woken = 0;
};

struct SilentSocket final : stack::UdpEndpoint {
    void on_ready() noexcept override {}
};

constexpr stack::wire::Ipv4Addr broadcast = stack::wire::Ipv4Addr::of(198, 18, 0, 255);

/// Two cores, of which the first has the queue.
struct Drivers {
    using Driver = stack::Driver<CountingPort>;

    Drivers() {
        stack::SteeringOptions options;
        options.cores = 2;
        options.queues = 1;
        options.flows_max = 64;
        options.seed = 7;
        stack::StackConfig config = host_config();
        config.seat = {std::make_shared<stack::Steering>(options), 0};
        sender.emplace(config, std::uint16_t{0});
        config.seat.core = 1;
        other.emplace(config, std::uint16_t{1});
        REQUIRE(other->stack().udp().open(socket, {}, 7001));
    }
    ~Drivers() { other->stack().udp().close(socket, now); }

    /// The core without a queue sends packets, in one turn.
    void send(std::size_t packets) {
        for (; packets != 0; --packets) REQUIRE(other->stack().udp().send(socket, broadcast, 9, {}, now));
        other->transmit(now);
    }
    /// A turn of the one that has it, as after a wake-up.
    void turn() {
        sender->receive(now);
        sender->transmit(now);
    }
    /// Whether it may sleep now, as the loop asks it.
    bool may_sleep() { return sender->arm(); }

    time::Instant now = time::Instant::now();
    SilentSocket socket;
    std::optional<Driver> sender;
    std::optional<Driver> other;
};

TEST_CASE("what a core without a queue sends leaves though its sender receives no more", "[stack][steering]") {
    Drivers cores;
    cores.send(1);
    CHECK(cores.other->port().sent == 0);
    cores.sender->transmit(cores.now);
    CHECK(cores.sender->port().sent == 1);
}

TEST_CASE("a core whose port takes nothing sleeps, however much others want to send by it", "[stack][steering]") {
    Drivers cores;
    CountingPort& port = cores.sender->port();
    port.is_up = false;
    for (int i = 0; i < 10; ++i) {  // more than its backlog takes, and more than its ring
        cores.send(200);
        cores.turn();
    }
    REQUIRE(cores.may_sleep());
    const std::size_t calls = port.calls;
    std::size_t turns = 0;
    for (const time::Instant end = cores.now + 1s; cores.now < end; ++turns) {
        cores.now = cores.sender->next_deadline();
        cores.turn();
        REQUIRE(cores.may_sleep());
    }
    CHECK(turns < 200);  // 50 us, and ever less often
    CHECK(port.calls - calls <= turns);

    // What is for it wakes it, and so does the link.
    const std::size_t woken = port.woken;
    cores.other->stack().steering()->copy_to(stack::core_bit(0), Bytes(1), *std::make_unique<backend::Frame>());
    cores.other->stack().steering()->flush();
    CHECK(port.woken == woken + 1);
    port.is_up = true;
    for (int i = 0; i < 100; ++i) {
        cores.turn();
        cores.other->transmit(cores.now);
    }
    CHECK(port.sent == 2000);
    CHECK(cores.may_sleep());
    CHECK(cores.sender->next_deadline() == time::Instant::max());
}

TEST_CASE("a port that was stuck is asked again soon when it took something", "[stack][steering]") {
    Drivers cores;
    CountingPort& port = cores.sender->port();
    port.is_up = false;
    cores.send(1);
    cores.turn();
    for (int i = 0; i < 10; ++i) {
        cores.now = cores.sender->next_deadline();
        cores.turn();
    }
    CHECK(cores.sender->next_deadline() - cores.now >= 5ms);
    port.is_up = true;
    cores.turn();
    CHECK(port.sent == 1);
    port.is_up = false;
    cores.send(1);
    cores.turn();
    CHECK(cores.sender->next_deadline() - cores.now <= 50us);
}

}  // namespace
}  // namespace skerry
