#include "control_messages.hpp"

#include "os_socket.hpp"
#include "system_call.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/time/instant.hpp>

#include <netinet/udp.h>

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

void read_one(const cmsghdr& message, Datagram& datagram) noexcept {
    if (message.cmsg_level == IPPROTO_UDP && message.cmsg_type == UDP_GRO)
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
        const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        int value = 0;
        socklen_t length = sizeof value;
        return fd && ::getsockopt(fd.get(), IPPROTO_UDP, UDP_SEGMENT, &value, &length) == 0;
    }();
    return does;
}

SegmentControl::SegmentControl() noexcept {
    cmsghdr head{};
    head.cmsg_level = IPPROTO_UDP;
    head.cmsg_type = UDP_SEGMENT;
    head.cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
    std::memcpy(bytes_.data(), &head, sizeof head);
}

void SegmentControl::attach(msghdr& header, std::uint16_t segment_bytes) noexcept {
    std::memcpy(bytes_.data() + CMSG_LEN(0), &segment_bytes, sizeof segment_bytes);
    header.msg_control = bytes_.data();
    header.msg_controllen = bytes_.size();
}

}  // namespace skerry::kernel_io
