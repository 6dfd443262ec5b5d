#pragma once

// What an attack must leave as it is: a new peer that does everything right is served. And segments that no honest peer
// would make.

#include "support/seal.hpp"
#include "support/tcp_host.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace skerry::tests {

/// A segment with options that no writer of ours would write. `options` is a multiple of four bytes.
inline Bytes raw_segment(const TestSegment& segment, const Bytes& options, std::uint16_t urgent = 0,
                         std::uint16_t from = peer_port) {
    TestSegment plain = segment;
    plain.text.clear();
    Bytes bytes = segment_bytes(plain, host_port, from);
    bytes[12] = static_cast<std::byte>((5 + options.size() / 4) << 4U);
    stack::wire::store_be16(bytes.data() + 18, urgent);
    bytes.insert(bytes.end(), options.begin(), options.end());
    const auto text = std::as_bytes(std::span(segment.text));
    bytes.insert(bytes.end(), text.begin(), text.end());
    Bytes frame = ipv4(stack::wire::ip_protocol::tcp, bytes);
    seal(frame);
    return frame;
}

/// A peer at `from` connects, says "ping", is answered with "pong" and resets. False when any of that fails.
inline bool serves(TcpHost& host, std::uint16_t from = 40'000) {
    (void)host.sent();
    TestSegment segment;
    segment.flags = flag::syn;
    segment.seq = 70'000;
    host.come(segment, host_port, from);
    const auto answers = host.sent();
    if (answers.size() != 1 || answers[0].flags != (flag::syn | flag::ack) || answers[0].ack != 70'001) return false;
    segment.flags = flag::ack | flag::psh;
    segment.seq = 70'001;
    segment.ack = answers[0].seq + 1;
    segment.text = "ping";
    host.come(segment, host_port, from);
    TestEndpoint& ours = host.endpoint();
    do {
        if (!host.tcp().accept(host.acceptor, ours)) return false;
        if (ours.tcb->tuple.remote_port != from) host.tcp().close(ours, host.now);  // an attacker's
    } while (ours.tcb == nullptr);
    if (host.read(ours) != "ping" || host.write(ours, "pong") != 4) return false;
    bool is_answered = false;
    for (const TestSegment& sent : host.sent()) is_answered |= sent.text == "pong";
    segment.flags = flag::rst;
    segment.seq += 4;
    segment.text.clear();
    host.come(segment, host_port, from);
    host.tcp().close(ours, host.now);
    (void)host.sent();
    return is_answered;
}

}  // namespace skerry::tests
