// ctest: RUN_SERIAL TRUE
// A device that is taken away ends everything above it, with an error that says so; nothing hangs. The device is a ring
// in memory, and DPDK is told what the kernel tells it of a card.

#define ALLOW_EXPERIMENTAL_API  // DPDK 22.11 counts the events of devices as such
#include "support/catch.hpp"
#include "support/ends.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/dpdk/native.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/trace/notice.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace skerry {
namespace {

using tests::End;
using tests::end_of;

const net::IpAddr own_ip = net::IpAddr::v4(198, 18, 0, 2);
net::SocketAddr own(std::uint16_t port) { return net::SocketAddr(own_ip, port); }

std::atomic<int> notices{0};  // read when the thread that counts has nothing more to say

Result<runtime::Runtime, backend::SetupError> make_runtime(const char* idle, const char* ip = "198.18.0.2/24") {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "dpdk";
    config.dpdk = "vdev=net_ring0;hugepages=off;memory=128;mbufs=2047";
    if (ip != nullptr) config.ip = ip;
    config.idle = std::string_view(idle) == "sleep" ? runtime::IdlePolicy::sleep : runtime::IdlePolicy::spin;
    return runtime::Builder(config).offer(dpdk::make_backend()).build();
}

Task<End> write_until_it_ends(net::TcpStream& stream) {
    const std::array<std::byte, 4096> some{};
    for (;;) {
        auto written = co_await stream.write_all(some);
        if (!written) co_return End{written.error().code()};
    }
}

struct Ends {
    std::array<End, 5> waiting{};
    std::array<End, 6> later{};
    bool is_second_read_the_end = false;
};

Task<Ends> lose_the_device() {
    auto udp = net::UdpSocket::bind(own(7000));
    auto listener = net::TcpListener::bind(own(7001));
    auto client = co_await net::TcpStream::connect(own(7001));
    auto server = co_await listener->accept();
    auto second_client = co_await net::TcpStream::connect(own(7001));
    auto second = co_await listener->accept();

    auto receiving = spawn(tests::end_of_receive(*udp));
    auto accepting = spawn(tests::end_of_accept(*listener));
    auto reading = spawn(tests::end_of_read(*client));
    auto writing = spawn(write_until_it_ends(*second_client));
    auto connecting = spawn(tests::end_of_connect(net::SocketAddr(net::IpAddr::v4(198, 18, 0, 9), 7001)));
    for (int i = 0; i < 100; ++i) co_await yield_to_driver();  // all of them wait, the writer for its peer to read

    rte_dev_event_callback_process("net_ring0", RTE_DEV_EVENT_REMOVE);
    Ends ends;
    ends.waiting = {*co_await receiving, *co_await accepting, *co_await reading, *co_await writing,
                    *co_await connecting};
    const std::array<std::byte, 1> byte{};
    auto sent = co_await udp->send_to(byte, own(7000));
    auto bound = net::UdpSocket::bind(own(7002));
    auto listening = net::TcpListener::bind(own(7003));
    ends.later = {co_await tests::end_of_receive(*udp),
                  co_await tests::end_of_accept(*listener),
                  end_of(sent),
                  end_of(bound),
                  end_of(listening),
                  co_await tests::end_of_connect(own(7001))};
    ends.is_second_read_the_end = (co_await tests::end_of_read(*client)).code == Errc::ok;
    co_return ends;
}

void check_all_end(const char* idle) {
    notices = 0;
    trace::set_notice_sink(
        [](std::string_view line) noexcept { notices += line.find("net_ring0") != line.npos ? 1 : 0; });
    Ends ends;
    {
        auto runtime = make_runtime(idle);
        if (!runtime) FAIL(runtime.error().message);
        ends = runtime->block_on(lose_the_device());
    }
    trace::set_notice_sink(nullptr);
    for (const End end : ends.waiting) CHECK(end.code == Errc::device_gone);
    for (const End end : ends.later) CHECK(end.code == Errc::device_gone);
    CHECK(ends.is_second_read_the_end);
    CHECK(notices == 1);
}

TEST_CASE("a device that is taken away ends what waits and refuses what comes later", "[integration][dpdk]") {
    check_all_end("spin");
}

TEST_CASE("a core that sleeps learns that its device is taken away", "[integration][dpdk]") { check_all_end("sleep"); }

Task<std::size_t> receive_frames() {
    std::array<rte_mbuf*, dpdk::burst_max> frames;
    auto port = *dpdk::Port::open(0);
    co_return co_await port.recv_burst(frames);
}

Task<std::array<std::size_t, 3>> lose_raw_frames() {
    auto waiting = spawn(receive_frames());
    for (int i = 0; i < 100; ++i) co_await yield_to_driver();
    rte_dev_event_callback_process("net_ring0", RTE_DEV_EVENT_REMOVE);
    const std::size_t first = *co_await waiting;
    const std::size_t later = co_await receive_frames();
    auto port = *dpdk::Port::open(0);
    rte_mbuf* frame = port.allocate();  // the pool stays, and gets it back
    co_return std::array{first, later, port.send_burst(std::span(&frame, 1))};
}

TEST_CASE("a receive of raw frames ends with none when the device is taken away", "[integration][dpdk]") {
    for (const char* idle : {"spin", "sleep"}) {
        auto runtime = make_runtime(idle, nullptr);
        if (!runtime) FAIL(runtime.error().message);
        CHECK(runtime->block_on(lose_raw_frames()) == std::array<std::size_t, 3>{0, 0, 1});
    }
}

}  // namespace
}  // namespace skerry
