#include "listen_advice.hpp"

namespace skerry::echo {

namespace {

/// The addresses of a stack as --listen takes them; empty: none that is known.
struct Own {
    std::string v4;
    std::string more_v4;  // of several the others, ", " in front of each
    std::string v6;
    std::string more_v6;
    bool is_v6_given_by_routers = false;

    [[nodiscard]] bool has_v6() const noexcept { return !v6.empty() || is_v6_given_by_routers; }
    [[nodiscard]] std::string text() const {
        const std::string six = is_v6_given_by_routers ? "what routers give for IPv6" : v6 + more_v6;
        if (v4.empty() && six.empty()) return "no address now";
        return v4 + more_v4 + (v4.empty() || six.empty() ? "" : " and ") + six;
    }
};

// Of several ports the first, as the network is.
Own own_of(const net::StackNetwork& network, std::string_view ip6) {
    Own own;
    ip6 = ip6.substr(0, ip6.find('+'));
    if (network.address != net::IpAddr::v4_any()) own.v4 = net::to_string(network.address);
    for (const net::IpAddr& each : network.more_addresses)
        if (each != net::IpAddr::v4_any()) own.more_v4 += ", " + net::to_string(each);
    own.is_v6_given_by_routers = ip6 == "auto";
    if (own.is_v6_given_by_routers) return own;
    own.v6 = ip6.substr(0, ip6.find('/'));
    for (std::size_t comma = ip6.find(','); comma != std::string_view::npos; comma = ip6.find(',')) {
        ip6.remove_prefix(comma + 1);
        own.more_v6 += ", " + std::string(ip6.substr(0, ip6.find('/')));
    }
    return own;
}

}  // namespace

std::string listen_advice(const net::StackNetwork& own_network, std::string_view ip6,
                          const apps::ListenAddress& wanted) {
    const Own own = own_of(own_network, ip6);
    const bool asks_v6 = wanted.host.find(':') != std::string::npos;
    const bool is_v6 = own.has_v6() && (asks_v6 || own.v4.empty());
    const std::string port = ":" + std::to_string(wanted.port);
    std::string named;
    if (is_v6 && !own.v6.empty()) named = "--listen=[" + own.v6 + "]" + port + " or ";
    if (!is_v6 && !own.v4.empty()) named = "--listen=" + own.v4 + port + " or ";
    return "our own stack has " + own.text() + "; write " + named + "--listen=" + (is_v6 ? "[::]" : "0.0.0.0") + port;
}

}  // namespace skerry::echo
