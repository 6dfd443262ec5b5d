// A core that polls several ports: each has its turn, and any of them wakes it.

#include "support/scripted_port.hpp"
#include "support/stack_ports.hpp"

#include <skerry/backend/driver.hpp>
#include <skerry/base/owned_fd.hpp>
#include <skerry/stack/ports/ports_driver.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;

/// A port whose bell is a descriptor.
class BellPort : public ScriptedPort {
public:
    BellPort() : bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

    void unpark() noexcept {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(bell_.get(), &one, sizeof one);
    }
    [[nodiscard]] int wake_fd() const noexcept { return bell_.get(); }
    bool arm() noexcept { return arriving.empty(); }
    void park(time::Instant wake_at) noexcept { parked_until = wake_at; }
    [[nodiscard]] time::Instant next_deadline() const noexcept { return deadline; }

    time::Instant deadline = time::Instant::max();
    time::Instant parked_until = time::Instant::max();

private:
    OwnedFd bell_;
};

using PortsDriver = stack::PortsDriver<BellPort>;
static_assert(backend::Driver<PortsDriver>);

struct TwoPorts {
    TwoPorts() {
        std::vector<std::unique_ptr<PortsDriver::Child>> ports;
        std::vector<int> fds;
        for (std::size_t i = 0; i < 2; ++i) {
            ports.push_back(std::make_unique<PortsDriver::Child>(port_config(i), core.scheduler().home()));
            fds.push_back(ports.back()->wake_fd());
        }
        auto parking = stack::PortsParking::make(fds);
        REQUIRE(parking);
        driver.emplace(std::move(ports), std::move(*parking), core.scheduler().home());
    }
    BellPort& port(std::size_t at) { return driver->port(at).port(); }
    void question(std::size_t to) {
        port(to).arriving.push_back(arp(stack::wire::ArpOperation::request, port_peers[to], peer_mac, port_ips[to]));
    }

    test_support::TestCore core;
    test_support::TestCore::Entered entered{core};
    std::optional<PortsDriver> driver;
    time::Instant now = time::Instant::now();
};

TEST_CASE("a turn receives from each port and sends by each", "[stack][ports][driver]") {
    TwoPorts f;
    CHECK(f.driver->receive(f.now) == backend::Work::none);
    f.question(0);
    f.question(1);
    f.question(1);
    CHECK(f.driver->receive(f.now) == backend::Work::some);
    CHECK(f.driver->transmit(f.now) == backend::Work::some);
    CHECK(f.port(0).sent.size() == 1);
    CHECK(f.port(1).sent.size() == 2);
    for (std::size_t i = 0; i < 40; ++i) f.question(1);
    CHECK(f.driver->receive(f.now) == backend::Work::more);
}

TEST_CASE("the sockets of a thread are those of all ports, its frames the first port's", "[stack][ports][driver]") {
    TwoPorts f;
    {
        const auto here = f.driver->install();
        CHECK(dynamic_cast<stack::PortsSockets*>(backend::current_sockets) != nullptr);
        CHECK(backend::current_frames == &f.port(0).frames());
        f.question(1);
        (void)f.driver->receive(f.now);
        (void)f.driver->transmit(f.now);
        CHECK(backend::current_frames == &f.port(0).frames());
        auto socket = net::UdpSocket::bind(any(7000));
        REQUIRE(socket);
    }
    CHECK(backend::current_sockets == nullptr);
    CHECK(backend::current_frames == nullptr);
}

TEST_CASE("a core does not sleep while one port has something", "[stack][ports][driver]") {
    TwoPorts f;
    const std::size_t which = GENERATE(0U, 1U);
    CHECK(f.driver->arm());
    f.question(which);
    CHECK_FALSE(f.driver->arm());
    const time::Instant soon = f.now + 3ms;
    CHECK(f.driver->next_deadline() > soon);
    f.port(which).deadline = soon;
    CHECK(f.driver->next_deadline() == soon);
}

TEST_CASE("the bell of each port wakes the core, and its deadline", "[stack][ports][driver]") {
    TwoPorts f;
    const std::size_t which = GENERATE(0U, 1U, 2U);  // 2: unpark()
    if (which == 2)
        f.driver->unpark();
    else
        f.port(which).unpark();
    f.driver->park(time::Instant::max());  // returns
    // Each has taken in what woke it, and waited for nothing.
    for (std::size_t i = 0; i < 2; ++i) CHECK(f.port(i).parked_until == time::Instant{});

    TwoPorts quiet;
    const time::Instant until = time::Instant::now() + 2ms;
    quiet.driver->park(until);
    CHECK(time::Instant::now() >= until);
    const time::Instant looks_at = time::Instant::now() + 2ms;
    quiet.port(which % 2).deadline = looks_at;
    quiet.driver->park(time::Instant::max());
    CHECK(time::Instant::now() >= looks_at);
}

}  // namespace
}  // namespace skerry
