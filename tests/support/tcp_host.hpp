#pragma once

// One stack whose TCP peer is the test: segments in and out by hand.

#include "support/stack_host.hpp"

#include <skerry/stack/tcp/tcp.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/tcp_options.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::tests {

namespace flag = stack::wire::tcp_flag;

/// The time-out of a connection whose round trips took no time: they count as a microsecond.
inline constexpr std::chrono::microseconds least_time_out{200'001};

inline constexpr std::uint16_t host_port = 7000;
inline constexpr std::uint16_t peer_port = 5000;

/// A segment, either way.
struct TestSegment {
    std::uint8_t flags = 0;
    std::uint32_t seq = 0;
    std::uint32_t ack = 0;
    std::string text;
    std::uint16_t window = 65'535;
    std::optional<stack::wire::TcpTimestamps> timestamps;
    std::optional<std::uint16_t> mss;
    std::optional<std::uint8_t> scale;
    bool sack_permitted = false;
    std::vector<stack::wire::SackBlock> sack;
    Bytes options;  ///< of one that left: as they lay in its header

    [[nodiscard]] bool is_syn() const { return (flags & flag::syn) != 0; }
};

/// Of the header and what is in it; the checksum is still to be made, for the addresses of either family.
inline Bytes segment_bytes(const TestSegment& segment, std::uint16_t to, std::uint16_t from) {
    stack::wire::TcpOptions options;
    if (segment.timestamps) {
        options.has_timestamps = true;
        options.timestamps = *segment.timestamps;
    }
    if (segment.mss) {
        options.has_mss = true;
        options.mss = *segment.mss;
    }
    if (segment.scale) {
        options.has_window_scale = true;
        options.window_scale = *segment.scale;
    }
    options.sack_permitted = segment.sack_permitted;
    options.sack_blocks = static_cast<std::uint8_t>(segment.sack.size());
    std::copy(segment.sack.begin(), segment.sack.end(), options.sack.begin());
    std::array<std::byte, 40> room{};
    const std::size_t option_bytes = segment.is_syn() ? stack::wire::write_syn_options(options, room.data())
                                                      : stack::wire::write_data_options(options, room.data());
    Bytes bytes(stack::wire::tcp_bytes + option_bytes + segment.text.size());
    stack::wire::TcpHeader header;
    header.source_port = from;
    header.destination_port = to;
    header.seq = segment.seq;
    header.ack = segment.ack;
    header.flags = segment.flags;
    header.window = segment.window;
    header.header_bytes = static_cast<std::uint8_t>(stack::wire::tcp_bytes + option_bytes);
    stack::wire::write(header, bytes.data());
    std::copy_n(room.begin(), option_bytes, bytes.begin() + stack::wire::tcp_bytes);
    std::memcpy(bytes.data() + header.header_bytes, segment.text.data(), segment.text.size());
    return bytes;
}

struct TestAcceptor final : stack::tcp::Acceptor {
    void on_ready() noexcept override { ++calls; }
    int calls = 0;
};

struct TestEndpoint final : stack::tcp::Endpoint {
    void on_ready() noexcept override { ++calls; }
    int calls = 0;
};

/// A host that listens on host_port and whose peer's hardware address is known. At its end nothing may be left.
class TcpHost : public StackHost {
public:
    explicit TcpHost(const stack::StackConfig& config = host_config(), std::size_t backlog = 16,
                     std::uint32_t pool_frames = 4096)
        : StackHost(config, pool_frames) {
        give(arp(stack::wire::ArpOperation::request));
        (void)taken();
        REQUIRE(tcp().listen(acceptor, {}, host_port, backlog));
    }
    ~TcpHost() {
        for (auto& endpoint : endpoints)
            if (endpoint->tcb != nullptr) tcp().forget(*endpoint);
        tcp().close(acceptor, now);
        pass(std::chrono::minutes{20});  // TIME-WAIT and the neighbour's timers
        (void)taken();
        const auto sizes = tcp().sizes();
        CHECK(sizes.connections == 0);
        CHECK(sizes.half_open == 0);
        CHECK(sizes.time_wait == 0);
        CHECK(tcp().frames_kept() == 0);
        CHECK(frames.out() == 0);
    }

    [[nodiscard]] stack::tcp::Tcp& tcp() { return stack.tcp(); }

    // --- segments

    Bytes packet(const TestSegment& segment, std::uint16_t to = host_port, std::uint16_t from = peer_port) {
        Bytes bytes = segment_bytes(segment, to, from);
        stack::wire::seal_tcp(bytes, stack::wire::pseudo_header(peer_ip, host_ip, stack::wire::ip_protocol::tcp,
                                                                static_cast<std::uint32_t>(bytes.size())));
        return ipv4(stack::wire::ip_protocol::tcp, bytes);
    }
    void come(const TestSegment& segment, std::uint16_t to = host_port, std::uint16_t from = peer_port) {
        give(packet(segment, to, from));
    }

    /// What left since the last time, after the turn's flush.
    std::vector<TestSegment> sent() {
        stack.advance(now);
        collect();
        std::vector<TestSegment> all;
        for (const Bytes& frame : std::exchange(outbox_, {})) {
            stack::wire::Ipv4Header ip;
            const auto after_ethernet = std::span(frame).subspan(stack::wire::ethernet_bytes);
            REQUIRE(stack::wire::parse(after_ethernet, ip) == stack::Drop::none);
            const auto bytes = after_ethernet.subspan(ip.header_bytes, ip.payload_bytes());
            CHECK(stack::wire::tcp_checksum_holds(
                bytes, stack::wire::pseudo_header(ip.source, ip.destination, stack::wire::ip_protocol::tcp,
                                                  static_cast<std::uint32_t>(bytes.size()))));
            stack::wire::TcpHeader header;
            REQUIRE(stack::wire::parse(bytes, header) == stack::Drop::none);
            stack::wire::TcpOptions options;
            REQUIRE(stack::wire::parse(bytes.subspan(20, header.header_bytes - 20U), options) == stack::Drop::none);
            TestSegment segment;
            segment.flags = header.flags;
            segment.seq = header.seq;
            segment.ack = header.ack;
            segment.window = header.window;
            const auto payload = bytes.subspan(header.header_bytes);
            segment.text.assign(reinterpret_cast<const char*>(payload.data()), payload.size());
            if (options.has_timestamps) segment.timestamps = options.timestamps;
            if (options.has_mss) segment.mss = options.mss;
            if (options.has_window_scale) segment.scale = options.window_scale;
            segment.sack_permitted = options.sack_permitted;
            segment.options.assign(bytes.begin() + stack::wire::tcp_bytes, payload.begin());
            segment.sack.assign(options.sack.begin(), options.sack.begin() + options.sack_blocks);
            last_port = header.source_port;
            all.push_back(segment);
        }
        return all;
    }
    /// Time goes by, from deadline to deadline. What leaves meanwhile is kept for sent().
    void pass(std::chrono::nanoseconds time) {
        const time::Instant end = now + time;
        while (now < end) {
            now = std::clamp(stack.next_deadline(), now, end);
            stack.advance(now);
            collect();
        }
    }
    /// The only one that left.
    TestSegment only() {
        const auto all = sent();
        REQUIRE(all.size() == 1);
        return all.front();
    }

    /// Until something leaves, or `limit` is over; how long it took.
    std::chrono::nanoseconds until_sent(std::chrono::nanoseconds limit, std::vector<TestSegment>& out) {
        const time::Instant start = now;
        for (out = sent(); out.empty() && now - start < limit; out = sent()) {
            const time::Instant next = std::max(now, stack.next_deadline());
            now = std::min(next, start + limit);
        }
        return now - start;
    }

    // --- connections

    TestEndpoint& endpoint() {
        endpoints.push_back(std::make_unique<TestEndpoint>());
        return *endpoints.back();
    }

    /// A passive open with the peer's first number `irs`; null when nothing could be accepted.
    TestEndpoint& establish(TestSegment syn = {}, std::uint16_t from = peer_port) {
        syn.flags = flag::syn;
        if (syn.seq == 0) syn.seq = 1000;
        come(syn, host_port, from);
        const TestSegment answer = only();
        REQUIRE(answer.flags == (flag::syn | flag::ack));
        peer_seq = syn.seq + 1;
        host_seq = answer.seq + 1;
        TestSegment ack;
        ack.flags = flag::ack;
        ack.seq = peer_seq;
        ack.ack = host_seq;
        ack.window = syn.window;
        if (syn.timestamps)
            ack.timestamps = stack::wire::TcpTimestamps{syn.timestamps->value, answer.timestamps->value};
        come(ack, host_port, from);
        CHECK(sent().empty());
        TestEndpoint& accepted = endpoint();
        REQUIRE(tcp().accept(acceptor, accepted));
        return accepted;
    }

    /// A segment of the peer's at its next number, which moves on.
    void say(std::string_view text, std::uint8_t flags = flag::ack | flag::psh) {
        TestSegment segment;
        segment.flags = flags;
        segment.seq = peer_seq;
        segment.ack = host_seq;
        segment.text = text;
        come(segment);
        peer_seq += static_cast<std::uint32_t>(text.size()) + ((flags & flag::fin) != 0 ? 1 : 0);
    }
    void acknowledge(std::uint32_t ack, std::uint16_t window = 65'535) {
        TestSegment segment;
        segment.flags = flag::ack;
        segment.seq = peer_seq;
        segment.ack = ack;
        segment.window = window;
        come(segment);
    }

    std::string read(TestEndpoint& from) {
        std::string text(from.tcb->received_bytes, ' ');
        text.resize(tcp().read(*from.tcb, std::as_writable_bytes(std::span(text.data(), text.size())), now));
        return text;
    }
    std::size_t write(TestEndpoint& to, std::string_view text) {
        return tcp().write(*to.tcb, std::as_bytes(std::span(text)), now);
    }

private:
    /// Takes what left. Questions for our hardware address are answered: we are still here.
    void collect() {
        std::vector<Bytes> packets = taken();
        for (std::size_t i = 0; i < packets.size(); ++i) {
            if (packets[i][13] == std::byte{6}) {  // 0x0806: ARP
                give(arp(stack::wire::ArpOperation::reply));
                for (Bytes& more : taken()) packets.push_back(std::move(more));
            } else {
                outbox_.push_back(std::move(packets[i]));
            }
        }
    }

    std::vector<Bytes> outbox_;

public:
    TestAcceptor acceptor;
    std::vector<std::unique_ptr<TestEndpoint>> endpoints;
    std::uint32_t peer_seq = 0;  ///< what the peer says next
    std::uint32_t host_seq = 0;  ///< what the peer expects next
    std::uint16_t last_port = 0;  ///< of the host, in what was sent last
};

}  // namespace skerry::tests
