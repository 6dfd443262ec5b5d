#include "link_events.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace skerry::kernel_io::frame {

Result<LinkEvents> LinkEvents::open() noexcept {
    OwnedFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd) return last_error();
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return last_error();
    return LinkEvents(std::move(fd));
}

// ENOBUFS: there were more than it holds, which is another change.
void LinkEvents::drain() noexcept {
    std::array<char, 64> head;  // a longer message is cut off
    while (::recv(fd(), head.data(), head.size(), 0) >= 0 || errno == ENOBUFS || errno == EINTR) {
    }
}

}  // namespace skerry::kernel_io::frame
