// What do the wire formats cost a packet? Budgets: 5 ns for the sum of 96 bytes; and an in-order TCP segment has 150 ns
// from the port to the ready task, of which its three headers may take a tenth.

#include <skerry/stack/wire/checksum.hpp>
#include <skerry/stack/wire/ethernet.hpp>
#include <skerry/stack/wire/ipv4.hpp>
#include <skerry/stack/wire/tcp.hpp>
#include <skerry/stack/wire/tcp_options.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace {

using namespace skerry::stack;
using namespace skerry::stack::wire;

/// The sum of so many bytes, which lie at an address that is even and no multiple of 8, as they do behind Ethernet.
void checksum(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range(0));
    std::vector<std::byte> bytes(size + 2, std::byte{0x5a});
    std::span<const std::byte> piece{bytes.data() + 2, size};
    for (auto _ : state) {
        benchmark::DoNotOptimize(piece);
        benchmark::DoNotOptimize(fold(sum(piece)));
    }
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(checksum)->Arg(20)->Arg(40)->Arg(96)->Arg(1460);

constexpr std::size_t frame_headers = ethernet_bytes + ipv4_bytes + tcp_bytes + tcp_timestamps_bytes;

std::vector<std::byte> segment(std::size_t payload_bytes) {
    std::vector<std::byte> frame(frame_headers + payload_bytes, std::byte{0x5a});
    write(
        EthernetHeader{
            .destination = {{2, 0, 0, 0, 0, 1}}, .source = {{2, 0, 0, 0, 0, 2}}, .ether_type = ether_type::ipv4},
        frame.data());
    Ipv4Header ip;
    ip.total_bytes = static_cast<std::uint16_t>(frame.size() - ethernet_bytes);
    ip.protocol = ip_protocol::tcp;
    ip.source = Ipv4Addr::of(10, 0, 0, 2);
    ip.destination = Ipv4Addr::of(10, 0, 0, 1);
    write(ip, frame.data() + ethernet_bytes);
    TcpHeader tcp;
    tcp.source_port = 12345;
    tcp.destination_port = 80;
    tcp.header_bytes = tcp_bytes + tcp_timestamps_bytes;
    tcp.flags = tcp_flag::ack | tcp_flag::psh;
    const std::span<std::byte> bytes = std::span{frame}.subspan(ethernet_bytes + ipv4_bytes);
    write(tcp, bytes.data());
    store_only_timestamps({1, 2}, bytes.data() + tcp_bytes);
    seal_tcp(bytes, pseudo_header(ip.source, ip.destination, ip_protocol::tcp, ip.payload_bytes()));
    return frame;
}

/// Ethernet, IPv4 and TCP with timestamps, as the stack reads them; `known` says whether the port verified checksums.
Drop read_segment(std::span<const std::byte> frame, FrameChecksum known, TcpHeader& tcp, TcpTimestamps& timestamps) {
    EthernetHeader ethernet;
    if (const Drop drop = parse(frame, ethernet); drop != Drop::none) return drop;
    frame = frame.subspan(ethernet.header_bytes);
    Ipv4Header ip;
    if (const Drop drop = parse(frame, ip, known); drop != Drop::none) return drop;
    frame = frame.first(ip.total_bytes).subspan(ip.header_bytes);
    if (const Drop drop = parse(frame, tcp); drop != Drop::none) return drop;
    if (known != FrameChecksum::good &&
        !tcp_checksum_holds(frame, pseudo_header(ip.source, ip.destination, ip.protocol, ip.payload_bytes())))
        return Drop::tcp_checksum;
    const auto options = frame.subspan(tcp_bytes, tcp.header_bytes - tcp_bytes);
    if (has_only_timestamps(options)) {
        timestamps = load_only_timestamps(options);
        return Drop::none;
    }
    TcpOptions all;
    const Drop drop = parse(options, all);
    timestamps = all.timestamps;
    return drop;
}

void parse_segment(benchmark::State& state, FrameChecksum known) {
    const auto frame = segment(static_cast<std::size_t>(state.range(0)));
    std::span<const std::byte> bytes{frame};
    TcpHeader tcp;
    TcpTimestamps timestamps;
    for (auto _ : state) {
        benchmark::DoNotOptimize(bytes);
        if (read_segment(bytes, known, tcp, timestamps) != Drop::none) state.SkipWithError("refused");
        benchmark::DoNotOptimize(tcp);
        benchmark::DoNotOptimize(timestamps);
    }
}
BENCHMARK_CAPTURE(parse_segment, verified_by_the_port, FrameChecksum::good)->Arg(64);
BENCHMARK_CAPTURE(parse_segment, verified_here, FrameChecksum::unknown)->Arg(64)->Arg(1448);

/// All options of a SYN.
void parse_syn_options(benchmark::State& state) {
    TcpOptions options;
    options.has_mss = options.has_window_scale = options.sack_permitted = options.has_timestamps = true;
    options.mss = 1460;
    std::array<std::byte, tcp_options_bytes_max> bytes{};
    std::span<const std::byte> written{bytes.data(), write_syn_options(options, bytes.data())};
    for (auto _ : state) {
        benchmark::DoNotOptimize(written);
        benchmark::DoNotOptimize(parse(written, options));
        benchmark::DoNotOptimize(options);
    }
}
BENCHMARK(parse_syn_options);

}  // namespace
