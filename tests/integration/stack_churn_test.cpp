// ctest: TIMEOUT 300
// Connections and datagrams that come and go between hosts that live on, by IPv4 and IPv6, over a wire that loses,
// doubles, reorders, spoils and marks, and is cut for minutes, beside a host that crashes: what the process and each
// stack hold stays flat, and when all is over nothing is left.
//
//     SKERRY_CHURN_SECONDS=3600 integration_stack_churn    so long, by the machine's clock; time on the wire is virtual
//
// Without, it is a minute on the wire, after which only what must be empty is looked at: a trend needs more samples.
// Flat means: behind a warm-up of a quarter of the samples the median of the last third is not above that of the first
// third by more than the tolerance, which is what those two may differ by chance; a leak of one frame, connection or
// entry in a thousand sessions is above it after ten minutes.

#include "support/catch.hpp"

#include "support/seed_runs.hpp"

#include <skerry/base/huge_pages.hpp>
#include <skerry/net/send_buffer.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/core_stats.hpp>
#include <skerry/stack/long_frame.hpp>
#include <skerry/stack/stack.hpp>
#include <skerry/task/join.hpp>
#include <skerry/testing/simulation.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t talk_port = 80;
constexpr std::uint16_t echo_port = 7;
constexpr std::uint16_t closed_port = 9;
constexpr int active_max = 150;  // sessions of one client
constexpr auto round_time = 10s;
constexpr int rounds_by_default = 6;

double kib(std::size_t bytes) { return static_cast<double>(bytes) / 1024; }

double resident_kib() {
    std::size_t all = 0;
    std::size_t resident = 0;
    std::ifstream("/proc/self/statm") >> all >> resident;
    return kib(resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
}

double heap_kib() {
    const struct mallinfo2 info = mallinfo2();
    return kib(info.uordblks + info.hblkhd + aligned_bytes());
}

/// What is sampled, and by how much it may grow: absolutely, or as a share of what it was. Its own memory is all there
/// from the start: samples that pile up would be the growth that is looked for.
class Trend {
public:
    Trend(std::string name, double absolute, double share)
        : name_(std::move(name)), absolute_(absolute), share_(share) {}

    void add(double value) {
        most_ = std::max(most_, value);
        if (seen_++ % stride_ != 0) return;
        if (kept_ == values_.size()) thin_out();
        values_[kept_++] = value;
    }

    /// Prints it. Whether it is flat.
    [[nodiscard]] bool judge() const {
        const auto behind_warm_up = std::span(values_).first(kept_).subspan(kept_ / 4);
        const std::size_t third = behind_warm_up.size() / 3;
        if (third == 0) return true;
        const double first = median(behind_warm_up.first(third));
        const double last = median(behind_warm_up.last(third));
        const double allowed = std::max(absolute_, first * share_);
        const bool is_flat = last <= first + allowed;
        std::printf("  %-28s %12.0f %12.0f   most %12.0f   allowed: +%.0f   %s\n", name_.c_str(), first, last, most_,
                    allowed, is_flat ? "ok" : "NOT FLAT");
        return is_flat;
    }

private:
    [[nodiscard]] static double median(std::span<const double> values) {
        std::vector<double> sorted(values.begin(), values.end());
        std::sort(sorted.begin(), sorted.end());
        return sorted[sorted.size() / 2];
    }

    void thin_out() {
        kept_ /= 2;
        stride_ *= 2;
        for (std::size_t i = 0; i < kept_; ++i) values_[i] = values_[2 * i];
    }

    std::string name_;
    double absolute_;
    double share_;
    double most_ = 0;
    std::size_t seen_ = 0;
    std::size_t kept_ = 0;
    std::size_t stride_ = 1;  // every so many-th is kept
    std::vector<double> values_ = std::vector<double>(4096);
};

/// What one host holds.
class HostTrends {
public:
    explicit HostTrends(testing::Host& host) : host_(host) {
        for (const auto& [what, absolute, share] : limits)
            trends_.emplace_back(host.name() + " " + what, absolute, share);
    }

    void sample() {
        stack::Stack& stack = host_.stack();
        const stack::tcp::Sizes tcp = stack.tcp().sizes();
        const std::uint64_t sockets =
            host_.run([]() -> Task<std::uint64_t> { co_return runtime::core_stats().sockets.open; });
        const std::array<std::size_t, limits.size()> now{tcp.connections,
                                                         tcp.half_open,
                                                         tcp.time_wait,
                                                         tcp.orphans,
                                                         stack.tcp().frames_kept(),
                                                         host_.frames_out(),
                                                         stack.neighbours().size(),
                                                         stack.hosts().size(),
                                                         stack.reassembly().datagrams(),
                                                         host_.live_tasks(),
                                                         sockets};
        for (std::size_t i = 0; i < now.size(); ++i) trends_[i].add(static_cast<double>(now[i]));
    }
    [[nodiscard]] bool judge() const {
        bool are_flat = true;
        for (const Trend& trend : trends_) are_flat &= trend.judge();
        return are_flat;
    }

private:
    struct Limit {
        const char* what;
        double absolute;
        double share;
    };
    static constexpr std::array<Limit, 11> limits{{{"connections", 60, 0.25},
                                                   {"half-open", 20, 0.25},
                                                   {"TIME-WAIT", 100, 0.15},
                                                   {"orphans", 60, 0.25},
                                                   {"frames kept by TCP", 150, 0.5},
                                                   {"frames out", 200, 0.5},
                                                   {"neighbours", 4, 0.1},
                                                   {"IPv6 addresses", 8, 0.25},
                                                   {"datagrams in pieces", 60, 0.5},
                                                   {"tasks", 100, 0.25},
                                                   {"sockets", 60, 0.25}}};

    testing::Host& host_;
    std::vector<Trend> trends_;
};

class Churn {
public:
    Churn() : sim_({.seed = 7, .link = some_link(), .stack = some_stack()}) {}

    void go(std::chrono::seconds time) {
        const auto until = std::chrono::steady_clock::now() + time;
        for (int round = 0; time > 0s ? std::chrono::steady_clock::now() < until : round < rounds_by_default; ++round) {
            trouble(round);
            sim_.run_for(round_time);
            if (!mortal_.is_up()) mortal_.restart();
            sample();
        }
    }

    void tell() const {
        const testing::WireCounters& wire = sim_.wire();
        std::printf(
            "%.0f s on the wire: %llu sessions, %llu of them ended by a time-out; %llu bytes heard, %llu datagrams\n"
            "%llu frames: %llu lost, %llu cut off, %llu doubled, %llu reordered, %llu spoilt, %llu marked\n"
            "medians of the first and last third behind the warm-up\n",
            static_cast<double>(sim_.elapsed().count()) / 1e9, of(sessions_), of(timed_out_), of(heard_),
            of(datagrams_), of(wire.sent), of(wire.dropped + wire.lost_in_bursts), of(wire.cut_off),
            of(wire.duplicated), of(wire.reordered), of(wire.corrupted), of(wire.marked));
    }
    [[nodiscard]] bool judge() const {
        // Each of them says how it stands, whatever the others do.
        bool are_flat = rss_.judge();
        are_flat = heap_.judge() && are_flat;
        are_flat = long_frames_.judge() && are_flat;
        for (const HostTrends& trends : trends_) are_flat = trends.judge() && are_flat;
        return are_flat;
    }

    /// Everybody stops, and what is wrong or left then.
    std::string end() {
        sim_.heal();
        is_over_ = true;
        if (!sim_.settle(3h)) wrong_ += "something goes on for ever; ";
        look_for_leaks(server_, 2);  // its listener and its echo wait on
        look_for_leaks(steady_, 0);
        look_for_leaks(mortal_, 0);
        return wrong_;
    }

private:
    static unsigned long long of(std::uint64_t count) { return count; }

    static stack::StackConfig some_stack() {
        stack::StackConfig config;
        config.address6 = stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
        config.tcp.user_timeout = 2min;  // so that what a cut leaves behind is over in a few rounds
        config.tcp.ecn = stack::Ecn::asks;
        return config;
    }
    testing::Link some_link() {
        testing::Link link{.delay = 100us * (1 + random_() % 100),
                           .jitter = 100us * (random_() % 30),
                           .drop = 0.005 * static_cast<double>(1 + random_() % 6),
                           .duplicate = 0.002 * static_cast<double>(random_() % 10),
                           .reorder = 0.005 * static_cast<double>(1 + random_() % 10),
                           .corrupt = 0.0005 * static_cast<double>(random_() % 4),
                           .ecn_mark = 0.01 * static_cast<double>(random_() % 3)};
        if (random_() % 4 == 0) link.burst_loss = {.to_bad = 0.01 * static_cast<double>(1 + random_() % 3)};
        return link;
    }

    void trouble(int round) {
        sim_.set_link(some_link());
        const bool is_long = round % 60 >= 40 && round % 60 < 55;  // longer than the user timeout
        if (is_long || round % 6 == 2)
            sim_.partition(server_, steady_);
        else
            sim_.repair(server_, steady_);
        if (round % 6 == 5) mortal_.crash();
    }

    // --- what is sampled

    void sample() {
        for (HostTrends& trends : trends_) trends.sample();
        rss_.add(resident_kib());
        heap_.add(heap_kib());
        long_frames_.add(kib(stack::bytes_in_long_frames()));
    }

    void look_for_leaks(testing::Host& host, std::uint64_t sockets) {
        tests::HostAudit audit(wrong_, host);
        audit.expect_empty_stack();
        audit.expect("tasks", host.live_tasks(), sockets);
        audit.expect("datagrams in pieces", host.stack().reassembly().datagrams(), 0);
        audit.expect("sockets", host.run([]() -> Task<std::uint64_t> { co_return runtime::core_stats().sockets.open; }),
                     sockets);
        if (host.stack().hosts().size() > host.stack().neighbours().size())
            wrong_ += host.name() + ": IPv6 addresses; ";
    }

    // --- programs

    // Each end says the numbers of its bytes, so that both know what has to come.
    static std::byte byte_at(std::uint64_t offset) { return static_cast<std::byte>(offset * 31 + offset / 251); }

    Task<> say(net::TcpStream& stream, std::uint64_t bytes) {
        for (std::uint64_t at = 0; at < bytes;) {
            IoBuf buffer = net::send_buffer(1 + random_() % 3000);
            if (!buffer) co_return;
            for (std::byte& byte : buffer.writable()) byte = byte_at(at++);
            if (random_() % 2 == 0) {
                auto written = co_await stream.write_buf(std::move(buffer));
                if (!written) co_return;
            } else {
                auto written = co_await stream.write_all(buffer.bytes());
                if (!written) co_return;
            }
            if (random_() % 8 == 0) co_await time::sleep(1ms * (random_() % 300));
        }
        if (random_() % 2 == 0) (void)stream.shutdown();
    }

    Task<> hear(net::TcpStream& stream, std::uint64_t bytes) {
        for (std::uint64_t at = 0; at < bytes;) {
            auto buffer = co_await stream.read_buf();
            if (!buffer || buffer->empty()) co_return;
            for (const std::byte byte : buffer->bytes())
                if (byte != byte_at(at++)) wrong_ = "a wrong byte at " + std::to_string(at - 1) + "; ";
            heard_ += buffer->size();
            if (random_() % 16 == 0) co_await time::sleep(1ms * (random_() % 300));
        }
    }

    /// Talks for a while and goes, perhaps in the middle, perhaps with a reset.
    Task<> talk(net::TcpStream stream) {
        if (random_() % 4 == 0) (void)stream.set_linger(0s);
        const std::uint64_t to_say = random_() % 20'000;
        const std::uint64_t to_hear = random_() % 20'000;
        auto both = join(say(stream, to_say), hear(stream, to_hear));
        auto ended = co_await time::timeout(10ms * (1 + random_() % 1000), std::move(both));
        if (!ended) ++timed_out_;
    }

    Task<> serve() {
        spawn(echo()).detach();
        auto listener = net::TcpListener::bind({net::IpAddr::v6_any(), talk_port});
        if (!listener) {
            wrong_ += "no listener; ";
            co_return;
        }
        for (;;) {
            auto stream = co_await listener->accept();
            if (stream) spawn(talk(std::move(*stream))).detach();
        }
    }

    Task<> echo() {
        auto socket = net::UdpSocket::bind({net::IpAddr::v6_any(), echo_port});
        if (!socket) {
            wrong_ += "no echo; ";
            co_return;
        }
        std::vector<net::Datagram> batch(32);
        for (;;) {
            auto got = co_await socket->recv_batch(batch);
            if (!got) continue;
            (void)co_await socket->send_batch_buf(std::span(batch).first(*got));
            for (net::Datagram& datagram : batch) datagram.payload.reset();
        }
    }

    /// Where a session goes; by either family.
    net::SocketAddr place(std::uint16_t port, bool is_there) {
        const bool is_v6 = random_() % 2 == 0;
        if (is_there) return is_v6 ? server_.at6(port) : server_.at(port);
        const auto nobody = static_cast<std::uint8_t>(100 + random_() % 100);
        if (!is_v6) return {net::IpAddr::v4(198, 18, 7, nobody), port};
        return {stack::wire::Ipv6Addr::of(0x2001, 0xdb8, 0, 0, 0, 0, 7, nobody).ip(), port};
    }

    Task<> connect(net::SocketAddr to, bool talks) {
        auto made = co_await time::timeout(1ms * (1 + random_() % 8000), net::TcpStream::connect(to));
        if (!made) co_return;
        if (talks)
            co_await talk(std::move(*made));
        else if (random_() % 2 == 0)
            (void)made->set_linger(0s);
    }

    // Up to four pieces each.
    Task<> ask_by_datagrams(net::SocketAddr to) {
        auto socket = net::UdpSocket::bind({to.ip().is_v6() ? net::IpAddr::v6_any() : net::IpAddr::v4_any(), 0});
        if (!socket) co_return;
        for (int i = 0; i < 4; ++i) {
            IoBuf buffer = net::send_buffer(1 + random_() % (random_() % 4 == 0 ? 6000 : 1400));
            if (!buffer) co_return;
            for (std::byte& byte : buffer.writable()) byte = std::byte{'?'};
            (void)co_await socket->send_buf_to(std::move(buffer), to);
            std::vector<std::byte> answer(6000);
            auto got = co_await time::timeout(1ms * (random_() % 500), socket->recv_from(answer));
            if (got) ++datagrams_;
        }
    }

    Task<> session(int* active) {
        ++sessions_;
        const struct Active {
            explicit Active(int* count) : count_(count) { ++*count_; }
            ~Active() { --*count_; }
            int* count_;
        } counted(active);
        switch (random_() % 8) {
            case 0: co_await connect(place(closed_port, true), false); break;
            case 1: co_await connect(place(talk_port, false), false); break;
            case 2: co_await connect(place(talk_port, true), false); break;
            case 3: co_await ask_by_datagrams(place(echo_port, true)); break;
            default: co_await connect(place(talk_port, true), true); break;
        }
    }

    Task<> ask(int* active) {
        while (!is_over_) {
            if (*active < active_max) spawn(session(active)).detach();
            co_await time::sleep(1ms * (1 + random_() % 30));
        }
    }

    std::mt19937_64 random_{7};
    std::string wrong_;
    bool is_over_ = false;
    std::uint64_t sessions_ = 0;
    std::uint64_t timed_out_ = 0;
    std::uint64_t heard_ = 0;
    std::uint64_t datagrams_ = 0;
    int steady_active_ = 0;
    int mortal_active_ = 0;
    testing::Simulation sim_;
    testing::Host& server_ = sim_.host("server", [this] { return serve(); });
    testing::Host& steady_ = sim_.host("steady", [this] { return ask(&steady_active_); });
    testing::Host& mortal_ = sim_.host("mortal", [this] { return ask(&mortal_active_); });
    Trend rss_{"resident KiB", 1024, 0.02};
    Trend heap_{"heap KiB", 512, 0.05};
    Trend long_frames_{"KiB in long frames", 512, 0.25};
    std::vector<HostTrends> trends_{HostTrends(server_), HostTrends(steady_)};
};

TEST_CASE("an hour of connections that come and go over a bad wire leaves all as it was", "[stack][tcp][udp]") {
    const char* const asked = std::getenv("SKERRY_CHURN_SECONDS");
    const std::chrono::seconds time{asked != nullptr ? std::atol(asked) : 0};
    Churn churn;
    churn.go(time);
    churn.tell();
    const bool is_flat = churn.judge();
    CHECK((is_flat || time == 0s));
    CHECK(churn.end() == "");
}

}  // namespace
}  // namespace skerry
