#include "control_messages.hpp"

#include "os_socket.hpp"
#include "system_call.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/time/instant.hpp>

#include <linux/errqueue.h>
#include <netinet/udp.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace skerry::kernel_io {

using backend::Datagram;

namespace {

template <class T>
T value_of(const cmsghdr& message) noexcept {
    T value{};
    std::memcpy(&value, CMSG_DATA(&message), sizeof value);
    return value;
}

template <class Os>
net::IpAddr address_of(const Os& os) noexcept {
    std::array<std::uint8_t, sizeof os> octets;
    std::memcpy(octets.data(), &os, sizeof os);
    if constexpr (sizeof os == 4)
        return net::IpAddr::v4(octets[0], octets[1], octets[2], octets[3]);
    else
        return net::IpAddr::v6(octets);
}

void read_v4(const cmsghdr& message, Datagram& datagram) noexcept {
    switch (message.cmsg_type) {
        case IP_PKTINFO: {
            const auto info = value_of<in_pktinfo>(message);
            datagram.local = address_of(info.ipi_addr);
            datagram.interface_index = static_cast<std::uint32_t>(info.ipi_ifindex);
            break;
        }
        case IP_TTL: datagram.ttl = static_cast<std::uint8_t>(value_of<int>(message)); break;
        case IP_TOS: datagram.traffic_class = value_of<std::uint8_t>(message); break;
        default: break;
    }
}

void read_v6(const cmsghdr& message, Datagram& datagram) noexcept {
    switch (message.cmsg_type) {
        case IPV6_PKTINFO: {
            const auto info = value_of<in6_pktinfo>(message);
            datagram.local = address_of(info.ipi6_addr);
            datagram.interface_index = info.ipi6_ifindex;
            break;
        }
        case IPV6_HOPLIMIT: datagram.ttl = static_cast<std::uint8_t>(value_of<int>(message)); break;
        case IPV6_TCLASS: datagram.traffic_class = static_cast<std::uint8_t>(value_of<int>(message)); break;
        default: break;
    }
}

std::int64_t nanos_of(const timespec& time) noexcept {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// The kernel's time is of the clock that people set, so it is how long ago that counts. Ours is read first: what passes
// in between makes the time earlier, never later than it was.
void read_times(const cmsghdr& message, Datagram& datagram) noexcept {
    const auto times = value_of<std::array<timespec, 3>>(message);
    if (const std::int64_t of_device = nanos_of(times[2]); of_device != 0) {
        datagram.received_at = time::Instant::from_nanos(of_device);
        datagram.time_source = backend::TimeSource::hardware;
        return;
    }
    const std::int64_t stamp = nanos_of(times[0]);
    if (stamp == 0) return;
    const time::Instant now = time::Instant::now();
    timespec clock{};
    ::clock_gettime(CLOCK_REALTIME, &clock);
    const std::int64_t age = nanos_of(clock) - stamp;
    datagram.received_at = now - std::chrono::nanoseconds(std::max<std::int64_t>(age, 0));
    datagram.time_source = backend::TimeSource::kernel;
}

void read_one(const cmsghdr& message, Datagram& datagram) noexcept {
    if (message.cmsg_level == IPPROTO_IP)
        read_v4(message, datagram);
    else if (message.cmsg_level == IPPROTO_IPV6)
        read_v6(message, datagram);
    else if (message.cmsg_level == SOL_SOCKET && message.cmsg_type == SCM_TIMESTAMPING)
        read_times(message, datagram);
    else if (message.cmsg_level == IPPROTO_UDP && message.cmsg_type == UDP_GRO)
        datagram.segment_bytes = static_cast<std::uint16_t>(value_of<int>(message));
}

}  // namespace

void read_told(const msghdr& header, Datagram& datagram) noexcept {
    msghdr copy = header;  // CMSG_NXTHDR wants one that may change
    for (cmsghdr* each = CMSG_FIRSTHDR(&copy); each != nullptr; each = CMSG_NXTHDR(&copy, each))
        read_one(*each, datagram);
}

void read_told(std::span<std::byte> told, Datagram& datagram) noexcept {
    msghdr header{};
    header.msg_control = told.data();
    header.msg_controllen = told.size();
    read_told(header, datagram);
}

long receive_told(int fd, std::span<std::byte> into, int flags, Datagram& datagram) noexcept {
    sockaddr_storage address;
    iovec vector{into.data(), into.size()};
    ToldRoom told;
    msghdr header{};
    header.msg_name = &address;
    header.msg_namelen = sizeof address;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = &told;
    header.msg_controllen = sizeof told;
    const long answer = call_recvmsg(fd, &header, flags | MSG_TRUNC);
    if (answer < 0) return answer;
    datagram.set_arrival(time::Instant::now(), backend::TimeSource::burst, (header.msg_flags & MSG_TRUNC) != 0);
    net::from_os(address, header.msg_namelen, datagram.peer);
    read_told(header, datagram);
    return answer;
}

bool kernel_cuts_segments() noexcept {
    static const bool does = [] {
        const OwnedFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        int value = 0;
        socklen_t length = sizeof value;
        return fd && ::getsockopt(fd.get(), IPPROTO_UDP, UDP_SEGMENT, &value, &length) == 0;
    }();
    return does;
}

template <class T>
void SendControl::add(msghdr& header, int level, int type, const T& value) noexcept {
    std::byte* const at = bytes_.data() + header.msg_controllen;
    cmsghdr head{};
    head.cmsg_level = level;
    head.cmsg_type = type;
    head.cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(at, &head, sizeof head);
    std::memcpy(at + CMSG_LEN(0), &value, sizeof value);
    header.msg_control = bytes_.data();
    header.msg_controllen += CMSG_SPACE(sizeof value);
}

void SendControl::add_segment_bytes(msghdr& header, std::uint16_t bytes) noexcept {
    add(header, IPPROTO_UDP, UDP_SEGMENT, bytes);
}

// A datagram that came to a group, or to all, is answered from the address that the system chooses.
void SendControl::add_marks(msghdr& header, const Datagram& datagram, std::uint8_t marks, bool is_v6) noexcept {
    const net::IpAddr local = datagram.local.unmapped();
    const bool has_source = !local.is_unspecified() && !local.is_multicast() && local != net::IpAddr::v4_broadcast();
    if ((marks & mark::local) != 0 && has_source) add_local(header, datagram.local, datagram.interface_index, is_v6);
    if ((marks & mark::traffic_class) == 0) return;
    // By which version it leaves may be known to the kernel alone, and each reads its own.
    add(header, IPPROTO_IP, IP_TOS, int{datagram.traffic_class});
    if (is_v6) add(header, IPPROTO_IPV6, IPV6_TCLASS, int{datagram.traffic_class});
}

void SendControl::add_local(msghdr& header, const net::IpAddr& local, std::uint32_t interface_index,
                            bool is_v6) noexcept {
    if (is_v6) {
        in6_pktinfo info{};
        const net::IpAddr address = local.is_v4() ? local.mapped() : local;
        std::memcpy(&info.ipi6_addr, address.octets().data(), sizeof info.ipi6_addr);
        info.ipi6_ifindex = interface_index;
        return add(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
    in_pktinfo info{};
    const net::IpAddr address = local.unmapped();
    std::memcpy(&info.ipi_spec_dst, address.octets().data(), sizeof info.ipi_spec_dst);
    info.ipi_ifindex = static_cast<int>(interface_index);
    add(header, IPPROTO_IP, IP_PKTINFO, info);
}

}  // namespace skerry::kernel_io
