#include "profile_settings.hpp"

#include "sysctl.hpp"

#include <string_view>

namespace skerry::pkt::kernel {

namespace {

struct Setting {
    std::string_view name;
    std::string_view value;
};

constexpr Setting settings[] = {
    {"net.ipv4.tcp_congestion_control", "reno"},  // a namespace has the machine's
    {"net.ipv4.tcp_recovery", "1"},               // RACK
    {"net.ipv4.tcp_early_retrans", "3"},          // tail loss probes
    {"net.ipv4.tcp_frto", "2"},
    {"net.ipv4.tcp_syn_linear_timeouts", "0"},    // a SYN's wait doubles from the first: RFC 6298 section 5.5
    {"net.ipv4.tcp_slow_start_after_idle", "1"},
    {"net.ipv4.tcp_moderate_rcvbuf", "0"},
    {"net.ipv4.tcp_autocorking", "0"},
    {"net.ipv4.tcp_no_metrics_save", "1"},
    {"net.ipv4.tcp_rmem", "4096 1048576 6291456"},  // a SYN's window of 65,535, a scale of 7
    {"net.ipv4.tcp_ecn", "2"},
    {"net.ipv4.tcp_ecn_fallback", "1"},
};

}  // namespace

void apply_profile_settings() {
    for (const Setting& setting : settings) (void)write_sysctl(setting.name, setting.value);
}

}  // namespace skerry::pkt::kernel
