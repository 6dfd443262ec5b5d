#include "netlink.hpp"

#include "internal_fd.hpp"
#include "os_reason.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace skerry::pkt::kernel {

namespace {

// Messages and attributes begin at multiples of 4.
constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }
static_assert(aligned(sizeof(nlmsghdr)) == sizeof(nlmsghdr) && aligned(sizeof(nlattr)) == sizeof(nlattr));

}  // namespace

// --- a request

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags, std::span<const std::byte> body) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    append(std::as_bytes(std::span(&header, 1)));
    append(body);
}

void NetlinkRequest::append(std::span<const std::byte> part) {
    bytes_.insert(bytes_.end(), part.begin(), part.end());
    bytes_.resize(aligned(bytes_.size()));
}

void NetlinkRequest::add(std::uint16_t attribute, std::span<const std::byte> value) {
    const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), attribute};
    append(std::as_bytes(std::span(&header, 1)));
    append(value);
}

std::span<const std::byte> NetlinkRequest::finish(std::uint32_t sequence) {
    const auto length = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
    std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence, sizeof sequence);
    return bytes_;
}

// --- the conversation

Result<Netlink, Unsupported> Netlink::open(int protocol) {
    OwnedFd fd = internal_fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    if (!fd) return Unexpected(os_reason("a netlink socket"));
    return Netlink(std::move(fd));
}

Netlink::Heard Netlink::judge(std::uint16_t type, std::span<const std::byte> body, const Each& each) {
    if (type == NLMSG_DONE) return {true, 0};
    if (type != NLMSG_ERROR) {
        if (each) each(body);
        return {};
    }
    int error = 0;  // the negative of an errno, or 0: done
    if (body.size() >= sizeof error) std::memcpy(&error, body.data(), sizeof error);
    return {true, -error};
}

Netlink::Heard Netlink::hear(std::span<const std::byte> messages, const Each& each) const {
    Heard heard;
    while (!heard.is_last && messages.size() >= sizeof(nlmsghdr)) {
        nlmsghdr header;
        std::memcpy(&header, messages.data(), sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > messages.size()) return {true, EBADMSG};
        const auto body = messages.subspan(sizeof header, header.nlmsg_len - sizeof header);
        if (header.nlmsg_seq == sequence_) heard = judge(header.nlmsg_type, body, each);
        messages = messages.subspan(std::min(messages.size(), aligned(header.nlmsg_len)));
    }
    return heard;
}

int Netlink::list(NetlinkRequest request, const Each& each) {
    const auto bytes = request.finish(++sequence_);
    if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0) return errno;
    for (;;) {
        const ssize_t count = ::recv(fd_.get(), room_.data(), room_.size(), 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        const Heard heard = hear(std::span(room_).first(static_cast<std::size_t>(count)), each);
        if (heard.is_last) return heard.error;
    }
}

int Netlink::ask(NetlinkRequest request) { return list(std::move(request), nullptr); }

}  // namespace skerry::pkt::kernel
