// ctest: RUN_SERIAL TRUE
// Raw frames on the dpdk backend, over rings in this process: a net_ring device hands out what is sent to it. One EAL
// for all cases, because a process has but one; ordinary pages, so that nothing has to be set up.

#include "support/catch.hpp"

#include <skerry/dpdk/backend.hpp>
#include <skerry/dpdk/native.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/driver_waiters.hpp>
#include <skerry/sync/notify.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/task/yield.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using dpdk::Port;
using Frames = std::array<rte_mbuf*, dpdk::burst_max>;

constexpr const char* memory = ";hugepages=off;memory=128;mbufs=2047";

Result<runtime::Runtime, backend::SetupError> try_runtime(const std::string& devices, unsigned cores = 1,
                                                          const std::string& ip = {}) {
    runtime::Config config;
    config.backend = "dpdk";
    config.dpdk = devices + memory;
    config.ip = ip;
    config.pin = false;
    config.cores = topology::available_cpus().value().lowest(cores);
    config.flavour = cores == 1 ? runtime::Flavour::current_thread : runtime::Flavour::per_core;
    return runtime::Builder(config).offer(dpdk::make_backend()).build();
}

runtime::Runtime make_runtime(const std::string& devices, unsigned cores = 1, const std::string& ip = {}) {
    auto runtime = try_runtime(devices, cores, ip);
    if (!runtime) FAIL(runtime.error().message);
    return std::move(*runtime);
}

/// A frame whose bytes tell its number; null when the pool is empty.
rte_mbuf* make_frame(Port& port, std::uint32_t number, std::uint16_t length = 64) {
    rte_mbuf* const frame = port.allocate();
    if (frame == nullptr) return nullptr;
    auto* const data = rte_pktmbuf_append(frame, length);
    std::memset(data, static_cast<int>(number & 0xffU), length);
    std::memcpy(data, &number, sizeof number);
    return frame;
}

std::uint32_t number_of(const rte_mbuf& frame) {
    std::uint32_t number = 0;
    std::memcpy(&number, dpdk::bytes(frame).data(), sizeof number);
    return number;
}

/// Sends frames numbered from `first`; how many the port took. The rest is released.
std::size_t send_numbered(Port& port, std::uint32_t first, std::size_t count) {
    Frames frames;
    for (std::size_t i = 0; i < count; ++i) frames[i] = make_frame(port, first + static_cast<std::uint32_t>(i));
    const std::size_t sent = port.send_burst(std::span(frames).first(count));
    Port::release(std::span(frames).first(count).subspan(sent));
    return sent;
}

/// Notes the numbers of received frames and releases them.
void note(std::vector<std::uint32_t>& numbers, std::span<rte_mbuf*> frames) {
    for (const rte_mbuf* frame : frames) numbers.push_back(number_of(*frame));
    Port::release(frames);
}

Task<std::vector<std::uint32_t>> receive(Port port, std::size_t count, std::size_t slots = dpdk::burst_max) {
    Frames frames;
    std::vector<std::uint32_t> numbers;
    while (numbers.size() < count)
        note(numbers, std::span(frames).first(co_await port.recv_burst(std::span(frames).first(slots))));
    co_return numbers;
}

std::vector<std::uint32_t> numbers_from(std::uint32_t first, std::size_t count) {
    std::vector<std::uint32_t> numbers(count);
    for (std::size_t i = 0; i < count; ++i) numbers[i] = first + static_cast<std::uint32_t>(i);
    return numbers;
}

TEST_CASE("frames arrive in order and whole, whatever the size of the bursts", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    const auto numbers = runtime.block_on([]() -> Task<std::vector<std::uint32_t>> {
        Port port = *Port::open(0);
        auto receiving = spawn(receive(port, 1 + 7 + 31 + 32 + 33 + 64 + 3));
        co_await yield_to_driver();  // it waits now
        std::uint32_t next = 0;
        for (const std::size_t count : {1, 7, 31, 32, 33, 64, 3})
            next += static_cast<std::uint32_t>(send_numbered(port, next, count));
        co_return *co_await receiving;
    }());
    CHECK(numbers == numbers_from(0, 171));
}

TEST_CASE("a device that cuts no segments is refused where it is to", "[integration][dpdk][tso]") {
    const auto refused = try_runtime("vdev=net_ring0;tso=on", 1, "198.18.0.2/24");
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, Catch::Contains("net_ring0: tso=on: this device cuts no segments"));
}

TEST_CASE("a single frame leaves with the turn in which it was sent", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    const auto [before, after] = runtime.block_on([]() -> Task<std::pair<std::uint64_t, std::uint64_t>> {
        Port port = *Port::open(0);
        send_numbered(port, 0, 1);
        const std::uint64_t in_this_run = port.stats().tx_frames;
        co_await yield_to_driver();
        const std::uint64_t in_the_next = port.stats().tx_frames;
        (void)co_await receive(port, 1);
        co_return std::pair(in_this_run, in_the_next);
    }());
    CHECK(before == 0);
    CHECK(after == 1);
}

TEST_CASE("a full port takes some and leaves the rest to the caller", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    struct Seen {
        std::size_t sent = 0;
        std::vector<std::uint32_t> received;
    };
    const Seen seen = runtime.block_on([]() -> Task<Seen> {
        Port port = *Port::open(0);
        Seen s;
        for (;;) {
            const std::size_t sent = send_numbered(port, static_cast<std::uint32_t>(s.sent), dpdk::burst_max);
            s.sent += sent;
            if (sent != dpdk::burst_max) break;
        }
        s.received = co_await receive(port, s.sent);
        co_return s;
    }());
    CHECK(seen.sent > 512);
    CHECK(seen.sent < 2047);
    CHECK(seen.received == numbers_from(0, seen.sent));
}

/// Whether the notification came first; frames that came first are released.
Task<bool> receive_or_hear(Port port, sync::Notify* heard) {
    Frames frames;
    auto event = co_await select(port.recv_burst(frames), heard->notified());
    if (event.index() == 0) Port::release(std::span(frames).first(std::get<0>(event)));
    co_return event.index() == 1;
}

Task<> notify_of_frames(Port port, sync::Notify* heard) {
    (void)co_await receive(port, 40);
    heard->notify_one();
}

// One poll completes both receives, that of port 1 last, so its task runs first and notifies the other one, whose
// select then has frames in the branch that it drops.
Task<bool> cancel_a_filled_receive() {
    Port port = *Port::open(0);
    Port other = *Port::open(1);
    sync::Notify heard;
    auto loser = spawn(receive_or_hear(port, &heard));
    auto notifier = spawn(notify_of_frames(other, &heard));
    co_await yield_to_driver();  // both wait now
    send_numbered(port, 0, 40);
    send_numbered(other, 0, 40);
    const bool was_notified = *co_await loser;
    (void)co_await notifier;
    co_return was_notified;
}

TEST_CASE("a receive that is cancelled after it took frames loses none, and keeps their order",
          "[integration][dpdk][cancel]") {
    auto runtime = make_runtime("vdev=net_ring0;vdev=net_ring1");
    const auto numbers = runtime.block_on([]() -> Task<std::vector<std::uint32_t>> {
        if (!co_await cancel_a_filled_receive()) co_return std::vector<std::uint32_t>{};
        Port port = *Port::open(0);
        send_numbered(port, 40, 40);
        // Fewer slots than were given back: what is left over must stay ahead of what came later.
        co_return co_await receive(port, 80, 15);
    }());
    CHECK(numbers == numbers_from(0, 80));
}

TEST_CASE("an aborted receive that waits leaves the next frame for the next one", "[integration][dpdk][cancel]") {
    auto runtime = make_runtime("vdev=net_ring0");
    const auto numbers = runtime.block_on([]() -> Task<std::vector<std::uint32_t>> {
        Port port = *Port::open(0);
        auto first = spawn(receive(port, 1));
        co_await yield_to_driver();
        first.abort();
        (void)co_await first;
        send_numbered(port, 7, 1);
        co_return co_await receive(port, 1);
    }());
    CHECK(numbers == numbers_from(7, 1));
}

Task<> count_turns(std::uint64_t* turns) {
    for (;;) {
        ++*turns;
        co_await yield_now();
    }
}

TEST_CASE("a task whose frames are always there gives way within its budget", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    const auto [turns, numbers] = runtime.block_on([]() -> Task<std::pair<std::uint64_t, std::vector<std::uint32_t>>> {
        Port port = *Port::open(0);
        for (std::uint32_t i = 0; i < 16; ++i) send_numbered(port, i * 50, 50);
        std::uint64_t counted = 0;
        auto other = spawn(count_turns(&counted));
        auto received = co_await receive(port, 800, 1);
        const std::uint64_t meanwhile = counted;
        other.abort();
        (void)co_await other;
        co_return std::pair(meanwhile, std::move(received));
    }());
    CHECK(turns >= 5);  // 800 receives are six budgets of 128, the last of them not spent
    CHECK(numbers == numbers_from(0, 800));
}

eth_rx_burst_t receive_any = nullptr;  // of the device

/// As drivers do that take eight frames with one instruction.
std::uint16_t receive_by_eights(void* queue, rte_mbuf** frames, std::uint16_t room) {
    return room < 8 ? std::uint16_t{0} : receive_any(queue, frames, static_cast<std::uint16_t>(room / 8 * 8));
}

TEST_CASE("a receive with few slots finds what the device hands out by eights", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    const auto numbers = runtime.block_on([]() -> Task<std::vector<std::uint32_t>> {
        Port port = *Port::open(0);
        auto& device = rte_eth_fp_ops[port.port_id()].rx_pkt_burst;
        receive_any = std::exchange(device, &receive_by_eights);
        send_numbered(port, 0, 40);
        std::vector<std::uint32_t> received;
        for (const std::size_t slots : {1, 3, 7, 8, 9})
            for (const std::uint32_t number : co_await receive(port, slots, slots)) received.push_back(number);
        for (const std::uint32_t number : co_await receive(port, 40 - received.size())) received.push_back(number);
        device = receive_any;
        co_return received;
    }());
    CHECK(numbers == numbers_from(0, 40));
}

TEST_CASE("an empty pool is counted, and frames that are released are there again", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    struct Seen {
        dpdk::PortStats at_start, empty, at_end;
        bool bulk_refused = false;
        bool one_refused = false;
        std::size_t allocated = 0;
    };
    const Seen seen = runtime.block_on([]() -> Task<Seen> {
        Port port = *Port::open(0);
        Seen s;
        s.at_start = port.stats();
        std::vector<rte_mbuf*> frames;
        while (rte_mbuf* frame = port.allocate()) frames.push_back(frame);
        s.one_refused = port.allocate() == nullptr;
        Frames bulk;
        s.bulk_refused = !port.allocate(std::span<rte_mbuf*>(bulk));
        s.empty = port.stats();
        s.allocated = frames.size();
        Port::release(frames);
        s.at_end = port.stats();
        co_return s;
    }());
    CHECK(seen.at_start.pool_size == 2047);
    CHECK(seen.at_start.pool_free == 2047);
    CHECK(seen.allocated == 2047);
    CHECK(seen.one_refused);
    CHECK(seen.bulk_refused);
    CHECK(seen.empty.pool_free == 0);
    CHECK(seen.empty.no_buffers == 3);
    CHECK(seen.at_end.pool_free == 2047);
}

TEST_CASE("every frame has room for the library's descriptor behind its rte_mbuf", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    const std::uint16_t room =
        runtime.block_on([]() -> Task<std::uint16_t> { co_return rte_pktmbuf_priv_size(Port::open(0)->pool()); }());
    CHECK(room >= 64);
}

Task<> start_receiving() {
    spawn(receive(*Port::open(0), 1)).detach();
    co_return;
}

TEST_CASE("a loop outside is told to come back within a millisecond while a task waits for frames",
          "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    runtime.poll_once();
    CHECK(runtime.poll_once() == time::Instant::max());
    runtime.block_on(start_receiving());
    runtime.poll_once();
    const time::Instant due = runtime.poll_once();
    CHECK(due <= time::Instant::now() + std::chrono::milliseconds{1});
}

TEST_CASE("a loop outside is told to come back within a millisecond while a core has sockets", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0", 1, "198.18.0.2/24");
    runtime.poll_once();
    const time::Instant due = runtime.poll_once();
    CHECK(due <= time::Instant::now() + std::chrono::milliseconds{1});
}

Task<> send_until_full(bool* is_left) {
    Port port = *Port::open(0);
    while (send_numbered(port, 0, dpdk::burst_max) == dpdk::burst_max) {
    }
    *is_left = send_numbered(port, 0, 1) == 1;  // it waits for the end of the turn, and longer
    co_return;
}

TEST_CASE("a core sleeps while a port takes nothing, for a millisecond at most", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    bool is_left = false;
    runtime.block_on(send_until_full(&is_left));
    REQUIRE(is_left);
    runtime.poll_once();
    const time::Instant before = time::Instant::now();
    const time::Instant due = runtime.poll_once();
    CHECK(due >= before + std::chrono::microseconds{50});
    CHECK(due <= time::Instant::now() + std::chrono::milliseconds{1});
}

TEST_CASE("a port tells its name, address, link and counters", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    struct Seen {
        std::string name;
        dpdk::Link link;
        dpdk::PortStats stats;
        std::vector<dpdk::DeviceCounter> counters;
    };
    const Seen seen = runtime.block_on([]() -> Task<Seen> {
        Port port = *Port::open(0);
        send_numbered(port, 0, 40);
        (void)co_await receive(port, 40);
        co_return Seen{port.name(), port.link(), port.stats(), port.device_counters()};
    }());
    CHECK(seen.name == "net_ring0");
    CHECK(seen.link.up);
    CHECK(seen.stats.rx_frames == 40);
    CHECK(seen.stats.tx_frames == 40);
    const auto named = [&](std::string_view name) {
        for (const auto& counter : seen.counters)
            if (counter.name == name) return counter.value;
        return std::uint64_t{0};
    };
    CHECK(named("rx_good_packets") == 40);
}

TEST_CASE("sockets and ports that are not there say so", "[integration][dpdk]") {
    auto runtime = make_runtime("vdev=net_ring0");
    const net::SocketAddr address(net::IpAddr::v4_loopback(), 0);
    const auto errors = runtime.block_on([](net::SocketAddr to) -> Task<std::array<Error, 4>> {
        auto listener = net::TcpListener::bind(to);
        auto socket = net::UdpSocket::bind(to);
        auto stream = co_await net::TcpStream::connect(to);
        auto port = Port::open(1);
        co_return std::array<Error, 4>{listener ? Error() : listener.error(), socket ? Error() : socket.error(),
                                       stream ? Error() : stream.error(), port ? Error() : port.error()};
    }(address));
    CHECK(errors[0] == Errc::unsupported);
    CHECK(errors[1] == Errc::unsupported);
    CHECK(errors[2] == Errc::unsupported);
    CHECK(errors[3] == Errc::not_found);
    CHECK(Port::open(0).error() == Errc::unsupported);  // no core
}

Task<std::vector<std::uint32_t>> echo_own(std::uint32_t base) {
    const std::uint32_t first = base + 1'000U * this_core().index;
    Port port = *Port::open(0);
    send_numbered(port, first, 40);
    co_return co_await receive(port, 40);
}

Task<unsigned> queue_here() { co_return Port::open(0)->queue_id(); }

TEST_CASE("each core has a queue pair of its own", "[integration][dpdk]") {
    if (topology::available_cpus().value().count() < 2) {
        WARN("this machine has one CPU: not looked at");
        return;
    }
    auto runtime = make_runtime("vdev=net_ring0", 2);
    const auto received = runtime.block_on([]() -> Task<std::vector<std::vector<std::uint32_t>>> {
        std::vector<std::vector<std::uint32_t>> all;
        auto running = on_each_core(&echo_own, std::uint32_t{0});
        for (auto& core : running) all.push_back(*co_await core);
        co_return all;
    }());
    const auto queues = runtime.block_on([]() -> Task<std::vector<unsigned>> {
        std::vector<unsigned> all;
        auto running = on_each_core(&queue_here);
        for (auto& core : running) all.push_back(*co_await core);
        co_return all;
    }());
    CHECK(queues == std::vector<unsigned>{0, 1});
    REQUIRE(received.size() == 2);
    CHECK(received[0] == numbers_from(0, 40));
    CHECK(received[1] == numbers_from(1'000, 40));
}

TEST_CASE("two runtimes of a process have different devices, and one after the other the same", "[integration][dpdk]") {
    auto first = make_runtime("vdev=net_ring0");
    auto second = make_runtime("vdev=net_ring1");
    CHECK(first.block_on(echo_own(0)) == numbers_from(0, 40));
    CHECK(second.block_on(echo_own(100)) == numbers_from(100, 40));
    const auto third = try_runtime("vdev=net_ring0");
    REQUIRE_FALSE(third);
    CHECK(third.error().message.find("net_ring0: another runtime of this process has it open") != std::string::npos);
    first.shutdown(std::chrono::seconds{5});
    auto fourth = make_runtime("vdev=net_ring0");
    CHECK(fourth.block_on(echo_own(0)) == numbers_from(0, 40));
}

TEST_CASE("frames that are under way when the runtime ends go back to their pools", "[integration][dpdk]") {
    // In the device's queue, in the turn's batch, given back by a cancelled receive: in debug builds the pool looks.
    auto runtime = make_runtime("vdev=net_ring0;vdev=net_ring1");
    runtime.block_on([]() -> Task<> {
        Port port = *Port::open(0);
        Port other = *Port::open(1);
        if (!co_await cancel_a_filled_receive()) std::abort();
        send_numbered(port, 40, 64);
        send_numbered(other, 0, 5);
        Frames frames;
        for (auto& frame : std::span(frames).first(40)) frame = make_frame(port, 0);
        if (other.send_burst(std::span(frames).first(40)) != 40) std::abort();  // of the other port's pool
    }());
    CHECK(runtime.shutdown(std::chrono::seconds{5}).is_clean());
}

// Of the thread of main(), before it started EAL and after.
std::string affinity_before;
std::string affinity_after;

TEST_CASE("starting EAL leaves the affinity of the thread that does it alone", "[integration][dpdk]") {
    CHECK_FALSE(affinity_before.empty());
    CHECK(affinity_after == affinity_before);
}

TEST_CASE("EAL leaves no folder behind", "[integration][dpdk]") {
    const auto runtime = make_runtime("vdev=net_ring0");
    const std::string name = "dpdk/skerry-" + std::to_string(::getpid());
    for (const char* place : {"/var/run/", "/tmp/"}) CHECK_FALSE(std::filesystem::exists(place + name));
}

TEST_CASE("auto passes over dpdk when no device is configured", "[integration][dpdk]") {
    runtime::Config config;
    config.pin = false;
    std::string log;
    const auto runtime = runtime::Builder(config)
                             .offer(dpdk::make_backend())
                             .on_log([&log](std::string_view line) { log += std::string(line) + "\n"; })
                             .build();
    CHECK_FALSE(runtime);
    CHECK(log.find("backend dpdk: passed over: no device is configured") != std::string::npos);
}

TEST_CASE("what cannot be opened is one line with its name", "[integration][dpdk]") {
    const std::pair<const char*, const char*> refused[] = {
        {"vdev=net_nosuch0", "dpdk: net_nosuch0: DPDK knows no such kind of device; kinds are for instance"},
        {"vdev=net_pcap0,rx_pcap=/nonexistent", "dpdk: net_pcap0: DPDK cannot open this device; see its arguments: "},
        {"vdev=net_memif0,role=sever", "dpdk: net_memif0: DPDK cannot open this device; see its arguments: "},
        {"pci=ffff:1f:1f.7", "the first runtime of this process had no PCI device"},
    };
    for (const auto& [devices, words] : refused) {
        const auto runtime = try_runtime(devices);
        REQUIRE_FALSE(runtime);
        INFO(runtime.error().message);
        CHECK(runtime.error().message.find(words) != std::string::npos);
        CHECK(runtime.error().message.find('\n') == std::string::npos);
    }
}

/// Empty, or why no runtime can be made.
std::string start_eal() {
    affinity_before = topology::affinity().value().to_string();
    const auto first = try_runtime("vdev=net_ring0");
    affinity_after = topology::affinity().value().to_string();
    return first ? std::string() : first.error().message;
}

}  // namespace
}  // namespace skerry

int main(int argc, char** argv) {
    const std::string failure = skerry::start_eal();
    if (failure.find("EAL does not start") != std::string::npos) {
        std::printf("skipped: %s\n", failure.c_str());
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
