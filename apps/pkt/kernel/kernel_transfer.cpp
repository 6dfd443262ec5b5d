// Reading and writing.

#include "answers.hpp"
#include "kernel_calls.hpp"

#include <skerry/base/os_socket_addr.hpp>

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace skerry::pkt::kernel {

namespace {

// A buffer is really there, and a script can ask for any.
constexpr std::size_t bytes_most = std::size_t{16} << 20U;

Attempt too_long(std::size_t bytes) { return unsupported("a buffer of " + std::to_string(bytes) + " bytes"); }

/// The answer with the first bytes of `room`, as many as it says and as there are.
Returned with_data(Returned returned, std::vector<std::byte> room) {
    const auto count = static_cast<std::size_t>(std::max<std::int64_t>(returned.value, 0));
    room.resize(std::min(count, room.size()));
    returned.output.data = std::move(room);
    return returned;
}

bool is_stream(int fd) {
    int type = 0;
    socklen_t length = sizeof type;
    return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
}

Attempt receive_message(int fd, std::size_t bytes, int flags) {
    std::vector<std::byte> room(bytes);
    sockaddr_storage peer{};
    iovec part{room.data(), room.size()};
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = sizeof peer;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    Returned returned = answer(::recvmsg(fd, &message, flags));
    if (returned.value < 0) return returned;
    if ((flags & MSG_TRUNC) != 0 && is_stream(fd)) room.clear();  // counted and thrown away
    net::SocketAddr address;
    if (net::from_os(peer, message.msg_namelen, address)) returned.output.address = address;
    returned.output.message_flags = message.msg_flags;
    return with_data(std::move(returned), std::move(room));
}

Attempt read_slices(int fd, const std::vector<std::size_t>& lengths, std::size_t all) {
    std::vector<std::byte> room(all);
    std::vector<iovec> parts;
    std::size_t at = 0;
    for (const std::size_t length : lengths) {
        parts.push_back({room.data() + at, length});
        at += length;
    }
    Returned returned = answer(::readv(fd, parts.data(), static_cast<int>(parts.size())));
    return with_data(std::move(returned), std::move(room));
}

Attempt write_slices(int fd, const std::vector<std::vector<std::byte>>& slices) {
    std::vector<iovec> parts;
    for (const std::vector<std::byte>& slice : slices)
        parts.push_back({const_cast<std::byte*>(slice.data()), slice.size()});  // writev() takes no const
    return answer(::writev(fd, parts.data(), static_cast<int>(parts.size())));
}

Attempt send_message(int fd, const std::vector<std::byte>& data, int flags, const std::optional<net::SocketAddr>& to) {
    if (!to) return answer(::send(fd, data.data(), data.size(), flags));
    sockaddr_storage storage{};
    const socklen_t length = net::to_os(*to, storage);
    return answer(::sendto(fd, data.data(), data.size(), flags, reinterpret_cast<const sockaddr*>(&storage), length));
}

}  // namespace

// --- reading

Call KernelCalls::read(int fd, std::size_t bytes) {
    if (bytes > bytes_most) return finished(too_long(bytes));
    return on(fd, [=]() -> Attempt {
        std::vector<std::byte> room(bytes);
        Returned returned = answer(::read(fd, room.data(), room.size()));
        return with_data(std::move(returned), std::move(room));
    });
}

Call KernelCalls::readv(int fd, const std::vector<std::size_t>& lengths) {
    std::size_t all = 0;
    for (const std::size_t length : lengths) {
        if (length > bytes_most - all) return finished(too_long(length));
        all += length;
    }
    return on(fd, [=] { return read_slices(fd, lengths, all); });
}

// What MSG_ERRQUEUE tells is in the control messages, which nobody here asks for.
Call KernelCalls::receive(int fd, std::size_t bytes, int flags) {
    if (bytes > bytes_most) return finished(too_long(bytes));
    if ((flags & MSG_ERRQUEUE) != 0) return finished(unsupported("MSG_ERRQUEUE: there are no control messages"));
    return on(fd, [=] { return receive_message(fd, bytes, flags); });
}

// --- writing

Call KernelCalls::write(int fd, std::vector<std::byte> data) {
    return on(fd, [fd, data = std::move(data)]() -> Attempt { return answer(::write(fd, data.data(), data.size())); });
}

Call KernelCalls::writev(int fd, const std::vector<std::vector<std::byte>>& slices) {
    return on(fd, [=] { return write_slices(fd, slices); });
}

// With MSG_ZEROCOPY the data would have to outlive the call.
Call KernelCalls::send(int fd, std::vector<std::byte> data, int flags, std::optional<net::SocketAddr> to) {
    if ((flags & MSG_ZEROCOPY) != 0) return finished(unsupported("MSG_ZEROCOPY"));
    return on(fd, [fd, flags, to, data = std::move(data)] { return send_message(fd, data, flags, to); });
}

}  // namespace skerry::pkt::kernel
