// When a datagram was received, by the kernel's word.

#include "fixture.hpp"

#include <skerry/backend/socket_ops.hpp>
#include <skerry/time/sleep.hpp>

namespace skerry::conformance {
namespace {

using namespace std::chrono_literals;

bool has_times(net::UdpSocket& socket) {
    const bool has = backend::current_sockets->capabilities().receive_times;
    const auto set = socket.set_option(net::SocketOption::receive_time, 1);
    REQUIRE(set.has_value() == has);
    if (!has) {
        CHECK(set.error() == Errc::unsupported);
        WARN("skipped: this backend's receive times are its own");
    }
    return has;
}

TEST_CASE("the kernel says when a datagram came, however late it is read", "[net][udp][receive_time]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        if (!has_times(other)) co_return;
        std::array<net::Datagram, 4> batch;
        unsigned by_kernel = 0;
        // The kernel begins to write times down a little after it was asked to.
        for (int i = 0; i < 100 && by_kernel < 3; ++i) {
            const auto before = time::Instant::now();
            auto sent = co_await one.send_to(bytes_of("now"), other.local_addr());
            REQUIRE(sent);
            co_await time::sleep(20ms);
            const auto late = time::Instant::now();
            auto count = co_await other.recv_batch(batch);
            REQUIRE(count);
            REQUIRE(*count == 1);
            if (batch[0].time_source != net::TimeSource::kernel) continue;
            ++by_kernel;
            CHECK(batch[0].received_at < late);
            CHECK(batch[0].received_at > before - 20ms);
        }
        CHECK(by_kernel == 3);
        REQUIRE(other.set_option(net::SocketOption::receive_time, 0));
        auto sent = co_await one.send_to(bytes_of("now"), other.local_addr());
        REQUIRE(sent);
        auto count = co_await other.recv_batch(batch);
        REQUIRE(count);
        CHECK(batch[0].time_source == net::TimeSource::burst);
    });
}

TEST_CASE("a device that writes no times leaves them to the kernel", "[net][udp][receive_time]") {
    run([]() -> Task<> {
        auto one = bind_udp();
        auto other = bind_udp();
        if (!has_times(other)) co_return;
        REQUIRE(other.set_option(net::SocketOption::receive_time, 2));
        CHECK(other.option(net::SocketOption::receive_time).value() == 2);
        std::array<net::Datagram, 1> batch;
        bool by_kernel = false;
        for (int i = 0; i < 100 && !by_kernel; ++i) {
            auto sent = co_await one.send_to(bytes_of("now"), other.local_addr());
            REQUIRE(sent);
            auto count = co_await other.recv_batch(batch);
            REQUIRE(count);
            by_kernel = batch[0].time_source == net::TimeSource::kernel;
            if (!by_kernel) co_await time::sleep(10ms);
        }
        CHECK(by_kernel);
    });
}

}  // namespace
}  // namespace skerry::conformance
