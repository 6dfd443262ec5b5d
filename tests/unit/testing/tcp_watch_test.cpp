// What the watch of the seeds says of segments that break a rule, and that it says nothing of those that do not.

#include "support/catch.hpp"

#include "support/tcp_watch.hpp"

#include <skerry/testing/simulation.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace stack::wire;
using Catch::Matchers::Contains;
using Kind = testing::FrameEvent::Kind;

/// Two ends, 1 and 2, whose streams begin at 1001 and 5001; windows are not scaled.
struct Ends {
    Ends() {
        pass(1, tcp_flag::syn, 1000, 0, 0, 4000);
        pass(2, tcp_flag::syn | tcp_flag::ack, 5000, 1001, 0, 4000);
        pass(1, tcp_flag::ack, 1001, 5001, 0, 4000);
    }

    static std::vector<std::byte> segment(int from, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack,
                                          std::size_t bytes, std::uint16_t window) {
        std::vector<std::byte> frame(ethernet_bytes + ipv4_bytes + tcp_bytes + bytes);
        EthernetHeader ethernet;
        ethernet.ether_type = ether_type::ipv4;
        write(ethernet, frame.data());
        Ipv4Header ip;
        ip.total_bytes = static_cast<std::uint16_t>(frame.size() - ethernet_bytes);
        ip.protocol = ip_protocol::tcp;
        ip.source = Ipv4Addr::of(10, 0, 0, static_cast<std::uint8_t>(from));
        ip.destination = Ipv4Addr::of(10, 0, 0, static_cast<std::uint8_t>(3 - from));
        write(ip, frame.data() + ethernet_bytes);
        TcpHeader tcp;
        tcp.source_port = tcp.destination_port = 80;
        tcp.seq = seq;
        tcp.ack = ack;
        tcp.flags = flags;
        tcp.window = window;
        write(tcp, frame.data() + ethernet_bytes + ipv4_bytes);
        seal_tcp(std::span(frame).subspan(ethernet_bytes + ipv4_bytes),
                 pseudo_header(ip.source, ip.destination, ip.protocol, static_cast<std::uint32_t>(tcp_bytes + bytes)));
        return frame;
    }
    void send(int from, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack, std::size_t bytes = 0,
              std::uint16_t window = 4000) {
        watch.look(Kind::sent, segment(from, flags, seq, ack, bytes, window));
    }
    /// Sends it, and it arrives; then time passes.
    void pass(int from, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack, std::size_t bytes = 0,
              std::uint16_t window = 4000) {
        send(from, flags, seq, ack, bytes, window);
        watch.look(Kind::arrived, segment(from, flags, seq, ack, bytes, window));
        sim.run_for(1ms);
    }

    std::string wrong;
    testing::Simulation sim;
    tests::TcpWatch watch{sim, wrong};
};

TEST_CASE("a conversation with losses breaks no rule", "[testing][tcp]") {
    Ends ends;
    ends.send(1, tcp_flag::ack, 1001, 5001, 100);  // lost
    ends.pass(1, tcp_flag::ack, 1101, 5001, 100);
    ends.pass(2, tcp_flag::ack, 5001, 1001, 50);
    ends.pass(1, tcp_flag::ack, 1001, 5051, 100);
    ends.pass(2, tcp_flag::ack | tcp_flag::fin, 5051, 1201, 0, 3800);
    ends.pass(1, tcp_flag::ack | tcp_flag::fin, 1201, 5052, 0, 3999);
    ends.pass(2, tcp_flag::ack, 5052, 1202);
    CHECK(ends.wrong.empty());
    CHECK(ends.watch.segments() == 10);
}

TEST_CASE("each rule that is broken is told", "[testing][tcp]") {
    Ends ends;
    ends.pass(1, tcp_flag::ack, 1001, 5001, 100);
    ends.pass(2, tcp_flag::ack, 5001, 1101, 0, 4000);
    CHECK(ends.wrong.empty());
    SECTION("a gap") {
        ends.send(1, tcp_flag::ack, 1102, 5001, 1);
        CHECK_THAT(ends.wrong, Contains("a gap"));
    }
    SECTION("what is acknowledged, again") {
        ends.send(1, tcp_flag::ack, 1001, 5001, 100);
        CHECK_THAT(ends.wrong, Contains("sent again although"));
    }
    SECTION("more than the window takes") {
        ends.send(1, tcp_flag::ack, 1101, 5001, 1400);
        ends.send(1, tcp_flag::ack, 2501, 5001, 1400);
        ends.send(1, tcp_flag::ack, 3901, 5001, 1200);
        CHECK(ends.wrong.empty());
        ends.send(1, tcp_flag::ack, 5101, 5001, 1);
        CHECK_THAT(ends.wrong, Contains("1 bytes beyond the peer's window"));
    }
    SECTION("an acknowledgement of what has not come") {
        ends.send(1, tcp_flag::ack, 1101, 5001, 10);  // lost
        ends.send(2, tcp_flag::ack, 5001, 1111);
        CHECK_THAT(ends.wrong, Contains("acknowledges what has not come"));
    }
    SECTION("an acknowledgement taken back") {
        ends.send(2, tcp_flag::ack, 5001, 1100, 0, 4001);
        CHECK_THAT(ends.wrong, Contains("takes an acknowledgement back"));
    }
    SECTION("a window taken back") {
        ends.send(2, tcp_flag::ack, 5001, 1101, 0, 3999);
        CHECK_THAT(ends.wrong, Contains("takes a window back"));
    }
}

TEST_CASE("a segment that has come damaged tells its receiver nothing", "[testing][tcp]") {
    Ends ends;
    auto data = Ends::segment(1, tcp_flag::ack, 1001, 5001, 100, 4000);
    ends.watch.look(Kind::sent, data);
    data.back() ^= std::byte{1};
    ends.watch.look(Kind::arrived, data);
    ends.send(2, tcp_flag::ack, 5001, 1101);
    CHECK_THAT(ends.wrong, Contains("acknowledges what has not come"));
}

}  // namespace
}  // namespace skerry
