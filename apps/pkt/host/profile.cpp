#include "profile.hpp"

#include <algorithm>

namespace skerry::pkt {

using stack::tcp::CongestionControl;

// Of the two that both kernels have; FreeBSD's name for Reno is another.
std::optional<CongestionControl> parse_congestion(std::string_view name, Flavour flavour) noexcept {
    for (const CongestionControl algorithm : {CongestionControl::reno, CongestionControl::cubic})
        if (congestion_name(algorithm, flavour) == name) return algorithm;
    return {};
}

std::string_view congestion_name(CongestionControl algorithm, Flavour flavour) noexcept {
    if (algorithm == CongestionControl::reno && flavour == Flavour::freebsd) return "newreno";
    return backend::name_of(algorithm);
}

void apply_for_scripts(Profile profile, stack::TcpLimits& limits) noexcept {
    stack::apply(profile, limits);
    // Scripts are written for RFC 5681's windows; one that is about CUBIC asks for it.
    limits.congestion_control = CongestionControl::reno;
    // And for a window that says what they expect: tcp_moderate_rcvbuf is 0.
    if (profile != Profile::freebsd) limits.receive_buffer_max = 0;
}

std::size_t accept_queue(int backlog, Flavour flavour) noexcept {
    constexpr int somaxconn_linux = 4096;
    constexpr int somaxconn_freebsd = 128;
    if (flavour == Flavour::freebsd) {
        const int limit = backlog < 0 || backlog > somaxconn_freebsd ? somaxconn_freebsd : backlog;
        return static_cast<std::size_t>(3 * limit / 2) + 1;
    }
    // A negative one is unsigned there, and so cut to the most.
    const int limit = backlog < 0 ? somaxconn_linux : std::min(backlog, somaxconn_linux);
    return static_cast<std::size_t>(limit) + 1;
}

}  // namespace skerry::pkt
