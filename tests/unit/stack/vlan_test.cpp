// 802.1Q: what is of our VLAN and what is not, and that all that leaves is in it.

#include "support/catch.hpp"

#include "support/pcapng_file.hpp"
#include "support/scripted_port.hpp"
#include "support/stack_host.hpp"
#include "support/temp_tree.hpp"

#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/stack/driver.hpp>
#include <skerry/stack/port_edge.hpp>
#include <skerry/stack/wire/icmp.hpp>
#include <skerry/testing/simulation.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;

constexpr std::uint16_t our_vlan = 7;
constexpr std::size_t tag_at = 12;

/// The same with these bytes behind its hardware addresses.
Bytes with(Bytes frame, std::initializer_list<unsigned> bytes) {
    std::size_t at = tag_at;
    for (const unsigned byte : bytes)
        frame.insert(frame.begin() + static_cast<std::ptrdiff_t>(at++), static_cast<std::byte>(byte));
    return frame;
}
Bytes tagged(const Bytes& frame, unsigned vid = our_vlan) { return with(frame, {0x81, 0, vid >> 8U, vid & 0xffU}); }

bool is_in(const Bytes& frame, std::uint16_t vlan) {
    return frame.size() > tag_at + 4 && stack::wire::load_be16(frame.data() + tag_at) == 0x8100 &&
           stack::wire::load_be16(frame.data() + tag_at + 2) == vlan &&
           stack::wire::load_be16(frame.data() + tag_at + 4) != 0x8100;
}

Bytes echo_request() {
    stack::wire::IcmpHeader header;
    header.type = stack::wire::IcmpType::echo;
    Bytes message(stack::wire::icmp_bytes + 8);
    stack::wire::write(header, message.data());
    const std::uint16_t sum = stack::wire::fold(stack::wire::sum(message));
    std::memcpy(message.data() + 2, &sum, sizeof sum);
    return ipv4(stack::wire::ip_protocol::icmp, message);
}

/// A stack and its port, which is in a VLAN, or in none.
struct Station {
    explicit Station(std::uint16_t vlan = our_vlan) : driver(config_in(vlan), 0) {}

    static stack::StackConfig config_in(std::uint16_t vlan) {
        stack::StackConfig config = host_config();
        config.vlan = vlan;
        return config;
    }
    void turn() {
        driver.receive(now);
        driver.transmit(now);
    }
    void give(const Bytes& frame) {
        driver.port().arriving.push_back(frame);
        turn();
    }
    std::uint64_t dropped(Drop why) { return driver.stack().drops()[why]; }
    std::vector<Bytes>& sent() { return driver.port().sent; }

    stack::Driver<ScriptedPort> driver;
    time::Instant now = time::Instant::from_nanos(1'000'000'000);
};

TEST_CASE("in a VLAN a tag is taken off what comes and put on what leaves", "[stack][vlan]") {
    Station station;
    station.give(tagged(arp(stack::wire::ArpOperation::request)));
    REQUIRE(station.sent().size() == 1);
    CHECK(is_in(station.sent()[0], our_vlan));
    station.give(tagged(echo_request()));
    REQUIRE(station.sent().size() == 2);
    CHECK(is_in(station.sent()[1], our_vlan));
    CHECK(stack::wire::load_mac(station.sent()[1].data()) == peer_mac);
    CHECK(stack::wire::load_mac(station.sent()[1].data() + 6) == host_mac);
    CHECK(station.sent()[1].size() == echo_request().size() + 4);
    CHECK(station.dropped(Drop::ethernet_vlan) == 0);
    CHECK(station.driver.stack().drops().total() == 0);
}

TEST_CASE("a priority in the tag changes nothing", "[stack][vlan]") {
    Station station;
    station.give(with(arp(stack::wire::ArpOperation::request), {0x81, 0, 0xe0, our_vlan}));
    CHECK(station.sent().size() == 1);
}

struct Lie {
    const char* what;
    Bytes frame;
    Drop why;
};

TEST_CASE("what is not of our VLAN is counted by its reason, and nothing comes of it", "[stack][vlan][lies]") {
    const Bytes question = arp(stack::wire::ArpOperation::request);
    Bytes cut = tagged(question);
    cut.resize(16);
    const Lie lies[] = {
        {"no tag", question, Drop::ethernet_vlan},
        {"no tag, and usual", echo_request(), Drop::ethernet_vlan},
        {"another VLAN", tagged(question, 8), Drop::ethernet_vlan},
        {"another VLAN with our low bits", tagged(question, 0x107), Drop::ethernet_vlan},
        {"a priority and no VLAN", tagged(question, 0), Drop::ethernet_vlan},
        {"VLAN 4095", tagged(question, 4095), Drop::ethernet_vid},
        {"ours in ours", tagged(tagged(question)), Drop::ethernet_double_tag},
        {"another in ours", tagged(tagged(question, 8)), Drop::ethernet_double_tag},
        {"a provider's tag", with(question, {0x88, 0xa8, 0, our_vlan}), Drop::ethernet_double_tag},
        {"a tag that is cut", cut, Drop::ethernet_short},
        {"a length behind the tag", with(echo_request(), {0x81, 0, 0, our_vlan, 0, 60}), Drop::ethernet_length},
        {"another station", tagged(arp(stack::wire::ArpOperation::request)), Drop::ethernet_not_ours},
    };
    for (const Lie& lie : lies) {
        Station station;
        Bytes frame = lie.frame;
        if (lie.why == Drop::ethernet_not_ours) frame[5] = std::byte{9};
        station.give(frame);
        INFO(lie.what);
        CHECK(station.dropped(lie.why) == 1);
        CHECK(station.driver.stack().drops().total() == 1);
        CHECK(station.sent().empty());
    }
}

TEST_CASE("a tag that the port took off counts as one", "[stack][vlan]") {
    struct Case {
        std::uint16_t vlan;
        std::uint16_t of_port;
        Drop why;
        bool has_another = false;
    };
    const Case cases[] = {
        {our_vlan, our_vlan, Drop::none},
        {our_vlan, 0xe000 | our_vlan, Drop::none},
        {our_vlan, 8, Drop::ethernet_vlan},
        {our_vlan, 0, Drop::ethernet_vlan},
        {our_vlan, our_vlan, Drop::ethernet_double_tag, true},
        {0, 0xe000, Drop::none},
        {0, our_vlan, Drop::ethernet_vlan},
        {0, 0, Drop::ethernet_double_tag, true},
    };
    for (const Case& each : cases) {
        Station station(each.vlan);
        station.driver.port().stripped = each.of_port;
        const Bytes question = arp(stack::wire::ArpOperation::request);
        station.give(each.has_another ? tagged(question, each.vlan) : question);
        INFO("VLAN " << each.vlan << ", the port says " << each.of_port);
        CHECK(station.sent().size() == (each.why == Drop::none ? 1 : 0));
        if (each.why != Drop::none) CHECK(station.dropped(each.why) == 1);
    }
}

TEST_CASE("in no VLAN a priority tag is no tag, and a VLAN's frames are dropped", "[stack][vlan]") {
    Station station(0);
    station.give(with(arp(stack::wire::ArpOperation::request), {0x81, 0, 0xa0, 0}));
    REQUIRE(station.sent().size() == 1);
    CHECK(stack::wire::load_be16(station.sent()[0].data() + tag_at) == stack::wire::ether_type::arp);
    station.give(with(echo_request(), {0x81, 0, 0xa0, 0}));
    CHECK(station.sent().size() == 2);
    station.give(tagged(arp(stack::wire::ArpOperation::request)));
    CHECK(station.dropped(Drop::ethernet_vlan) == 1);
    CHECK(station.sent().size() == 2);
}

TEST_CASE("what the port leaves gets its tag once", "[stack][vlan]") {
    Station station;
    station.give(tagged(arp(stack::wire::ArpOperation::request)));
    station.sent().clear();
    station.driver.port().takes = 1;
    for (int i = 0; i < 3; ++i) station.driver.port().arriving.push_back(tagged(echo_request()));
    for (int i = 0; i < 3; ++i) {
        station.turn();
        station.now = station.now + 1s;
    }
    REQUIRE(station.sent().size() == 3);
    for (const Bytes& frame : station.sent()) {
        CHECK(is_in(frame, our_vlan));
        CHECK(frame.size() == echo_request().size() + 4);
    }
}

TEST_CASE("a frame that is kept waits for the port as it was, and its payload stays", "[stack][vlan]") {
    StackHost host;
    stack::PortEdge edge(our_vlan);
    const Bytes before = echo_request();
    backend::Frame* frame = host.frames.allocate();
    REQUIRE(frame != nullptr);
    std::memcpy(frame->data, before.data(), before.size());
    frame->length = static_cast<std::uint16_t>(before.size());
    frame->flags = backend::frame_flag::kept;
    ++frame->handles;  // of who wants to send it again
    const std::byte* const at = frame->data;
    for (int i = 0; i < 3; ++i) {
        edge.leaving(std::span(&frame, 1), host.now);
        CHECK(Bytes(frame->bytes().begin(), frame->bytes().end()) == tagged(before));
        edge.left(std::span(&frame, 1), 0);
        CHECK(frame->data == at);
        CHECK(frame->handles == 2);
        CHECK(Bytes(frame->bytes().begin(), frame->bytes().end()) == before);
    }
    edge.leaving(std::span(&frame, 1), host.now);
    edge.left(std::span(&frame, 1), 1);
    CHECK(std::equal(before.begin() + 14, before.end(), at + 14));  // where its keeper wrote down that it is
    frame->drop();
    frame->drop();
}

TEST_CASE("a port that finishes checksums is not asked to where tags are put on", "[stack][vlan]") {
    for (const std::uint16_t vlan : {our_vlan, std::uint16_t{0}}) {
        stack::Driver<SumsPort> driver(Station::config_in(vlan), 0);
        CHECK(driver.stack().config().checksums_sent == (vlan == 0));
    }
}

Task<std::size_t> read_all(net::TcpStream stream) {
    std::vector<std::byte> buffer(4096);
    std::size_t total = 0;
    for (;;) {
        const auto got = co_await stream.read(buffer);
        if (!got || *got == 0) co_return total;
        total += *got;
    }
}

TEST_CASE("TCP in a VLAN survives losses, and each frame of it is tagged", "[stack][vlan][simulation]") {
    constexpr std::size_t bytes = 300'000;
    const TempTree tree;
    const std::string path = tree.root() / "vlan.pcapng";
    {
        testing::SimulationOptions options;
        options.seed = 5;
        options.link = {.delay = 1ms, .drop = 0.02};
        options.stack.vlan = our_vlan;
        testing::Simulation sim(options);
        auto& server = sim.host("server");
        auto& client = sim.host("client");
        sim.capture(path);
        auto received = server.spawn([]() -> Task<std::size_t> {
            auto listener = net::TcpListener::bind({net::IpAddr::v4_any(), 80});
            auto accepted = co_await listener->accept();
            co_return co_await read_all(*std::move(accepted));
        });
        client.run([to = server.at(80)]() -> Task<> {
            auto stream = co_await net::TcpStream::connect(to);
            REQUIRE(stream);
            const std::vector<std::byte> data(bytes, std::byte{'x'});
            const auto written = co_await stream->write_all(data);
            CHECK(written);
            (void)stream->shutdown();
        });
        CHECK(sim.finish(received) == bytes);
        CHECK(sim.wire().dropped != 0);
    }
    const auto packets = pcapng_packets(contents_of(path));
    CHECK(packets.size() > 2 * bytes / 1460);
    for (const PcapngPacket& packet : packets) {
        const auto frame = std::as_bytes(std::span(packet.bytes));
        REQUIRE(is_in(Bytes(frame.begin(), frame.end()), our_vlan));
        REQUIRE(frame.size() <= 1518);
    }
}

}  // namespace
}  // namespace skerry
