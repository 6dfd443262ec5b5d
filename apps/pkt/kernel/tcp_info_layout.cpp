#include "tcp_info_layout.hpp"

#include <linux/tcp.h>  // glibc's <netinet/tcp.h> has an older struct tcp_info, and the two do not go together

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace skerry::pkt::kernel {

namespace {

struct Field {
    const char* name;
    std::size_t at;
    std::size_t bytes;
};

// Behind tcpi_received_ce_bytes Linux 6.18 has two numbers of 16 bits, and later kernels other fields in their place.
constexpr std::array fields{
    Field{"tcpi_state", 0, 1},
    Field{"tcpi_ca_state", 1, 1},
    Field{"tcpi_retransmits", 2, 1},
    Field{"tcpi_probes", 3, 1},
    Field{"tcpi_backoff", 4, 1},
    Field{"tcpi_options", 5, 1},
    Field{"tcpi_rto", 8, 4},
    Field{"tcpi_ato", 12, 4},
    Field{"tcpi_snd_mss", 16, 4},
    Field{"tcpi_rcv_mss", 20, 4},
    Field{"tcpi_unacked", 24, 4},
    Field{"tcpi_sacked", 28, 4},
    Field{"tcpi_lost", 32, 4},
    Field{"tcpi_retrans", 36, 4},
    Field{"tcpi_fackets", 40, 4},
    Field{"tcpi_last_data_sent", 44, 4},
    Field{"tcpi_last_ack_sent", 48, 4},
    Field{"tcpi_last_data_recv", 52, 4},
    Field{"tcpi_last_ack_recv", 56, 4},
    Field{"tcpi_pmtu", 60, 4},
    Field{"tcpi_rcv_ssthresh", 64, 4},
    Field{"tcpi_rtt", 68, 4},
    Field{"tcpi_rttvar", 72, 4},
    Field{"tcpi_snd_ssthresh", 76, 4},
    Field{"tcpi_snd_cwnd", 80, 4},
    Field{"tcpi_advmss", 84, 4},
    Field{"tcpi_reordering", 88, 4},
    Field{"tcpi_rcv_rtt", 92, 4},
    Field{"tcpi_rcv_space", 96, 4},
    Field{"tcpi_total_retrans", 100, 4},
    Field{"tcpi_pacing_rate", 104, 8},
    Field{"tcpi_max_pacing_rate", 112, 8},
    Field{"tcpi_bytes_acked", 120, 8},
    Field{"tcpi_bytes_received", 128, 8},
    Field{"tcpi_segs_out", 136, 4},
    Field{"tcpi_segs_in", 140, 4},
    Field{"tcpi_notsent_bytes", 144, 4},
    Field{"tcpi_min_rtt", 148, 4},
    Field{"tcpi_data_segs_in", 152, 4},
    Field{"tcpi_data_segs_out", 156, 4},
    Field{"tcpi_delivery_rate", 160, 8},
    Field{"tcpi_busy_time", 168, 8},
    Field{"tcpi_rwnd_limited", 176, 8},
    Field{"tcpi_sndbuf_limited", 184, 8},
    Field{"tcpi_delivered", 192, 4},
    Field{"tcpi_delivered_ce", 196, 4},
    Field{"tcpi_bytes_sent", 200, 8},
    Field{"tcpi_bytes_retrans", 208, 8},
    Field{"tcpi_dsack_dups", 216, 4},
    Field{"tcpi_reord_seen", 220, 4},
    Field{"tcpi_rcv_ooopack", 224, 4},
    Field{"tcpi_snd_wnd", 228, 4},
    Field{"tcpi_rcv_wnd", 232, 4},
    Field{"tcpi_rehash", 236, 4},
    Field{"tcpi_total_rto", 240, 2},
    Field{"tcpi_total_rto_recoveries", 242, 2},
    Field{"tcpi_total_rto_time", 244, 4},
    Field{"tcpi_received_ce", 248, 4},
    Field{"tcpi_delivered_e1_bytes", 252, 4},
    Field{"tcpi_delivered_e0_bytes", 256, 4},
    Field{"tcpi_delivered_ce_bytes", 260, 4},
    Field{"tcpi_received_e1_bytes", 264, 4},
    Field{"tcpi_received_e0_bytes", 268, 4},
    Field{"tcpi_received_ce_bytes", 272, 4},
};

// A field between whose neighbours nothing is amiss is where the table has it.
static_assert(offsetof(tcp_info, tcpi_rto) == 8 && offsetof(tcp_info, tcpi_reordering) == 88);
static_assert(offsetof(tcp_info, tcpi_pacing_rate) == 104 && offsetof(tcp_info, tcpi_min_rtt) == 148);
static_assert(offsetof(tcp_info, tcpi_bytes_sent) == 200 && offsetof(tcp_info, tcpi_snd_wnd) == 228);

std::int64_t number(std::span<const std::byte> bytes) {
    static_assert(std::endian::native == std::endian::little, "the front of a word is its low end");
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return static_cast<std::int64_t>(value);  // of a rate without limit: -1
}

// Fields of bits have no address; compilers fill them from the low end here.
void add_bits(std::span<const std::byte> told, TcpInfoFields& out) {
    constexpr std::size_t scales_at = 6;
    constexpr std::size_t flags_at = 7;
    if (told.size() <= flags_at) return;
    const auto scales = std::to_integer<unsigned>(told[scales_at]);
    const auto flags = std::to_integer<unsigned>(told[flags_at]);
    out.values["tcpi_snd_wscale"] = scales & 0xfU;
    out.values["tcpi_rcv_wscale"] = scales >> 4U;
    out.values["tcpi_delivery_rate_app_limited"] = flags & 1U;
    out.values["tcpi_fastopen_client_fail"] = flags >> 1U & 3U;
}

}  // namespace

TcpInfoFields info_fields(std::span<const std::byte> told) {
    TcpInfoFields out;
    for (const Field& field : fields)
        if (field.at + field.bytes <= told.size()) out.values[field.name] = number(told.subspan(field.at, field.bytes));
    add_bits(told, out);
    return out;
}

}  // namespace skerry::pkt::kernel
