// Datagrams in pieces: in every order, with every lie, and within limits.

#include "support/stack_host.hpp"

#include <skerry/stack/long_frame.hpp>
#include <skerry/stack/wire/udp.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <utility>

namespace skerry {
namespace {

using namespace std::chrono_literals;
using namespace tests;
using stack::Drop;
using stack::Frame;
using stack::wire::Ipv4Header;

/// A reassembly of its own, and pieces by hand.
struct Fixture {
    explicit Fixture(const stack::StackConfig& settings = host_config()) : config(settings) {}
    ~Fixture() {
        {
            const auto gone = std::exchange(table, nullptr);
        }
        CHECK(timers.empty());
        CHECK(frames.out() == 0);
    }

    /// Gives bytes [begin, end) of datagram `id`; byte i of it is i modulo 251. Returns the whole one's bytes.
    Bytes give(std::uint32_t begin, std::uint32_t end, bool more, std::uint16_t id = 1, std::uint8_t protocol = 17) {
        Ipv4Header header;
        header.header_bytes = header_bytes;
        header.tos = tos;
        header.id = id;
        header.protocol = protocol;
        header.source = peer_ip;
        header.destination = host_ip;
        header.fragment_offset_bytes = static_cast<std::uint16_t>(begin);
        header.more_fragments = more;
        header.total_bytes = static_cast<std::uint16_t>(header_bytes + end - begin);
        Frame* const piece = frames.allocate();
        REQUIRE(piece != nullptr);
        piece->length = header.total_bytes;
        std::memset(piece->data, 0, header_bytes);
        piece->data[1] = std::byte{tos};
        for (std::uint32_t i = begin; i < end; ++i)
            piece->data[header_bytes + i - begin] = static_cast<std::byte>(i % 251);
        piece->trim_front(header_bytes);
        Frame* const whole = table->add(*piece, header, now);
        if (whole == nullptr) return {};
        CHECK_FALSE(header.is_fragment());
        CHECK(header.protocol == protocol);
        CHECK(whole->data[1 - header.header_bytes] == std::byte{header.tos});
        whole_tos = header.tos;
        Bytes bytes(whole->bytes().begin(), whole->bytes().end());
        whole->drop();
        return bytes;
    }

    stack::StackConfig config;
    std::uint8_t header_bytes = stack::wire::ipv4_bytes;  ///< of the next pieces, options included
    std::uint8_t tos = 0;  ///< of them
    std::uint8_t whole_tos = 0;  ///< of the last whole one
    time::Instant now = time::Instant::from_nanos(1'000'000'000);
    backend::HeapFrames frames;
    stack::Timers timers{now};
    stack::DropCounters drops;
    stack::Hosts hosts{7, {}, {}};
    std::unique_ptr<stack::Reassembly> table = std::make_unique<stack::Reassembly>(config, hosts, timers, drops);
};

bool is_sound(const Bytes& bytes, std::size_t size) {
    if (bytes.size() != size) return false;
    for (std::size_t i = 0; i < size; ++i)
        if (bytes[i] != static_cast<std::byte>(i % 251)) return false;
    return true;
}

TEST_CASE("pieces in any order, some of them twice, make the datagram", "[stack][reassembly]") {
    Fixture f;
    std::mt19937 random(3);
    for (std::uint16_t id = 0; id < 300; ++id) {
        const std::uint32_t size = 1 + random() % 9000;
        const std::uint32_t step = 8 * (1 + random() % 180);
        std::vector<std::uint32_t> begins;
        for (std::uint32_t begin = 0; begin < size; begin += step) begins.push_back(begin);
        if (begins.size() < 2 || begins.size() > 60) continue;
        std::shuffle(begins.begin(), begins.end(), random);
        for (std::size_t i = 0; i < begins.size(); ++i) {
            const std::uint32_t end = std::min(size, begins[i] + step);
            if (i + 1 < begins.size()) {
                REQUIRE(f.give(begins[i], end, end < size, id).empty());
                if (random() % 8 == 0) REQUIRE(f.give(begins[i], end, end < size, id).empty());
            } else {
                REQUIRE(is_sound(f.give(begins[i], end, end < size, id), size));
            }
        }
        REQUIRE(f.table->datagrams() == 0);
        REQUIRE(f.table->bytes() == 0);
    }
}

TEST_CASE("the longest datagram has 65,515 bytes of payload", "[stack][reassembly]") {
    Fixture f;
    Bytes whole;
    for (std::uint32_t begin = 0; begin < 65'515; begin += 1480) {
        const std::uint32_t end = std::min<std::uint32_t>(65'515, begin + 1480);
        whole = f.give(begin, end, end < 65'515);
    }
    CHECK(is_sound(whole, 65'515));
}

TEST_CASE("a datagram that is too long with its first piece's options is dropped", "[stack][reassembly]") {
    Fixture f;
    const std::uint32_t options = GENERATE(4U, 40U);
    const bool is_too_long = GENERATE(false, true);
    const std::uint32_t size = 65'515 - options + (is_too_long ? 1 : 0);
    f.header_bytes = static_cast<std::uint8_t>(stack::wire::ipv4_bytes + options);
    Bytes whole = f.give(0, 1480, true);
    f.header_bytes = stack::wire::ipv4_bytes;
    for (std::uint32_t begin = 1480; begin < size; begin += 1480) {
        const std::uint32_t end = std::min<std::uint32_t>(size, begin + 1480);
        whole = f.give(begin, end, end < size);
    }
    CHECK((is_too_long ? whole.empty() : is_sound(whole, size)));
    CHECK((f.drops[Drop::ipv4_fragment_end] != 0) == is_too_long);
    CHECK(f.table->datagrams() == 0);
    CHECK(f.table->bytes() == 0);
}

TEST_CASE("pieces of different datagrams are kept apart", "[stack][reassembly]") {
    Fixture f;
    CHECK(f.give(0, 16, true, 1).empty());
    CHECK(f.give(16, 24, false, 2).empty());
    CHECK(f.give(16, 24, false, 1, 1).empty());
    CHECK(f.table->datagrams() == 3);
    CHECK(is_sound(f.give(16, 24, false, 1), 24));
    CHECK(is_sound(f.give(0, 16, true, 2), 24));
}

TEST_CASE("pieces that overlap end the datagram", "[stack][reassembly]") {
    Fixture f;
    CHECK(f.give(0, 64, true).empty());
    const std::pair<std::uint32_t, std::uint32_t> bad =
        GENERATE(std::pair(0U, 72U), std::pair(8U, 16U), std::pair(56U, 128U), std::pair(0U, 8U));
    CHECK(f.give(bad.first, bad.second, true).empty());
    CHECK(f.drops[Drop::ipv4_fragment_overlap] == 2);  // both pieces
    CHECK(f.table->datagrams() == 0);
}

TEST_CASE("a mark on any piece is one on the whole, and without one it has the first one's bits",
          "[stack][reassembly][ecn]") {
    Fixture f;
    constexpr std::uint8_t ect1 = 1;
    constexpr std::uint8_t ect0 = 2;
    constexpr std::uint8_t ce = 3;
    constexpr std::uint8_t dscp = 0xb8;
    struct Case {
        std::array<std::uint8_t, 3> pieces;
        std::uint8_t whole;
    };
    const Case given = GENERATE_COPY(Case{{0, 0, 0}, 0}, Case{{ect0, ect0, ect0}, ect0}, Case{{ect1, ect0, ect0}, ect1},
                                     Case{{0, ect0, ect0}, 0}, Case{{ce, ce, ce}, ce}, Case{{ect0, ect0, ce}, ce},
                                     Case{{ect0, ce, ect0}, ce}, Case{{ce, ect0, ect1}, ce});
    const std::array<std::size_t, 3> order =
        GENERATE(std::array<std::size_t, 3>{0, 1, 2}, std::array<std::size_t, 3>{2, 1, 0});
    CAPTURE(given.pieces, order);
    Bytes whole;
    for (const std::size_t i : order) {
        f.tos = dscp | given.pieces[i];
        const auto begin = static_cast<std::uint32_t>(16 * i);
        whole = f.give(begin, begin + 16, i != 2);
    }
    CHECK(is_sound(whole, 48));
    CHECK(f.whole_tos == (dscp | given.whole));
}

TEST_CASE("a datagram of which one piece is marked and another cannot be is dropped", "[stack][reassembly][ecn]") {
    Fixture f;
    const bool is_first = GENERATE(true, false);
    f.tos = is_first ? 3 : 0;
    CHECK(f.give(0, 16, true).empty());
    f.tos = 2;
    CHECK(f.give(16, 32, true).empty());
    f.tos = is_first ? 0 : 3;
    CHECK(f.give(32, 40, false).empty());
    CHECK(f.drops[Drop::ipv4_fragment_overlap] == 3);
    CHECK(f.table->datagrams() == 0);
}

TEST_CASE("a datagram has one end", "[stack][reassembly]") {
    Fixture f;
    CHECK(f.give(64, 80, false).empty());
    SECTION("a second one") { CHECK(f.give(80, 96, false).empty()); }
    SECTION("an earlier one") { CHECK(f.give(8, 16, false).empty()); }
    SECTION("something behind it") { CHECK(f.give(80, 96, true).empty()); }
    CHECK(f.drops[Drop::ipv4_fragment_overlap] == 2);
    CHECK(f.table->datagrams() == 0);
}

TEST_CASE("what is not complete after 30 s is forgotten", "[stack][reassembly]") {
    Fixture f;
    CHECK(f.give(0, 64, true).empty());
    f.timers.advance(f.now + 29s);
    CHECK(f.table->datagrams() == 1);
    f.timers.advance(f.now + 30s);
    CHECK(f.table->datagrams() == 0);
    CHECK(f.drops[Drop::ipv4_reassembly_timeout] == 1);
}

TEST_CASE("a flood of first pieces is bounded, and the newest datagram gets through", "[stack][reassembly]") {
    stack::StackConfig config = host_config();
    config.reassembly.datagrams_max = 50;
    Fixture f(config);
    for (std::uint16_t id = 10; id < 1000; ++id) {
        f.give(0, 64, true, id);
        REQUIRE(f.table->datagrams() <= 50);
    }
    CHECK(f.drops[Drop::ipv4_reassembly_full] == 940);
    f.give(0, 64, true, 1);
    CHECK(is_sound(f.give(64, 80, false, 1), 80));
}

TEST_CASE("the memory that pieces hold is bounded", "[stack][reassembly]") {
    stack::StackConfig config = host_config();
    config.reassembly.bytes_max = 100'000;
    Fixture f(config);
    for (std::uint16_t id = 0; id < 500; ++id) f.give(0, 8, true, id);
    CHECK(f.table->bytes() <= 102'048);
}

TEST_CASE("datagrams that nobody reads are put together up to a limit", "[stack][reassembly]") {
    stack::StackConfig config = host_config();
    config.reassembly.heap_bytes_max = std::size_t{256} << 10U;
    StackHost host(config);
    struct Socket final : stack::UdpEndpoint {
        void on_ready() noexcept override {}
    } socket;
    REQUIRE(host.stack.udp().open(socket, {}, 7000));
    const auto send = [&](std::uint16_t id) {
        constexpr std::size_t bytes = 40'000;
        Bytes segment(bytes);
        stack::wire::UdpHeader udp;
        udp.source_port = 5000;
        udp.destination_port = 7000;
        udp.bytes = bytes;
        stack::wire::write(udp, segment.data());
        for (std::size_t at = 0; at < bytes; at += 1000) {
            Bytes packet(stack::wire::ipv4_bytes + 1000);
            Ipv4Header header;
            header.total_bytes = static_cast<std::uint16_t>(packet.size());
            header.id = id;
            header.protocol = stack::wire::ip_protocol::udp;
            header.source = peer_ip;
            header.destination = host_ip;
            header.fragment_offset_bytes = static_cast<std::uint16_t>(at);
            header.more_fragments = at + 1000 < bytes;
            stack::wire::write(header, packet.data());
            std::memcpy(packet.data() + stack::wire::ipv4_bytes, segment.data() + at, 1000);
            host.give(ethernet(stack::wire::ether_type::ipv4, packet));
        }
    };
    for (std::uint16_t id = 0; id < 20; ++id) send(id);
    CHECK(socket.unread() == 7);
    CHECK(host.dropped(Drop::ipv4_reassembly_full) == 13 * 40);
    CHECK(host.frames.out() == 0);
    for (auto got = socket.take(); got.frame != nullptr; got = socket.take()) got.frame->drop();
    CHECK(stack::bytes_in_long_frames() == 0);
    send(20);
    CHECK(socket.unread() == 1);
    host.stack.udp().close(socket, host.now);
}

TEST_CASE("a datagram of too many pieces is dropped", "[stack][reassembly]") {
    Fixture f;
    for (std::uint32_t i = 0; i < 64; ++i) f.give(i * 16, i * 16 + 8, true);
    CHECK(f.table->datagrams() == 1);
    f.give(64 * 16, 64 * 16 + 8, true);
    CHECK(f.table->datagrams() == 0);
    CHECK(f.drops[Drop::ipv4_reassembly_full] == 65);
}

TEST_CASE("a first piece that cuts TCP's header is refused, and a second that begins inside it",
          "[stack][reassembly]") {
    Fixture f;
    f.give(0, 8, true, 1, 6);
    f.give(8, 64, true, 2, 6);
    CHECK(f.drops[Drop::ipv4_fragment_tiny] == 2);
    CHECK(f.table->datagrams() == 0);
    f.give(0, 8, true, 3, 17);
    CHECK(f.table->datagrams() == 1);
}

}  // namespace
}  // namespace skerry
