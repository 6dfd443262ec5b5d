// How the machines of each profile begin connections, and what sysctls and socket options change about it.

#include "pkt_bench.hpp"

#include <array>
#include <initializer_list>

namespace skerry {
namespace {

using namespace pkt_bench;

std::vector<std::byte> octets(std::initializer_list<unsigned> bytes) {
    std::vector<std::byte> all;
    for (const unsigned byte : bytes) all.push_back(static_cast<std::byte>(byte));
    return all;
}

/// The options, and the timestamps' values left out.
std::vector<std::byte> without_stamps(std::vector<std::byte> options) {
    for (std::size_t i = 0; i < options.size();) {
        const auto kind = std::to_integer<unsigned>(options[i]);
        const std::size_t bytes = kind < 2 ? 1 : std::to_integer<std::size_t>(options[i + 1]);
        if (kind == 8)
            options.erase(options.begin() + static_cast<std::ptrdiff_t>(i) + 2,
                          options.begin() + static_cast<std::ptrdiff_t>(i) + 10);
        i += kind == 8 ? 2 : bytes;
    }
    return options;
}

wire::TcpOptions all_options() {
    wire::TcpOptions options;
    options.has_mss = options.has_window_scale = options.sack_permitted = options.has_timestamps = true;
    options.mss = 1460;
    options.window_scale = 7;
    options.timestamps = {100, 0};
    return options;
}

void set(Bench& bench, std::string_view name, std::string_view value) {
    CAPTURE(name, value);
    REQUIRE_FALSE(bench.machine.set(name, value));
}

/// The SYN of a connect().
Segment syn_of(Bench& bench) {
    const int fd = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    bench.set_nonblocking(fd);
    (void)bench.calls().connect(fd, far_name);
    return bench.only();
}

const auto linux_syn = octets({2, 4, 1460 >> 8, 1460 & 0xff, 4, 2, 8, 10, 1, 3, 3, 7});
const auto freebsd_syn = octets({2, 4, 1460 >> 8, 1460 & 0xff, 1, 3, 3, 6, 4, 2, 8, 10});

TEST_CASE("each profile's SYN and SYN-ACK have the options of its kernel, in its order", "[apps][pkt][opening]") {
    for (const Profile profile : {Profile::linux_like, Profile::freebsd, Profile::lowlat}) {
        CAPTURE(static_cast<int>(profile));
        const auto& expected = profile == Profile::freebsd ? freebsd_syn : linux_syn;
        Bench bench(config_of(profile));
        CHECK(without_stamps(syn_of(bench).options) == expected);
        (void)bench.listening();
        bench.come_with(all_options(), flag::syn, 0, 0);
        CHECK(without_stamps(bench.only().options) == expected);
    }
}

TEST_CASE("sysctls switch timestamps, scaling and SACK", "[apps][pkt][opening]") {
    struct Case {
        Profile profile;
        const char* name;
        const char* value;
        std::vector<std::byte> expected;
    };
    const std::array cases{
        Case{Profile::linux_like, "net.ipv4.tcp_timestamps", "0", octets({2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7})},
        Case{Profile::linux_like, "net.ipv4.tcp_window_scaling", "0", octets({2, 4, 5, 180, 4, 2, 8, 10})},
        Case{Profile::linux_like, "net.ipv4.tcp_sack", "0", octets({2, 4, 5, 180, 1, 1, 8, 10, 1, 3, 3, 7})},
        Case{Profile::freebsd, "net.inet.tcp.rfc1323", "0", octets({2, 4, 5, 180, 4, 2, 0, 0})},
        Case{Profile::freebsd, "net.inet.tcp.rfc1323", "1", freebsd_syn},
        Case{Profile::freebsd, "net.inet.tcp.rfc1323", "2", octets({2, 4, 5, 180, 1, 3, 3, 6, 4, 2, 0, 0})},
        Case{Profile::freebsd, "net.inet.tcp.rfc1323", "3", octets({2, 4, 5, 180, 4, 2, 8, 10})},
        Case{Profile::freebsd, "net.inet.tcp.sack.enable", "0", octets({2, 4, 5, 180, 1, 3, 3, 6, 1, 1, 8, 10})},
    };
    for (const Case& each : cases) {
        CAPTURE(each.name, each.value);
        Bench bench(config_of(each.profile));
        set(bench, each.name, each.value);
        CHECK(without_stamps(syn_of(bench).options) == each.expected);
        (void)bench.listening();
        bench.come_with(all_options(), flag::syn, 0, 0);
        CHECK(without_stamps(bench.only().options) == each.expected);
    }
    Machine machine;
    CHECK(machine.set("net.inet.tcp.rfc1323", "4"));
    CHECK(machine.set("net.ipv4.tcp_timestamps", "2"));  // without offsets of their own, which the stack always has
}

/// When the SYNs of a connect() that nobody answers leave, and the last moment, at which it is given up.
std::vector<std::chrono::nanoseconds> syn_times(Bench& bench) {
    const int fd = static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value());
    const Call call = bench.calls().connect(fd, far_name);
    bench.at(1000s);
    std::vector<std::chrono::nanoseconds> times;
    for (const Segment& segment : bench.sent()) times.push_back(segment.at);
    CHECK(Bench::failed(call, ETIMEDOUT));
    times.push_back(bench.ended(call));
    return times;
}

using Times = std::vector<std::chrono::nanoseconds>;

TEST_CASE("SYNs come again as in the profile's kernel", "[apps][pkt][opening]") {
    Bench linux_like;
    CHECK(syn_times(linux_like) == Times{0s, 1s, 3s, 7s, 15s, 31s, 63s, 127s});
    Bench freebsd(config_of(Profile::freebsd));
    CHECK(syn_times(freebsd) == Times{0s, 1s, 2s, 3s, 4s, 5s, 7s, 11s, 19s, 35s, 67s, 75s});
}

TEST_CASE("sysctls set how SYNs come again", "[apps][pkt][opening]") {
    Bench steady;
    set(steady, "net.ipv4.tcp_syn_linear_timeouts", "4");
    set(steady, "net.ipv4.tcp_syn_retries", "6");
    CHECK(syn_times(steady) == Times{0s, 1s, 2s, 3s, 4s, 5s, 7s, 11s});
    Bench quick(config_of(Profile::freebsd));
    set(quick, "net.inet.tcp.rexmit_initial", "500");
    set(quick, "net.inet.tcp.keepinit", "4200");
    CHECK(syn_times(quick) == Times{0s, 500ms, 1s, 1500ms, 2s, 2500ms, 3500ms, 4200ms});
    Machine machine;
    CHECK(machine.set("net.inet.tcp.keepinit", "0"));
}

TEST_CASE("FreeBSD's SYNs lose their options when that is set", "[apps][pkt][opening]") {
    for (const bool drops : {false, true}) {
        Bench bench(config_of(Profile::freebsd));
        set(bench, "net.inet.tcp.rexmit_drop_options", drops ? "1" : "0");
        CHECK(without_stamps(syn_of(bench).options) == freebsd_syn);
        bench.at(3s);
        const std::vector<Segment> again = bench.sent();
        REQUIRE(again.size() == 3);
        CHECK(without_stamps(again[1].options) == freebsd_syn);
        CHECK(without_stamps(again[2].options) == (drops ? octets({2, 4, 5, 180}) : freebsd_syn));
    }
}

TEST_CASE("a SYN-ACK's wait ends its doubling at the longest time-out", "[apps][pkt][opening]") {
    Bench bench(config_of(Profile::freebsd));
    set(bench, "net.inet.tcp.syncache.rexmtlimit", "9");
    (void)bench.listening();
    bench.come(flag::syn, 0, 0, {}, 65'535, 1000);
    bench.at(400s);
    Times times;
    for (const Segment& segment : bench.sent()) times.push_back(segment.at);
    CHECK(times == Times{0s, 1s, 3s, 7s, 15s, 31s, 63s, 127s, 191s, 255s});
}

// --- buffers

int fresh(Bench& bench) { return static_cast<int>(bench.calls().socket(AF_INET, SOCK_STREAM, 0).value()); }

void set_option(Bench& bench, int fd, int level, int name, int value) {
    REQUIRE(bench.calls().setsockopt(fd, level, name, value).value() == 0);
}

int option(Bench& bench, int fd, int level, int name) {
    const Call call = bench.calls().getsockopt(fd, level, name);
    REQUIRE(call.unsupported() == nullptr);
    REQUIRE(call.value() == 0);
    return std::get<int>(call.output().option);
}
int receive_buffer(Bench& bench, int fd) { return option(bench, fd, SOL_SOCKET, SO_RCVBUF); }
int send_buffer(Bench& bench, int fd) { return option(bench, fd, SOL_SOCKET, SO_SNDBUF); }
int segment_bytes(Bench& bench, int fd) { return option(bench, fd, IPPROTO_TCP, TCP_MAXSEG); }

/// connect() without waiting; the SYN that it sent.
Segment connecting(Bench& bench, int fd) {
    bench.set_nonblocking(fd);
    CHECK(Bench::failed(bench.calls().connect(fd, far_name), EINPROGRESS));
    bench.port = bench.calls().getsockname(fd).output().address->port();
    return bench.only();
}

/// The peer agrees to all options; what acknowledges that.
Segment agree(Bench& bench, const Segment& syn, std::uint16_t mss = 1460) {
    wire::TcpOptions options = all_options();
    options.mss = mss;
    bench.come_with(options, syn_ack, 500, syn.seq + 1);
    return bench.only();
}

/// The peer connects with all options to a listener on own_port; the SYN-ACK, and the socket that was accepted.
Segment accept_one(Bench& bench, int door, int& accepted) {
    bench.port = own_port;
    bench.come_with(all_options(), flag::syn, 0, 0);
    const Segment answer = bench.only();
    wire::TcpOptions last;
    last.has_timestamps = true;
    last.timestamps = {101, 0};
    bench.come_with(last, flag::ack, 1, answer.seq + 1);
    const Call call = bench.calls().accept(door);
    REQUIRE(call.is_done());
    accepted = static_cast<int>(call.value());
    return answer;
}

int listening_with(Bench& bench, int level, int name, int value) {
    const int fd = fresh(bench);
    set_option(bench, fd, level, name, value);
    REQUIRE(bench.calls().bind(fd, any_name).value() == 0);
    REQUIRE(bench.calls().listen(fd, 5).value() == 0);
    return fd;
}

/// Of linux_syn and freebsd_syn: with another scale.
std::vector<std::byte> scaled(std::vector<std::byte> options, std::size_t at, unsigned scale) {
    options.at(at) = static_cast<std::byte>(scale);
    return options;
}

TEST_CASE("on Linux SO_RCVBUF sets the SYN's window and its scale, and is told doubled", "[apps][pkt][opening]") {
    struct Case {
        int bytes;
        std::uint16_t window;
        unsigned scale;
    };
    for (const Case& each : {Case{20'000, 20'000, 0}, Case{65'536, 65'535, 1}, Case{200'000, 65'535, 2}}) {
        CAPTURE(each.bytes);
        Bench bench;
        const int fd = fresh(bench);
        set_option(bench, fd, SOL_SOCKET, SO_RCVBUF, each.bytes);
        CHECK(receive_buffer(bench, fd) == 2 * each.bytes);
        const Segment syn = connecting(bench, fd);
        CHECK(syn.window == each.window);
        CHECK(without_stamps(syn.options) == scaled(linux_syn, 11, each.scale));
        CHECK(agree(bench, syn).window >= each.window >> each.scale);
        CHECK(receive_buffer(bench, fd) == 2 * each.bytes);

        const int door = listening_with(bench, SOL_SOCKET, SO_RCVBUF, each.bytes);
        int accepted = -1;
        const Segment answer = accept_one(bench, door, accepted);
        CHECK(answer.window == each.window);
        CHECK(without_stamps(answer.options) == scaled(linux_syn, 11, each.scale));
        CHECK(receive_buffer(bench, accepted) == 2 * each.bytes);
    }
}

TEST_CASE("SO_RCVBUF of a listener is for those that connect from then on", "[apps][pkt][opening]") {
    Bench bench;
    const int door = bench.listening(5);
    bench.come_with(all_options(), flag::syn, 0, 0);
    CHECK(bench.only().window == 65'535);
    set_option(bench, door, SOL_SOCKET, SO_RCVBUF, 20'000);
    bench.from = far_port + 1;
    bench.come_with(all_options(), flag::syn, 0, 0);
    CHECK(bench.only().window == 20'000);
}

TEST_CASE("SO_SNDBUF before the connection bounds what is written to it", "[apps][pkt][opening]") {
    Bench bench;
    const int fd = fresh(bench);
    set_option(bench, fd, SOL_SOCKET, SO_SNDBUF, 10'000);
    const Segment syn = connecting(bench, fd);
    (void)agree(bench, syn);
    CHECK(bench.calls().write(fd, std::vector<std::byte>(30'000)).value() == 10'000);
    CHECK(send_buffer(bench, fd) == 20'000);
}

TEST_CASE("buffers that nobody set are told as the kernel begins", "[apps][pkt][opening]") {
    Bench linux_like;
    CHECK(receive_buffer(linux_like, fresh(linux_like)) == 131'072);
    CHECK(send_buffer(linux_like, fresh(linux_like)) == 16'384);
    const int fd = linux_like.established();
    CHECK(Bench::was_unsupported(linux_like.calls().getsockopt(fd, SOL_SOCKET, SO_SNDBUF)));
    Bench set_up;
    set(set_up, "net.ipv4.tcp_rmem", "4096 20001 15728640");
    set(set_up, "net.ipv4.tcp_wmem", "4096 30001 4194304");
    CHECK(receive_buffer(set_up, fresh(set_up)) == 20'001);
    CHECK(send_buffer(set_up, fresh(set_up)) == 30'001);
    Bench freebsd(config_of(Profile::freebsd));
    CHECK(receive_buffer(freebsd, fresh(freebsd)) == 65'536);
    CHECK(send_buffer(freebsd, fresh(freebsd)) == 32'768);
}

TEST_CASE("FreeBSD's buffers are whole segments once connected, and the window says so", "[apps][pkt][opening]") {
    Bench bench(config_of(Profile::freebsd));
    const int fd = fresh(bench);
    const Segment syn = connecting(bench, fd);
    CHECK(syn.window == 65'535);
    CHECK(receive_buffer(bench, fd) == 65'536);
    CHECK(agree(bench, syn).window == 65'700 >> 6);
    CHECK(receive_buffer(bench, fd) == 65'700);
    CHECK(send_buffer(bench, fd) == 33'580);

    const int door = listening_with(bench, SOL_SOCKET, SO_RCVBUF, 20'000);
    int accepted = -1;
    const Segment answer = accept_one(bench, door, accepted);
    CHECK(answer.window == 20'000);
    CHECK(without_stamps(answer.options) == freebsd_syn);  // the scale is that of the largest buffer
    CHECK(receive_buffer(bench, door) == 20'000);
    CHECK(receive_buffer(bench, accepted) == 20'440);
}

TEST_CASE("FreeBSD's scale is what its largest buffer needs", "[apps][pkt][opening]") {
    Bench bench(config_of(Profile::freebsd));
    set(bench, "kern.ipc.maxsockbuf", "2097152");
    CHECK(without_stamps(syn_of(bench).options) == freebsd_syn);
    Bench large(config_of(Profile::freebsd));
    set(large, "kern.ipc.maxsockbuf", "16777216");
    CHECK(without_stamps(syn_of(large).options) == scaled(freebsd_syn, 7, 9));
    CHECK(large.machine.set("kern.ipc.maxsockbuf", "1048576"));
}

// --- segments

TEST_CASE("on Linux TCP_MAXSEG bounds what is offered and what is sent", "[apps][pkt][opening]") {
    Bench bench;
    const int fd = fresh(bench);
    set_option(bench, fd, IPPROTO_TCP, TCP_MAXSEG, 1'000);
    const Segment syn = connecting(bench, fd);
    CHECK(syn.options.at(2) == std::byte{1'000 >> 8});
    CHECK(syn.options.at(3) == std::byte{1'000 & 0xff});
    (void)agree(bench, syn);
    CHECK(bench.calls().write(fd, std::vector<std::byte>(2'000)).value() == 2'000);
    CHECK(bench.sent().front().text.size() == 988);

    const int door = listening_with(bench, IPPROTO_TCP, TCP_MAXSEG, 300);
    int accepted = -1;
    const Segment answer = accept_one(bench, door, accepted);
    CHECK(answer.options.at(2) == std::byte{300 >> 8});
    CHECK(answer.options.at(3) == std::byte{300 & 0xff});
    CHECK(segment_bytes(bench, accepted) == 288);
}

// As Linux 6.18 answered; the peer's MSS was larger.
TEST_CASE("on Linux TCP_MAXSEG is told by the state of the connection", "[apps][pkt][opening]") {
    struct Case {
        int asked;
        bool has_timestamps;
        int before;
        int beginning;
        int standing;
    };
    const Case cases[] = {
        {0, true, 536, 524, 1'448},          {1'000, true, 1'000, 988, 988}, {300, true, 300, 288, 288},
        {3'000, true, 3'000, 1'448, 1'448},  {0, false, 536, 536, 1'460},    {1'000, false, 1'000, 1'000, 1'000},
        {3'000, false, 3'000, 1'460, 1'460},
    };
    for (const Case& each : cases) {
        CAPTURE(each.asked, each.has_timestamps);
        Bench bench;
        set(bench, "net.ipv4.tcp_timestamps", each.has_timestamps ? "1" : "0");
        const int fd = fresh(bench);
        if (each.asked != 0) set_option(bench, fd, IPPROTO_TCP, TCP_MAXSEG, each.asked);
        CHECK(segment_bytes(bench, fd) == each.before);
        const Segment syn = connecting(bench, fd);
        CHECK(segment_bytes(bench, fd) == each.beginning);
        CHECK(Bench::was_unsupported(bench.calls().setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, 700)));
        (void)agree(bench, syn);
        CHECK(segment_bytes(bench, fd) == each.standing);
        set_option(bench, fd, IPPROTO_TCP, TCP_MAXSEG, 600);  // too late
        CHECK(segment_bytes(bench, fd) == each.standing);
        const int door = fresh(bench);
        if (each.asked != 0) set_option(bench, door, IPPROTO_TCP, TCP_MAXSEG, each.asked);
        REQUIRE(bench.calls().listen(door, 1).value() == 0);
        CHECK(segment_bytes(bench, door) == each.before);
    }
}

TEST_CASE("TCP_MAXSEG has the kernels' ranges", "[apps][pkt][opening]") {
    Bench bench;
    const int fd = fresh(bench);
    for (const int wrong : {-1, 1, 87, 32'768})
        CHECK(Bench::failed(bench.calls().setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, wrong), EINVAL));
    set_option(bench, fd, IPPROTO_TCP, TCP_MAXSEG, 88);
    CHECK(segment_bytes(bench, fd) == 88);
    set_option(bench, fd, IPPROTO_TCP, TCP_MAXSEG, 0);  // as if it was never set
    CHECK(segment_bytes(bench, fd) == 536);

    Bench freebsd(config_of(Profile::freebsd));
    const int other = fresh(freebsd);
    for (const int wrong : {-1, 0, 537, 1'460})
        CHECK(Bench::failed(freebsd.calls().setsockopt(other, IPPROTO_TCP, TCP_MAXSEG, wrong), EINVAL));
    CHECK(Bench::was_unsupported(freebsd.calls().setsockopt(other, IPPROTO_TCP, TCP_MAXSEG, 500)));
    CHECK(segment_bytes(freebsd, other) == 536);
    const Segment syn = connecting(freebsd, other);
    CHECK(segment_bytes(freebsd, other) == 536);
    (void)agree(freebsd, syn, 1'000);
    CHECK(segment_bytes(freebsd, other) == 1'000);
    CHECK(Bench::failed(freebsd.calls().setsockopt(other, IPPROTO_TCP, TCP_MAXSEG, 1'001), EINVAL));
}

// --- the first segments

TEST_CASE("the first window is that of the profile's kernel", "[apps][pkt][opening]") {
    const auto first_window = [](Bench& bench, std::uint16_t mss) {
        const int fd = fresh(bench);
        const Segment syn = connecting(bench, fd);
        (void)agree(bench, syn, mss);
        const std::int64_t written = bench.calls().write(fd, std::vector<std::byte>(30'000)).value();
        CHECK(written == 30'000);
        return bench.sent().size();
    };
    Bench linux_like;
    CHECK(first_window(linux_like, 1'460) == 10);
    Bench freebsd(config_of(Profile::freebsd));
    CHECK(first_window(freebsd, 1'460) == 10);
    Bench two(config_of(Profile::freebsd));
    set(two, "net.inet.tcp.initcwnd_segments", "2");
    CHECK(first_window(two, 1'460) == 2);
    Bench old(config_of(Profile::freebsd));
    set(old, "net.inet.tcp.initcwnd_segments", "0");
    CHECK(first_window(old, 1'460) == 3);
    Bench small(config_of(Profile::freebsd));
    set(small, "net.inet.tcp.initcwnd_segments", "0");
    CHECK(first_window(small, 536) == 4);
}

TEST_CASE("Linux's first window is ten segments, however long, FreeBSD's has a bound", "[apps][pkt][opening]") {
    for (const Profile profile : {Profile::linux_like, Profile::freebsd}) {
        MachineConfig config = config_of(profile);
        config.mtu = 9'000;
        Bench bench(config);
        const int fd = fresh(bench);
        set_option(bench, fd, SOL_SOCKET, SO_SNDBUF, 100'000);
        const Segment syn = connecting(bench, fd);
        (void)agree(bench, syn, 8'960);
        CHECK(bench.calls().write(fd, std::vector<std::byte>(65'000)).value() == 65'000);
        CHECK(bench.sent().size() == (profile == Profile::freebsd ? 2 : 8));
    }
}

TEST_CASE("Linux acknowledges the first segments at once, until a reply, FreeBSD delays", "[apps][pkt][opening]") {
    Bench linux_like;
    const int fd = linux_like.established();
    for (int i = 0; i < 16; ++i) {
        linux_like.say("bulk");
        CHECK(linux_like.only().ack == linux_like.far_seq);
    }
    linux_like.say("more");
    CHECK(linux_like.sent().empty());
    linux_like.at(40ms);
    CHECK(linux_like.only().at == 40ms);
    CHECK(linux_like.calls().read(fd, 100).value() == 68);

    Bench dialogue;
    const int other = dialogue.established();
    dialogue.say("ask");
    CHECK(dialogue.only().ack == dialogue.far_seq);
    CHECK(dialogue.calls().write(other, bytes_of("answer")).value() == 6);
    CHECK(dialogue.only().text == "answer");
    dialogue.own_seq += 6;
    dialogue.say("next");
    CHECK(dialogue.sent().empty());

    Bench freebsd(config_of(Profile::freebsd));
    (void)freebsd.established();
    freebsd.say("one");
    CHECK(freebsd.sent().empty());
    freebsd.say("two");
    CHECK(freebsd.only().ack == freebsd.far_seq);
}

TEST_CASE("FreeBSD acknowledges each segment when it does not delay", "[apps][pkt][opening]") {
    Bench bench(config_of(Profile::freebsd));
    set(bench, "net.inet.tcp.delayed_ack", "0");
    (void)bench.established();
    for (int i = 0; i < 5; ++i) {
        bench.say("x");
        CHECK(bench.only().ack == bench.far_seq);
    }
}

TEST_CASE("TCP_QUICKACK is not ended by the beginning's end", "[apps][pkt][opening]") {
    Bench bench;
    const int fd = bench.established();
    set_option(bench, fd, IPPROTO_TCP, TCP_QUICKACK, 1);
    for (int i = 0; i < 20; ++i) {
        bench.say("x");
        CHECK(bench.sent().size() == 1);
    }
    set_option(bench, fd, IPPROTO_TCP, TCP_QUICKACK, 0);
    bench.say("x");
    CHECK(bench.sent().empty());
}

}  // namespace
}  // namespace skerry
