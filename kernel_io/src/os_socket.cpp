#include "os_socket.hpp"

#include <skerry/backend/congestion_control.hpp>
#include <skerry/backend/stream_setup.hpp>
#include <skerry/base/os_socket_addr.hpp>

#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

namespace skerry::kernel_io {

using backend::SocketOption;

Error last_error() noexcept { return Error::from_os(errno); }

namespace {

int family_of(const net::SocketAddr& address) noexcept { return address.is_v4() ? AF_INET : AF_INET6; }

Result<> set_int(int fd, int level, int name, int value) noexcept {
    if (::setsockopt(fd, level, name, &value, sizeof value) != 0) return last_error();
    return {};
}

void set_no_delay(int fd) noexcept { (void)set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

Result<> bind_to(int fd, const net::SocketAddr& address) noexcept {
    sockaddr_storage storage;
    const socklen_t length = net::to_os(address, storage);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&storage), length) != 0) return last_error();
    return {};
}

Result<> set_device(int fd, const backend::DeviceName& device) noexcept {
    if (device.is_too_long()) return Errc::invalid_argument;
    if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device.text().data(), device.text().size()) != 0)
        return last_error();
    return {};
}

// Before bind(), which reuse concerns, and before a SYN, which has the size of the buffer.
Result<> set_up(int fd, bool is_v6, const backend::StreamSetup& setup) noexcept {
    if (setup.reuse_address)
        if (auto set = set_int(fd, SOL_SOCKET, SO_REUSEADDR, *setup.reuse_address ? 1 : 0); !set) return set;
    if (setup.reuse_port)
        if (auto set = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1); !set) return set;
    if (!setup.device.empty())
        if (auto set = set_device(fd, setup.device); !set) return set;
    return setup.options.apply([&](SocketOption option, int value) { return set_option(fd, is_v6, option, value); });
}

// A free port is chosen by connect(), which knows towards whom it has to be free.
Result<> bind_to_connect(int fd, const net::SocketAddr& local) noexcept {
    if (local.port() == 0) (void)set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return bind_to(fd, local);
}

// Where an option lives, and whether the kernel keeps it as a plain int.
struct OptionName {
    int level;
    int name;
};

std::optional<OptionName> name_of(SocketOption option, bool is_v6) noexcept {
    switch (option) {
        case SocketOption::no_delay: return OptionName{IPPROTO_TCP, TCP_NODELAY};
        case SocketOption::cork: return OptionName{IPPROTO_TCP, TCP_CORK};
        case SocketOption::quick_ack: return OptionName{IPPROTO_TCP, TCP_QUICKACK};
        case SocketOption::keep_alive: return OptionName{SOL_SOCKET, SO_KEEPALIVE};
        case SocketOption::keep_alive_idle_s: return OptionName{IPPROTO_TCP, TCP_KEEPIDLE};
        case SocketOption::keep_alive_interval_s: return OptionName{IPPROTO_TCP, TCP_KEEPINTVL};
        case SocketOption::keep_alive_count: return OptionName{IPPROTO_TCP, TCP_KEEPCNT};
        case SocketOption::user_timeout_ms: return OptionName{IPPROTO_TCP, TCP_USER_TIMEOUT};
        case SocketOption::receive_buffer_bytes: return OptionName{SOL_SOCKET, SO_RCVBUF};
        case SocketOption::send_buffer_bytes: return OptionName{SOL_SOCKET, SO_SNDBUF};
        case SocketOption::ttl:
            return is_v6 ? OptionName{IPPROTO_IPV6, IPV6_UNICAST_HOPS} : OptionName{IPPROTO_IP, IP_TTL};
        case SocketOption::traffic_class:
            return is_v6 ? OptionName{IPPROTO_IPV6, IPV6_TCLASS} : OptionName{IPPROTO_IP, IP_TOS};
        case SocketOption::broadcast: return OptionName{SOL_SOCKET, SO_BROADCAST};
        case SocketOption::multicast_loop:
            return is_v6 ? OptionName{IPPROTO_IPV6, IPV6_MULTICAST_LOOP} : OptionName{IPPROTO_IP, IP_MULTICAST_LOOP};
        case SocketOption::multicast_ttl:
            return is_v6 ? OptionName{IPPROTO_IPV6, IPV6_MULTICAST_HOPS} : OptionName{IPPROTO_IP, IP_MULTICAST_TTL};
        case SocketOption::busy_poll_us: return OptionName{SOL_SOCKET, SO_BUSY_POLL};
        case SocketOption::receive_segments: return OptionName{IPPROTO_UDP, UDP_GRO};
        case SocketOption::receive_local:
            return is_v6 ? OptionName{IPPROTO_IPV6, IPV6_RECVPKTINFO} : OptionName{IPPROTO_IP, IP_PKTINFO};
        case SocketOption::receive_ttl:
            return is_v6 ? OptionName{IPPROTO_IPV6, IPV6_RECVHOPLIMIT} : OptionName{IPPROTO_IP, IP_RECVTTL};
        case SocketOption::receive_traffic_class:
            return is_v6 ? OptionName{IPPROTO_IPV6, IPV6_RECVTCLASS} : OptionName{IPPROTO_IP, IP_RECVTOS};
        case SocketOption::multicast_interface:
            if (is_v6) return OptionName{IPPROTO_IPV6, IPV6_MULTICAST_IF};
            break;
        case SocketOption::receive_time: return OptionName{SOL_SOCKET, SO_TIMESTAMPING};
        case SocketOption::congestion_control:
        case SocketOption::rack:
        case SocketOption::tail_probe:
        case SocketOption::proportional_rate:
        case SocketOption::linger_s:
        case SocketOption::send_local:
        case SocketOption::send_traffic_class: break;
    }
    return std::nullopt;
}

// Whether IPv4 looks at its own option also where the socket is of IPv6.
bool is_kept_per_version(SocketOption option) noexcept {
    return option == SocketOption::ttl || option == SocketOption::traffic_class ||
           option == SocketOption::receive_ttl || option == SocketOption::receive_traffic_class;
}

}  // namespace

Result<OwnedFd> open_stream(const net::SocketAddr& peer, const backend::StreamSetup* setup) noexcept {
    OwnedFd fd(::socket(family_of(peer), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return last_error();
    set_no_delay(fd.get());
    if (setup == nullptr) return fd;
    if (auto set = set_up(fd.get(), !peer.is_v4(), *setup); !set) return set.error();
    if (setup->local)
        if (auto bound = bind_to_connect(fd.get(), *setup->local); !bound) return bound.error();
    return fd;
}

Result<OwnedFd> open_listener(const net::SocketAddr& address, const backend::ListenOptions& options,
                              const backend::StreamSetup* setup) noexcept {
    OwnedFd fd(::socket(family_of(address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return last_error();
    if (auto set = set_int(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1); !set) return set.error();
    if (options.reuse_port)
        if (auto set = set_int(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1); !set) return set.error();
    if (!address.is_v4())
        if (auto set = set_int(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0); !set) return set.error();
    set_no_delay(fd.get());  // what is accepted inherits it
    if (setup != nullptr)
        if (auto set = set_up(fd.get(), !address.is_v4(), *setup); !set) return set.error();
    if (auto bound = bind_to(fd.get(), address); !bound) return bound.error();
    if (::listen(fd.get(), options.backlog) != 0) return last_error();
    // The kernel makes the group when the second one comes, and has this one in it.
    if (options.reuse_port_first)
        if (auto set = set_int(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1); !set) return set.error();
    return fd;
}

Result<OwnedFd> open_datagram(const net::SocketAddr& address, const backend::BindOptions& options) noexcept {
    OwnedFd fd(::socket(family_of(address), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return last_error();
    // A group is received by every program that joins it, so its port may be bound more than once.
    if (address.ip().is_multicast())
        if (auto set = set_int(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1); !set) return set.error();
    if (options.reuse_port)
        if (auto set = set_int(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1); !set) return set.error();
    if (!address.is_v4())
        if (auto set = set_int(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0); !set) return set.error();
    if (auto bound = bind_to(fd.get(), address); !bound) return bound.error();
    return fd;
}

Result<net::SocketAddr> local_address(int fd) noexcept {
    sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return last_error();
    return net::from_os(storage, length);
}

Result<net::SocketAddr> peer_address(int fd) noexcept {
    sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return last_error();
    return net::from_os(storage, length);
}

Result<> connect_datagram(int fd, const net::SocketAddr& peer) noexcept {
    sockaddr_storage storage;
    const socklen_t length = net::to_os(peer, storage);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&storage), length) != 0) return last_error();
    return {};
}

Result<> shut_down(int fd, backend::ShutdownHow how) noexcept {
    const int mode = how == backend::ShutdownHow::read    ? SHUT_RD
                     : how == backend::ShutdownHow::write ? SHUT_WR
                                                          : SHUT_RDWR;
    // After the peer's reset there is nothing to shut down, which is what the caller wanted.
    if (::shutdown(fd, mode) != 0 && errno != ENOTCONN) return last_error();
    return {};
}

int pending_error(int fd) noexcept {
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
    return error;
}

void reset_on_close(int fd) noexcept {
    const linger hard{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

namespace {

constexpr int kernel_times = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
constexpr int device_times = SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;

Result<> set_receive_time(int fd, int value) noexcept {
    if (value < 0 || value > 2) return Errc::invalid_argument;
    const int flags = (value > 0 ? kernel_times : 0) | (value > 1 ? device_times : 0);
    return set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, flags);
}

// IPv4's tells the interface's address to who asks, not its number; so who sets it here keeps that.
Result<> set_multicast_interface(int fd, int index) noexcept {
    ip_mreqn request{};
    request.imr_ifindex = index;
    if (::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request) == 0) return {};
    return errno == EADDRNOTAVAIL ? Error(Errc::not_found, EADDRNOTAVAIL) : last_error();
}

// Named, and not numbered. A kernel that does not have it, and cannot load it, says ENOENT.
Result<> set_congestion_control(int fd, int value) noexcept {
    const auto algorithm = backend::to_congestion_control(value);
    if (!algorithm) return Errc::not_found;
    const std::string_view name = backend::name_of(*algorithm);
    if (::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) == 0) return {};
    return errno == ENOENT ? Error(Errc::unsupported, ENOENT) : last_error();
}

Result<int> congestion_control(int fd) noexcept {
    std::array<char, 16> name{};  // TCP_CA_NAME_MAX
    socklen_t length = name.size();
    if (::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), &length) != 0) return last_error();
    const auto algorithm =
        backend::to_congestion_control(std::string_view(name.data(), ::strnlen(name.data(), length)));
    if (!algorithm) return Errc::unsupported;  // one that has no number here
    return static_cast<int>(*algorithm);
}

}  // namespace

Result<> set_option(int fd, bool is_v6, SocketOption option, int value) noexcept {
    if (option == SocketOption::linger_s) {
        // The kernel keeps whoever closes waiting, also on a non-blocking socket, and that would be the core.
        if (value > 0) return Errc::unsupported;
        const linger setting{value == 0 ? 1 : 0, 0};
        if (::setsockopt(fd, SOL_SOCKET, SO_LINGER, &setting, sizeof setting) != 0) return last_error();
        return {};
    }
    if (option == SocketOption::receive_time) return set_receive_time(fd, value);
    if (option == SocketOption::congestion_control) return set_congestion_control(fd, value);
    if (option == SocketOption::multicast_interface && !is_v6) return set_multicast_interface(fd, value);
    const auto name = name_of(option, is_v6);
    if (!name) return Errc::unsupported;
    if (auto set = set_int(fd, name->level, name->name, value); !set) return set;
    // A socket of IPv6 that carries IPv4 too has this twice. Where it does not, nothing comes of it.
    if (is_v6 && is_kept_per_version(option)) {
        const auto of_v4 = name_of(option, false);
        (void)set_int(fd, of_v4->level, of_v4->name, value);
    }
    return {};
}

Result<int> get_option(int fd, bool is_v6, SocketOption option) noexcept {
    if (option == SocketOption::linger_s) {
        linger setting{};
        socklen_t length = sizeof setting;
        if (::getsockopt(fd, SOL_SOCKET, SO_LINGER, &setting, &length) != 0) return last_error();
        return setting.l_onoff != 0 ? setting.l_linger : -1;
    }
    if (option == SocketOption::congestion_control) return congestion_control(fd);
    const auto name = name_of(option, is_v6);
    if (!name) return Errc::unsupported;
    int value = 0;
    socklen_t length = sizeof value;
    if (::getsockopt(fd, name->level, name->name, &value, &length) != 0) return last_error();
    if (option == SocketOption::receive_time) return (value & device_times) != 0 ? 2 : (value != 0 ? 1 : 0);
    return value;
}

namespace {

bool hears_all_sources(int fd, const backend::Membership& membership) noexcept {
    group_filter filter{};
    filter.gf_interface = membership.interface_index;
    (void)net::to_os(net::SocketAddr(membership.group, 0), filter.gf_group);
    socklen_t length = GROUP_FILTER_SIZE(0);
    const int level = membership.group.is_v4() ? IPPROTO_IP : IPPROTO_IPV6;
    return ::getsockopt(fd, level, MCAST_MSFILTER, &filter, &length) == 0 && filter.gf_fmode == MCAST_EXCLUDE;
}

// Names interfaces by their numbers for both versions, as IP_ADD_SOURCE_MEMBERSHIP does not.
Result<> change_source(int fd, const backend::Membership& membership, backend::MembershipChange change) noexcept {
    using enum backend::MembershipChange;
    constexpr std::array names{MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP, MCAST_BLOCK_SOURCE,
                               MCAST_UNBLOCK_SOURCE};
    const bool is_v4 = membership.group.is_v4();
    if (membership.source.is_v4() != is_v4 || membership.source.is_multicast() || membership.source.is_unspecified())
        return Errc::invalid_argument;
    group_source_req request{};
    request.gsr_interface = membership.interface_index;
    (void)net::to_os(net::SocketAddr(membership.group, 0), request.gsr_group);
    (void)net::to_os(net::SocketAddr(membership.source, 0), request.gsr_source);
    const bool is_about_one = change == join || change == leave;
    // Linux would make of a group that was joined for all sources one for this alone, or for none.
    if (is_about_one && hears_all_sources(fd, membership))
        return change == join ? Errc::invalid_argument : Errc::address_not_available;
    const int name = names[static_cast<std::size_t>(change)];
    if (::setsockopt(fd, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, name, &request, sizeof request) == 0) return {};
    // Linux says so when the source is joined or shut out already, and the second when the group is not joined at all.
    if ((change == join || change == block) && errno == EADDRNOTAVAIL)
        return Error(Errc::address_in_use, EADDRNOTAVAIL);
    if (change == leave && errno == EINVAL) return Error(Errc::address_not_available, EINVAL);
    return last_error();
}

}  // namespace

Result<> change_membership(int fd, const backend::Membership& membership, backend::MembershipChange change) noexcept {
    const net::IpAddr& group = membership.group;
    const bool join = change == backend::MembershipChange::join;
    if (!group.is_multicast()) return Errc::invalid_argument;
    if (membership.has_source) return change_source(fd, membership, change);
    sockaddr_storage storage;
    (void)net::to_os(net::SocketAddr(group, 0), storage);
    if (group.is_v4()) {
        ip_mreqn request{};
        request.imr_multiaddr = reinterpret_cast<const sockaddr_in&>(storage).sin_addr;
        request.imr_ifindex = static_cast<int>(membership.interface_index);
        const int name = join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
        if (::setsockopt(fd, IPPROTO_IP, name, &request, sizeof request) != 0) return last_error();
        return {};
    }
    ipv6_mreq request{};
    request.ipv6mr_multiaddr = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
    request.ipv6mr_interface = membership.interface_index;
    const int name = join ? IPV6_JOIN_GROUP : IPV6_LEAVE_GROUP;
    if (::setsockopt(fd, IPPROTO_IPV6, name, &request, sizeof request) != 0) return last_error();
    return {};
}

}  // namespace skerry::kernel_io
