#include "udp_socket.hpp"

#include "readiness.hpp"

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <utility>

namespace skerry::pkt {

using stack::wire::Ipv4Addr;

namespace {

constexpr std::size_t payload_most = 65'507;  // of a datagram, with both headers 65'535

Attempt named(const net::SocketAddr& address) {
    Returned result = success();
    result.output.address = address;
    return result;
}

Attempt with_option(OptionValue value) {
    Returned result = success();
    result.output.option = std::move(value);
    return result;
}

Attempt no_option(int level, int name) {
    return unsupported("socket option " + std::to_string(name) + " of level " + std::to_string(level) + " of UDP");
}

}  // namespace

UdpSocket::~UdpSocket() {
    drop_fetched();
    if (is_open_) udp().close(*this, home_.engine.now());
}

// --- names

Attempt UdpSocket::open(Ipv4Addr address, std::uint16_t wanted) {
    if (auto opened = udp().open(*this, address, wanted); !opened) {
        if (opened.error() == Errc::address_in_use && may_share_)
            return unsupported("SO_REUSEADDR of UDP: the stack gives a port once");
        return failed_with(opened.error().code(), home_.flavour);
    }
    is_open_ = true;
    return success();
}

Attempt UdpSocket::bind(const net::SocketAddr& address) {
    if (is_open_) return failure(EINVAL);
    if (!family_.takes(address.ip())) return failure(EAFNOSUPPORT);
    if (!family_.speaks(address.ip())) return failure(EINVAL);
    const auto named_host = family_.name(home_.engine.stack().hosts(), address.ip());
    if (address.ip().unmapped().is_loopback() || !named_host)
        return unsupported("bind to a loopback address: the machine has none");
    return open(*named_host, address.port());
}

std::optional<Attempt> UdpSocket::open_if_needed() {
    if (is_open_) return {};
    Attempt opened = open(family_.any(), 0);
    const auto* const result = std::get_if<Returned>(&opened);
    if (result != nullptr && result->value == 0) return {};
    return opened;
}

Attempt UdpSocket::connect(const net::SocketAddr& to) {
    if (!family_.takes(to.ip())) return failure(EAFNOSUPPORT);
    if (!family_.speaks(to.ip())) return failure(ENETUNREACH);
    if (to.port() == 0 || to.is_unspecified()) return unsupported("connect() of UDP to no address, or to port 0");
    if (auto wrong = open_if_needed()) return *std::move(wrong);
    const auto host = family_.name(home_.engine.stack().hosts(), to.ip());
    if (!host) return failure(ENETUNREACH);
    if (auto done = udp().connect(*this, *host, to.port()); !done)
        return failed_with(done.error().code(), home_.flavour);
    return success();
}

// Who is connected has the address by which the packets leave.
Attempt UdpSocket::local_address() {
    const bool is_chosen = is_connected() && stack::is_any(local);
    const bool is_to_v6 = stack::is_host_number(remote);
    const Ipv4Addr own = is_to_v6 ? stack::Hosts::own_v6 : home_.engine.config().address;
    return named(shown(ip(is_chosen ? own : local), port));
}

Attempt UdpSocket::peer_address() { return is_connected() ? named(shown(ip(remote), remote_port)) : failure(ENOTCONN); }

Attempt UdpSocket::shutdown(int) {
    if (!is_connected()) return failure(ENOTCONN);
    return unsupported("shutdown() of UDP");
}

// --- datagrams

void UdpSocket::fetch() {
    if (fetched_.frame == nullptr && is_open_) fetched_ = take();
}

void UdpSocket::drop_fetched() {
    if (fetched_.frame != nullptr) std::exchange(fetched_, {}).frame->drop();
}

Attempt UdpSocket::take_error() { return failed_with(std::exchange(untold, Errc::ok), home_.flavour); }

Attempt UdpSocket::receive(const ReceiveAsk& ask) {
    if (untold != Errc::ok) return take_error();
    fetch();
    if (fetched_.frame == nullptr) return WouldBlock{};
    const std::span<const std::byte> payload = std::as_const(*fetched_.frame).bytes();
    const std::size_t count = std::min(ask.bytes, payload.size());
    Returned result = success(static_cast<std::int64_t>(ask.truncate ? payload.size() : count));
    result.output.data.assign(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(count));
    result.output.address = shown(fetched_.peer().ip(), fetched_.source_port);
    result.output.message_flags = count < payload.size() ? MSG_TRUNC : 0;
    if (!ask.peek) drop_fetched();
    return result;
}

Attempt UdpSocket::send(const SendAsk& ask, bool) {
    if (ask.to && !family_.takes(ask.to->ip())) return failure(EAFNOSUPPORT);
    if (ask.to && !family_.speaks(ask.to->ip())) return failure(ENETUNREACH);
    if (!ask.to && !is_connected()) return failure(EDESTADDRREQ);
    if (ask.to && ask.to->port() == 0) return failure(EINVAL);
    if (auto wrong = open_if_needed()) return *std::move(wrong);
    if (untold != Errc::ok) return take_error();
    const auto host = ask.to ? family_.name(home_.engine.stack().hosts(), ask.to->ip()) : std::optional(remote);
    if (!host) return failure(ENETUNREACH);
    const std::uint16_t to_port = ask.to ? ask.to->port() : remote_port;
    if (auto sent = udp().send(*this, *host, to_port, ask.data, home_.engine.now()); !sent) {
        if (sent.error() == Errc::message_too_long && ask.data.size() <= payload_most)
            return unsupported("a datagram that is longer than the MTU: the stack cuts none into pieces");
        if (sent.error() == Errc::unreachable) return failure(ENETUNREACH);  // there is no way: nothing has left
        return failed_with(sent.error().code(), home_.flavour);
    }
    return success(static_cast<std::int64_t>(ask.data.size()));
}

std::uint32_t UdpSocket::ready() {
    fetch();
    std::uint32_t events = readiness::out | readiness::out_normal;
    if (fetched_.frame != nullptr) events |= readiness::in | readiness::in_normal;
    if (untold != Errc::ok) events |= readiness::error;
    return events;
}

Attempt UdpSocket::io_control(unsigned long request) {
    if (request != FIONREAD) return unsupported("ioctl() request " + std::to_string(request) + " of a UDP socket");
    fetch();
    Returned result = success();
    result.output.integer = fetched_.frame != nullptr ? fetched_.frame->length : 0;
    return result;
}

// --- options

// What the header of each datagram says. -1 is the kernel's own value again.
Attempt UdpSocket::set_mark(int level, int name, int value) {
    const bool is_v6_name = level == IPPROTO_IPV6;
    if (name == (is_v6_name ? IPV6_UNICAST_HOPS : IP_TTL)) {
        if (value < -1 || value > 255 || (value == 0 && !is_v6_name)) return failure(EINVAL);
        marks.ttl = value == -1 ? stack::UdpMarks().ttl : static_cast<std::uint8_t>(value);
    } else if (name == (is_v6_name ? IPV6_TCLASS : IP_TOS)) {
        if (is_v6_name && (value < -1 || value > 255)) return failure(EINVAL);
        marks.traffic_class = value == -1 ? std::uint8_t{0} : static_cast<std::uint8_t>(value);
    } else {
        return no_option(level, name);
    }
    note_marks();
    return success();
}

Attempt UdpSocket::set_option(int level, int name, const OptionValue& value) {
    const int* const number = std::get_if<int>(&value);
    if (number != nullptr && level == IPPROTO_IPV6 && name == IPV6_V6ONLY && family_.is_v6) {
        if (is_open_) return failure(EINVAL);
        family_.v6_only = v6_only = *number != 0;
        return success();
    }
    if (number != nullptr && (level == IPPROTO_IP || (level == IPPROTO_IPV6 && family_.is_v6)))
        return set_mark(level, name, *number);
    if (number == nullptr || level != SOL_SOCKET) return no_option(level, name);
    switch (name) {
        case SO_REUSEADDR: may_share_ = *number != 0; return success();
        case SO_BROADCAST: may_broadcast = *number != 0; return success();
        default: return no_option(level, name);
    }
}

Attempt UdpSocket::get_option(int level, int name) {
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && family_.is_v6) return with_option(family_.v6_only ? 1 : 0);
    if (level == IPPROTO_IPV6 && name == IPV6_UNICAST_HOPS && family_.is_v6) return with_option(int{marks.ttl});
    if (level == IPPROTO_IPV6 && name == IPV6_TCLASS && family_.is_v6) return with_option(int{marks.traffic_class});
    if (level == IPPROTO_IP && name == IP_TTL) return with_option(int{marks.ttl});
    if (level == IPPROTO_IP && name == IP_TOS) return with_option(int{marks.traffic_class});
    if (level != SOL_SOCKET) return no_option(level, name);
    switch (name) {
        case SO_ERROR: {
            const Error why = std::exchange(untold, Errc::ok);
            const auto number = errno_of(why, home_.flavour);
            return number ? with_option(*number) : failed_with(why, home_.flavour);
        }
        case SO_REUSEADDR: return with_option(may_share_ ? 1 : 0);
        case SO_BROADCAST: return with_option(may_broadcast ? 1 : 0);
        case SO_TYPE: return with_option(static_cast<int>(SOCK_DGRAM));
        case SO_DOMAIN: return with_option(family_.domain());
        case SO_PROTOCOL: return with_option(static_cast<int>(IPPROTO_UDP));
        default: return no_option(level, name);
    }
}

}  // namespace skerry::pkt
