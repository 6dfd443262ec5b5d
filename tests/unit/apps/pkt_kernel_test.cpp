// The kernel as a machine under test. Where a network namespace cannot be made the cases are skipped with the reason.

#include "pkt/kernel/kernel_system.hpp"
#include "pkt/kernel/own_chatter.hpp"
#include "pkt/kernel/tcp_info_layout.hpp"
#include "pkt/run/live_packet.hpp"

#include "support/catch.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace skerry::pkt;

SystemConfig config_v4() {
    SystemConfig config;
    config.local = net::IpAddr::v4(192, 168, 0, 1);
    config.gateway = net::IpAddr::v4(192, 168, 0, 2);
    return config;
}

SystemConfig config_v6() {
    SystemConfig config;
    config.local = *net::IpAddr::parse("fd3d:fa7b:d17d::1");
    config.gateway = *net::IpAddr::parse("fd3d:fa7b:d17d::2");
    config.prefix_bits = 48;
    return config;
}

std::vector<std::byte> bytes_of(std::string_view text) {
    const auto* const begin = reinterpret_cast<const std::byte*>(text.data());
    return {begin, begin + text.size()};
}

/// A kernel, and by hand the other end of its wire.
class Bench {
public:
    explicit Bench(const SystemConfig& config = config_v4()) : config_(config) {
        auto made = make_kernel_system(config);
        if (made)
            system_ = std::move(*made);
        else
            WARN("skipped: " << made.error().reason);
        far = {config.local.is_v4() ? net::IpAddr::v4(192, 0, 2, 1) : *net::IpAddr::parse("2001:db8::1"), 40'000};
        own = {config.local, 8080};
    }

    [[nodiscard]] explicit operator bool() const { return system_ != nullptr; }
    System* operator->() const { return system_.get(); }
    [[nodiscard]] SocketCalls& calls() const { return system_->calls(); }
    [[nodiscard]] int domain() const { return config_.local.is_v4() ? AF_INET : AF_INET6; }
    [[nodiscard]] int stream() const { return opened(calls().socket(domain(), SOCK_STREAM, 0)); }

    static int opened(const Call& call) {
        REQUIRE(call.is_done());
        REQUIRE(call.value() >= 0);
        return static_cast<int>(call.value());
    }

    /// Lets time go on until it is so. The limit is only met by a machine that does not do it at all.
    void until(const std::function<bool()>& is_so) const {
        const time::Instant limit = system_->now() + 10s;
        while (!is_so() && system_->now() < limit) system_->pass(limit);
        REQUIRE(is_so());
    }

    /// The next packet that left.
    LivePacket next() {
        until([this] {
            for (SentPacket& packet : system_->take_sent()) left_.push_back(std::move(packet));
            return !left_.empty();
        });
        last = left_.front();
        left_.erase(left_.begin());
        auto packet = read_packet(last.bytes);
        REQUIRE(packet);
        return *packet;
    }

    void come(std::uint16_t flags, std::uint32_t seq, std::uint32_t ack, std::string_view text = {}) const {
        LivePacket packet;
        packet.source = far.ip();
        packet.destination = own.ip();
        packet.source_port = far.port();
        packet.destination_port = own.port();
        packet.flags = flags;
        packet.seq = seq;
        packet.ack = ack;
        packet.window = 65'535;
        packet.payload = bytes_of(text);
        REQUIRE_FALSE(system_->inject(to_bytes(packet)));
    }

    /// A listener on own's port.
    [[nodiscard]] int listening() const {
        const int fd = stream();
        REQUIRE(calls().bind(fd, own).value() == 0);
        REQUIRE(calls().listen(fd, 1).value() == 0);
        return fd;
    }
    /// The peer connects; its next number is 1, that of the kernel the answer.
    std::uint32_t shake() {
        come(tcp_bit::syn, 0, 0);
        const LivePacket answer = next();
        REQUIRE(answer.flags == (tcp_bit::syn | tcp_bit::ack));
        come(tcp_bit::ack, 1, answer.seq + 1);
        return answer.seq + 1;
    }

    net::SocketAddr far;
    net::SocketAddr own;
    SentPacket last;

private:
    SystemConfig config_;
    std::unique_ptr<System> system_;
    std::vector<SentPacket> left_;
};

std::size_t entries_of(const char* folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
    return count;
}

std::string own_namespace() { return std::filesystem::read_symlink("/proc/thread-self/ns/net").string(); }

// --- the wire

TEST_CASE("a datagram leaves a kernel under test with its bytes", "[apps][pkt][kernel]") {
    const bool is_v6 = GENERATE(false, true);
    Bench bench(is_v6 ? config_v6() : config_v4());
    if (!bench) return;
    const int fd = Bench::opened(bench.calls().socket(bench.domain(), SOCK_DGRAM, 0));
    REQUIRE(bench.calls().bind(fd, bench.own).value() == 0);
    const time::Instant before = bench->now();
    CHECK(bench.calls().send(fd, bytes_of("hello"), 0, bench.far).value() == 5);
    const LivePacket packet = bench.next();
    CHECK(packet.is_udp());
    CHECK(packet.source == bench.own.ip());
    CHECK(packet.source_port == bench.own.port());
    CHECK(packet.destination == bench.far.ip());
    CHECK(packet.destination_port == bench.far.port());
    CHECK(packet.payload == bytes_of("hello"));
    CHECK(bench.last.at >= before);
    CHECK(bench.last.at <= bench->now());
    CHECK(before >= bench->start());
}

TEST_CASE("a kernel under test takes no packet that is not IP", "[apps][pkt][kernel]") {
    Bench bench;
    if (!bench) return;
    CHECK(bench->inject(bytes_of("\x10 neither 4 nor 6, in spite of its length")));
}

TEST_CASE("a packet that a kernel sends by itself is no script's", "[apps][pkt][kernel]") {
    LivePacket packet;
    packet.source = packet.destination = net::IpAddr::v4(192, 0, 2, 1);
    CHECK(kernel::is_of_scripts(to_bytes(packet), net::IpFamily::v4));
    CHECK_FALSE(kernel::is_of_scripts(to_bytes(packet), net::IpFamily::v6));
    std::vector<std::byte> membership = to_bytes(packet);
    membership[9] = std::byte{IPPROTO_IGMP};
    CHECK_FALSE(kernel::is_of_scripts(membership, net::IpFamily::v4));
    CHECK_FALSE(kernel::is_of_scripts({}, net::IpFamily::v4));

    packet.source = packet.destination = *net::IpAddr::parse("2001:db8::1");
    CHECK(kernel::is_of_scripts(to_bytes(packet), net::IpFamily::v6));
    packet.protocol = protocol::icmp_v6;
    packet.icmp_type = 1;  // unreachable
    CHECK(kernel::is_of_scripts(to_bytes(packet), net::IpFamily::v6));
    packet.icmp_type = static_cast<std::uint8_t>(GENERATE(130, 133, 135, 137, 143));
    CHECK_FALSE(kernel::is_of_scripts(to_bytes(packet), net::IpFamily::v6));
}

// --- calls

TEST_CASE("a kernel's connect ends with the handshake", "[apps][pkt][kernel]") {
    const bool is_v6 = GENERATE(false, true);
    Bench bench(is_v6 ? config_v6() : config_v4());
    if (!bench) return;
    const int fd = bench.stream();
    REQUIRE(bench.calls().bind(fd, bench.own).value() == 0);
    const Call call = bench.calls().connect(fd, bench.far);
    CHECK_FALSE(call.is_done());
    const LivePacket syn = bench.next();
    CHECK(syn.flags == tcp_bit::syn);
    CHECK_FALSE(call.is_done());
    const time::Instant before = bench->now();
    bench.come(tcp_bit::syn | tcp_bit::ack, 0, syn.seq + 1);
    const LivePacket ack = bench.next();
    CHECK(ack.flags == tcp_bit::ack);
    CHECK(ack.ack == 1);
    bench.until([&] { return call.is_done(); });
    CHECK(call.value() == 0);
    CHECK(call.began() < before);
    CHECK(call.ended() >= before);
}

TEST_CASE("a kernel's accept waits for the peer", "[apps][pkt][kernel]") {
    Bench bench;
    if (!bench) return;
    const int door = bench.listening();
    const Call call = bench.calls().accept(door, 0);
    CHECK_FALSE(call.is_done());
    const std::uint32_t own_seq = bench.shake();
    bench.until([&] { return call.is_done(); });
    const int fd = Bench::opened(call);
    CHECK(call.output().address == bench.far);
    CHECK(bench.calls().getsockname(fd).output().address == bench.own);
    bench.come(tcp_bit::psh | tcp_bit::ack, 1, own_seq, "hello");
    const Call read = bench.calls().read(fd, 100);
    bench.until([&] { return read.is_done(); });
    CHECK(read.value() == 5);
    CHECK(read.output().data == bytes_of("hello"));
}

TEST_CASE("while one call waits another one can be made", "[apps][pkt][kernel]") {
    Bench bench;
    if (!bench) return;
    const int door = bench.listening();
    const Call first = bench.calls().accept(door, 0);
    const Call second = bench.calls().poll({{door, POLLIN, 0}}, -1);
    const Call third = bench.calls().getsockname(door);
    CHECK_FALSE(first.is_done());
    CHECK_FALSE(second.is_done());
    CHECK(third.is_done());
    bench.shake();
    bench.until([&] { return first.is_done(); });
    CHECK(first.value() >= 0);
}

TEST_CASE("a kernel under test has no descriptors but the script's", "[apps][pkt][kernel]") {
    Bench bench;
    if (!bench) return;
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    CHECK(bench.calls().close(pipe[0]).error() == EBADF);
    CHECK(bench.calls().write(pipe[1], bytes_of("x")).error() == EBADF);
    CHECK(bench.calls().poll({{pipe[1], POLLOUT, 0}}, 0).output().polled.at(0).revents == POLLNVAL);
    CHECK(::fcntl(pipe[0], F_GETFD) >= 0);
    ::close(pipe[0]);
    ::close(pipe[1]);
    const int fd = bench.stream();
    const int twin = Bench::opened(bench.calls().dup(fd));
    CHECK(bench.calls().close(fd).value() == 0);
    CHECK(bench.calls().close(fd).error() == EBADF);
    CHECK(bench.calls().fcntl(twin, F_GETFL, 0).value() == O_RDWR);
}

TEST_CASE("a kernel's poll and epoll tell who is ready", "[apps][pkt][kernel]") {
    Bench bench;
    if (!bench) return;
    const int door = bench.listening();
    const int set = Bench::opened(bench.calls().epoll_create1(0));
    REQUIRE(bench.calls().epoll_ctl(set, EPOLL_CTL_ADD, door, {EPOLLIN, 42}).value() == 0);
    CHECK(bench.calls().epoll_wait(set, 8, 0).value() == 0);
    bench.shake();
    const Call waited = bench.calls().epoll_wait(set, 8, -1);
    bench.until([&] { return waited.is_done(); });
    REQUIRE(waited.output().events.size() == 1);
    CHECK(waited.output().events[0].events == EPOLLIN);
    CHECK(waited.output().events[0].data == 42);
    const Call polled = bench.calls().poll({{door, POLLIN, 0}}, 0);
    CHECK(polled.value() == 1);
    CHECK(polled.output().polled.at(0).revents == POLLIN);
}

// --- options

TEST_CASE("a kernel's socket options have their forms", "[apps][pkt][kernel]") {
    Bench bench;
    if (!bench) return;
    const int fd = bench.stream();
    const auto set = [&](int level, int name, const OptionValue& value) {
        return bench.calls().setsockopt(fd, level, name, value).value();
    };
    const auto get = [&](int level, int name) { return bench.calls().getsockopt(fd, level, name).output().option; };
    CHECK(set(IPPROTO_TCP, TCP_NODELAY, 1) == 0);
    CHECK(std::get<int>(get(IPPROTO_TCP, TCP_NODELAY)) == 1);
    CHECK(set(SOL_SOCKET, SO_LINGER, Linger{true, 7}) == 0);
    CHECK(std::get<Linger>(get(SOL_SOCKET, SO_LINGER)) == Linger{true, 7});
    CHECK(set(IPPROTO_TCP, TCP_CONGESTION, std::string("reno")) == 0);
    CHECK(std::get<std::string>(get(IPPROTO_TCP, TCP_CONGESTION)) == "reno");
    CHECK(bench.calls().getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO).unsupported() != nullptr);
    CHECK(bench.calls().setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, std::monostate{}).unsupported() != nullptr);
}

TEST_CASE("TCP_INFO of a kernel tells of the connection", "[apps][pkt][kernel]") {
    Bench bench;
    if (!bench) return;
    const int door = bench.listening();
    bench.shake();
    const Call accepted = bench.calls().accept(door, 0);
    bench.until([&] { return accepted.is_done(); });
    REQUIRE(bench.calls().write(Bench::opened(accepted), bytes_of("1234567")).value() == 7);
    const Call call = bench.calls().getsockopt(Bench::opened(accepted), IPPROTO_TCP, TCP_INFO);
    const auto info = std::get<TcpInfoFields>(call.output().option);
    CHECK(info.find("tcpi_state") == TCP_ESTABLISHED);
    CHECK(info.find("tcpi_unacked") == 1);
    CHECK(info.find("tcpi_snd_mss") == 536);  // the peer's SYN had no option
    CHECK(info.find("tcpi_options") == 0);
    CHECK(info.find("tcpi_bytes_sent") == 7);
    CHECK(info.find("tcpi_snd_wnd") == 65'535);
    CHECK_FALSE(info.find("tcpi_color"));
}

TEST_CASE("of a short TCP_INFO only the fields that are there are told", "[apps][pkt][kernel]") {
    const std::vector<std::byte> told(10, std::byte{0x21});
    const TcpInfoFields info = kernel::info_fields(told);
    CHECK(info.find("tcpi_options") == 0x21);
    CHECK(info.find("tcpi_snd_wscale") == 1);
    CHECK(info.find("tcpi_rcv_wscale") == 2);
    CHECK(info.find("tcpi_delivery_rate_app_limited") == 1);
    CHECK_FALSE(info.find("tcpi_rto"));
}

// --- from outside

TEST_CASE("a kernel's connections are listed and dropped", "[apps][pkt][kernel]") {
    Bench bench;
    if (!bench) return;
    const int door = bench.listening();
    CHECK(bench->connections().empty());
    bench.shake();
    const auto all = bench->connections();
    REQUIRE(all.size() == 1);
    CHECK(all[0].local == bench.own);
    CHECK(all[0].remote == bench.far);
    CHECK(all[0].state == backend::TcpState::established);
    CHECK_FALSE(bench->drop(bench.own, bench.far.with_port(1)));
    if (!bench->drop(bench.own, bench.far)) {
        WARN("skipped: this kernel drops no connections");
        return;
    }
    CHECK(bench.next().has(tcp_bit::rst));
    CHECK(bench->connections().empty());
    CHECK(bench.calls().listen(door, 1).value() == 0);
}

TEST_CASE("a kernel under test takes its own settings", "[apps][pkt][kernel]") {
    Bench bench;
    if (!bench) return;
    CHECK_FALSE(bench->set("net.ipv4.tcp_sack", "0"));
    CHECK_FALSE(bench->set("net.ipv4.tcp_rmem", "4096 131072 6291456"));
    const auto reason = [&](std::string_view name, std::string_view value) {
        const auto refused = bench->set(name, value);
        REQUIRE(refused);
        return refused->reason;
    };
    CHECK(reason("net.ipv4.tcp_no_such_thing", "1") ==
          "net.ipv4.tcp_no_such_thing: no such setting in a namespace of this kernel");
    CHECK(reason("net.inet.tcp.rfc1323", "1") == "net.inet.tcp.rfc1323: a setting of FreeBSD");
    CHECK(reason("kernel.pid_max", "1") == "kernel.pid_max: not a setting of the network");
    CHECK(reason("net./../kernel.pid_max", "1") == "net./../kernel.pid_max: not a setting of the network");
    CHECK(reason("net.ipv4.tcp_sack", "many") == "net.ipv4.tcp_sack = many: Invalid argument");
}

TEST_CASE("a setting of a kernel under test is gone with it", "[apps][pkt][kernel]") {
    Bench first;
    if (!first) return;
    REQUIRE_FALSE(first->set("net.ipv4.tcp_window_scaling", "0"));
    const auto syn_options = [](Bench& bench) {
        const int fd = bench.stream();
        const Call call = bench.calls().connect(fd, bench.far);
        return bench.next().options;
    };
    const auto is_scale = [](const LiveOption& option) { return option.kind == tcp_kind::window_scale; };
    const auto without = syn_options(first);
    CHECK(std::none_of(without.begin(), without.end(), is_scale));
    Bench second;
    const auto with = syn_options(second);
    CHECK(std::any_of(with.begin(), with.end(), is_scale));
}

TEST_CASE("a kernel is no machine of another profile", "[apps][pkt][kernel]") {
    SystemConfig config = config_v4();
    config.profile = GENERATE(Profile::freebsd, Profile::lowlat);
    CHECK_FALSE(make_kernel_system(config));
}

TEST_CASE("a kernel that cannot have the address says so", "[apps][pkt][kernel]") {
    if (const Bench bench; !bench) return;
    SystemConfig config = config_v4();
    config.prefix_bits = 33;
    const auto made = make_kernel_system(config);
    REQUIRE_FALSE(made);
    CHECK(made.error().reason == "address 192.168.0.1/33: Invalid argument");
}

// --- what is left

TEST_CASE("kernels under test leave no thread, no descriptor and no namespace behind", "[apps][pkt][kernel]") {
    const std::string home = own_namespace();
    if (const Bench first; !first) return;
    const std::size_t files = entries_of("/proc/self/fd");
    const std::size_t threads = entries_of("/proc/self/task");
    for (int i = 0; i < 50; ++i) {
        Bench bench;
        REQUIRE(bench);
        const int door = bench.listening();
        const Call accepting = bench.calls().accept(door, 0);
        const Call polling = bench.calls().poll({}, -1);
        const int fd = bench.stream();
        const Call connecting = bench.calls().connect(fd, bench.far);
        CHECK_FALSE(accepting.is_done());
        CHECK_FALSE(polling.is_done());
        CHECK_FALSE(connecting.is_done());
        CHECK(own_namespace() == home);
    }
    CHECK(entries_of("/proc/self/fd") == files);
    CHECK(entries_of("/proc/self/task") == threads);
    CHECK(own_namespace() == home);
}

}  // namespace
}  // namespace skerry
