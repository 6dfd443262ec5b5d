// ctest: TIMEOUT 60
// A TAP device that is deleted under its program ends everything above it, with an error that says so; nothing hangs.

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/trace/notice.hpp>

#include "support/catch.hpp"
#include "support/ends.hpp"
#include "support/own_network.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

namespace skerry {
namespace {

using tests::End;
using tests::end_of;

const net::IpAddr own_ip = net::IpAddr::v4(198, 18, 0, 2);
net::SocketAddr own(std::uint16_t port) { return net::SocketAddr(own_ip, port); }

std::atomic<int> notices{0};

Result<runtime::Runtime, backend::SetupError> make_runtime(bool joins, bool sleeps) {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = joins ? "tap:sk0,tso=on" : "tap:sk0";
    config.ip = "198.18.0.2/24";
    config.idle = sleeps ? runtime::IdlePolicy::sleep : runtime::IdlePolicy::spin;
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

struct Ends {
    std::array<End, 4> waiting{};
    std::array<End, 6> later{};
};

Task<Ends> lose_the_device() {
    auto udp = net::UdpSocket::bind(own(7000));
    auto listener = net::TcpListener::bind(own(7001));
    auto client = co_await net::TcpStream::connect(own(7001));
    auto server = co_await listener->accept();
    REQUIRE(server);

    auto receiving = spawn(tests::end_of_receive(*udp));
    auto accepting = spawn(tests::end_of_accept(*listener));
    auto reading = spawn(tests::end_of_read(*client));
    auto connecting = spawn(tests::end_of_connect(net::SocketAddr(net::IpAddr::v4(198, 18, 0, 9), 7001)));
    for (int i = 0; i < 100; ++i) co_await yield_to_driver();  // all of them wait

    const bool is_deleted = tests::ip("link del sk0");
    REQUIRE(is_deleted);
    Ends ends;
    ends.waiting = {*co_await receiving, *co_await accepting, *co_await reading, *co_await connecting};
    const std::array<std::byte, 1> byte{};
    auto sent = co_await udp->send_to(byte, net::SocketAddr(net::IpAddr::v4(198, 18, 0, 1), 9));
    auto bound = net::UdpSocket::bind(own(7002));
    auto listening = net::TcpListener::bind(own(7003));
    ends.later = {co_await tests::end_of_receive(*udp),
                  co_await tests::end_of_accept(*listener),
                  end_of(sent),
                  end_of(bound),
                  end_of(listening),
                  co_await tests::end_of_connect(own(7001))};
    co_return ends;
}

void check_all_end(bool joins, bool sleeps) {
    notices = 0;
    REQUIRE(tests::make_own_tap().empty());
    trace::set_notice_sink(
        [](std::string_view line) noexcept { notices += line == "tap: sk0: the device was taken away" ? 1 : 0; });
    Ends ends;
    {
        auto runtime = make_runtime(joins, sleeps);
        if (!runtime) FAIL(runtime.error().message);
        ends = runtime->block_on(lose_the_device());
    }
    trace::set_notice_sink(nullptr);
    for (const End end : ends.waiting) CHECK(end.code == Errc::device_gone);
    for (const End end : ends.later) CHECK(end.code == Errc::device_gone);
    CHECK(notices == 1);
}

TEST_CASE("a TAP device that is deleted ends what waits and refuses what comes later", "[integration][tap]") {
    check_all_end(false, false);
}

TEST_CASE("a core that sleeps learns that its TAP device is deleted", "[integration][tap]") {
    check_all_end(false, true);
}

TEST_CASE("one that takes long segments learns it too", "[integration][tap]") { check_all_end(true, true); }

}  // namespace
}  // namespace skerry

int main(int argc, char** argv) {
    using namespace skerry::tests;
    if (const std::string why_not = enter_own_network(); !why_not.empty()) {
        std::cout << "skipped: no tap here: " << why_not << '\n';
        return skip_exit_code;
    }
    if (const std::string why_not = make_own_tap(); !why_not.empty()) {
        std::cout << "skipped: no tap here: " << why_not << '\n';
        return skip_exit_code;
    }
    if (!ip("link del sk0")) return 1;
    return run_all(argc, argv);
}
