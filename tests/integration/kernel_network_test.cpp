// ctest: TIMEOUT 120
// The errors of a real network, provoked in a namespace of its own: no route, nobody who answers, no port left, no
// room to send. The two ends of a veth pair stand for the wire; what is sent to an address that neither of them has
// goes nowhere.

#include "support/catch.hpp"
#include "support/own_network.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/join.hpp>
#include <skerry/task/select.hpp>

#include <array>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using tests::ip;
using tests::write_setting;

const net::IpAddr here = net::IpAddr::v4(198, 18, 0, 1);
const net::IpAddr leaving = net::IpAddr::v4(198, 18, 0, 2);  // the other end of connections, until it is taken away
const net::IpAddr nobody = net::IpAddr::v4(198, 18, 0, 3);   // has a hardware address, and nobody who has that
const net::IpAddr unresolved = net::IpAddr::v4(198, 18, 0, 4);
const net::IpAddr no_route = net::IpAddr::v4(198, 19, 0, 1);

template <class F>
void run(F body) {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "epoll";
    auto runtime = runtime::Builder(config).offer(kernel_io::make_backend()).build();
    if (!runtime) FAIL(runtime.error().message);
    runtime->block_on(body());
}

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// The datagrams that this network has sent.
std::uint64_t datagrams_sent() {
    std::ifstream file("/proc/net/snmp");
    std::vector<std::string> names;
    for (std::string line; std::getline(file, line);) {
        if (line.rfind("Udp:", 0) != 0) continue;
        std::istringstream words(line);
        const std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
        if (names.empty()) {
            names = fields;
            continue;
        }
        for (std::size_t i = 0; i < names.size(); ++i)
            if (names[i] == "OutDatagrams") return std::stoull(fields.at(i));
    }
    return 0;
}

TEST_CASE("an address without a route is unreachable", "[integration][net]") {
    run([]() -> Task<> {
        auto stream = co_await net::TcpStream::connect({no_route, 80});
        REQUIRE_FALSE(stream);
        CHECK(stream.error() == Errc::unreachable);

        auto socket = net::UdpSocket::bind({here, 0});
        REQUIRE(socket);
        auto sent = co_await socket->send_to(bytes_of("x"), {no_route, 9});
        REQUIRE_FALSE(sent);
        CHECK(sent.error() == Errc::unreachable);
        std::array<net::Datagram, 1> batch;
        batch[0].payload = IoBuf::copy_of(bytes_of("x"));
        batch[0].peer = {no_route, 9};
        auto batched = co_await socket->send_batch(batch);
        REQUIRE_FALSE(batched);
        CHECK(batched.error() == Errc::unreachable);
    });
}

TEST_CASE("a connect finds no address when every port is taken", "[integration][net]") {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    std::string range;
    std::getline(file, range);
    run([]() -> Task<> {
        auto listener = net::TcpListener::bind({here, 5000});
        REQUIRE(listener);
        REQUIRE(write_setting("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001"));
        std::vector<net::TcpStream> taken;
        Error error;
        while (taken.size() < 3) {
            auto stream = co_await net::TcpStream::connect(listener->local_addr());
            if (!stream) {
                error = stream.error();
                break;
            }
            taken.push_back(std::move(*stream));
        }
        CHECK(taken.size() == 2);
        CHECK(error == Errc::address_not_available);
    });
    write_setting("/proc/sys/net/ipv4/ip_local_port_range", range);
}

struct Pair {
    net::TcpStream client;
    net::TcpStream server;
};

Task<Pair> connect_pair(net::TcpListener& listener) {
    auto ends = co_await join(net::TcpStream::connect(listener.local_addr()), listener.accept());
    REQUIRE(std::get<0>(ends));
    REQUIRE(std::get<1>(ends));
    co_return Pair{std::move(*std::get<0>(ends)), std::move(*std::get<1>(ends))};
}

Task<Error> error_of_read(net::TcpStream& stream) {
    std::array<std::byte, 16> buffer;
    auto count = co_await stream.read(buffer);
    co_return count ? Error{} : count.error();
}

Task<Error> error_of_write_all(net::TcpStream& stream, std::span<const std::byte> bytes) {
    auto written = co_await stream.write_all(bytes);
    co_return written ? Error{} : written.error();
}

// All at once, because each takes the kernel some seconds.
TEST_CASE("a peer that answers no more is timed_out, for a connect, a read and a write", "[integration][net]") {
    write_setting("/proc/sys/net/ipv4/tcp_syn_linear_timeouts", "0");  // not there before Linux 6.5
    REQUIRE(write_setting("/proc/sys/net/ipv4/tcp_syn_retries", "1"));
    run([]() -> Task<> {
        auto listener = net::TcpListener::bind({leaving, 5000});
        REQUIRE(listener);
        auto unsent = co_await connect_pair(*listener);  // reads after it has written what nobody acknowledges
        auto quiet = co_await connect_pair(*listener);   // only listens, with keepalive
        auto full = co_await connect_pair(*listener);    // waits for room to write
        REQUIRE(unsent.client.set_user_timeout(500ms));
        REQUIRE(full.client.set_user_timeout(500ms));
        REQUIRE(quiet.client.set_option(net::SocketOption::keep_alive, 1));
        REQUIRE(quiet.client.set_option(net::SocketOption::keep_alive_idle_s, 1));
        REQUIRE(quiet.client.set_option(net::SocketOption::keep_alive_interval_s, 1));
        REQUIRE(quiet.client.set_option(net::SocketOption::keep_alive_count, 1));
        REQUIRE(ip("addr del 198.18.0.2/24 dev v0"));
        REQUIRE(ip("neigh replace 198.18.0.2 lladdr 02:00:00:00:00:99 dev v0 nud permanent"));

        auto written = co_await unsent.client.write_all(bytes_of("is anybody there?"));
        REQUIRE(written);
        const std::vector<std::byte> much(8U << 20U);
        auto outcomes = co_await join(net::TcpStream::connect({nobody, 80}), error_of_read(unsent.client),
                                      error_of_read(quiet.client), error_of_write_all(full.client, much));
        REQUIRE_FALSE(std::get<0>(outcomes));
        CHECK(std::get<0>(outcomes).error() == Errc::timed_out);
        CHECK(std::get<1>(outcomes) == Errc::timed_out);
        CHECK(std::get<2>(outcomes) == Errc::timed_out);
        CHECK(std::get<3>(outcomes) == Errc::timed_out);
    });
}

Task<> driver_turns(unsigned count) {
    for (unsigned i = 0; i < count; ++i) co_await yield_to_driver();
}

net::UdpSocket bind_with_little_room() {
    auto socket = net::UdpSocket::bind({here, 0});
    REQUIRE(socket);
    REQUIRE(socket->set_option(net::SocketOption::send_buffer_bytes, 8192));
    return std::move(*socket);
}

// A datagram waits in its socket's buffer until the hardware address is known, which here is never.
TEST_CASE("a datagram that waits for room is not sent when it is cancelled, and is when there is room",
          "[integration][net][cancel]") {
    run([]() -> Task<> {
        const std::vector<std::byte> payload(1000);
        const net::SocketAddr to(unresolved, 9);
        auto one_by_one = bind_with_little_room();
        const std::uint64_t before = datagrams_sent();
        std::uint64_t sent = 0;
        unsigned lost = 0;
        while (lost < 5) {
            auto event = co_await select_biased(one_by_one.send_to(payload, to), driver_turns(3));
            if (event.index() == 1) {
                ++lost;
                continue;
            }
            REQUIRE(std::get<0>(event));
            ++sent;
        }
        CHECK(sent > 0);
        CHECK(datagrams_sent() - before == sent);

        auto batched = bind_with_little_room();
        std::vector<net::Datagram> batch(64);
        for (std::size_t i = 0; i < batch.size(); ++i) {  // each longer than the last, so that none are one message
            batch[i].payload = IoBuf::copy_of(std::span(payload).first(payload.size() - batch.size() + i));
            batch[i].peer = to;
        }
        const std::uint64_t before_batch = datagrams_sent();
        auto event = co_await select_biased(batched.send_batch(batch), driver_turns(3));
        CHECK(event.index() == 1);
        const std::uint64_t of_batch = datagrams_sent() - before_batch;  // those in front of the one that had to wait
        CHECK(of_batch > 0);
        CHECK(of_batch < batch.size());

        // The kernel gives up looking for the hardware address, and the room is there again.
        auto late = co_await one_by_one.send_to(payload, {here, 9});
        REQUIRE(late);
        CHECK(*late == payload.size());
    });
}

/// Empty, or what this machine lacks.
std::string make_wire() {
    if (!ip("link add v0 type veth peer name v1")) return "no veth devices";
    const bool made = ip("addr add 198.18.0.1/24 dev v0") && ip("addr add 198.18.0.2/24 dev v0") &&
                      ip("link set v1 up") && ip("link set v0 up") &&
                      ip("neigh add 198.18.0.3 lladdr 02:00:00:00:00:99 dev v0 nud permanent") &&
                      write_setting("/proc/sys/net/ipv4/neigh/v0/retrans_time_ms", "100");
    return made ? "" : "the wire cannot be set up";
}

}  // namespace
}  // namespace skerry

int main(int argc, char** argv) {
    std::string why_not = skerry::tests::enter_own_network();
    if (why_not.empty()) why_not = skerry::make_wire();
    if (!why_not.empty()) {
        std::cout << "skipped: " << why_not << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
