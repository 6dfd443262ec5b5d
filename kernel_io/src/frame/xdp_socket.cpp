#include "xdp_socket.hpp"

#include "capabilities.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

namespace skerry::kernel_io::frame {

using backend::SetupError;

// --- the kernel's memory

XdpSocket::Mapping::Mapping(int fd, std::size_t bytes, std::uint64_t offset) noexcept
    : memory_(nullptr), bytes_(bytes) {
    void* const mapped =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, static_cast<off_t>(offset));
    if (mapped != MAP_FAILED) memory_ = static_cast<std::byte*>(mapped);
}

XdpSocket::Mapping::~Mapping() {
    if (memory_ != nullptr) ::munmap(memory_, bytes_);
}

XdpRingMemory XdpSocket::Mapping::ring(const xdp_ring_offset& offset, std::uint32_t size) const noexcept {
    const auto number = [&](std::uint64_t at) { return reinterpret_cast<std::uint32_t*>(memory_ + at); };
    return {number(offset.producer), number(offset.consumer), number(offset.flags), memory_ + offset.desc, size};
}

struct XdpSocket::Mappings {
    Mappings(int fd, const xdp_mmap_offsets& where) noexcept
        : offsets(where),
          fill(fd, where.fr.desc + receive_ring * sizeof(std::uint64_t), XDP_UMEM_PGOFF_FILL_RING),
          received(fd, where.rx.desc + receive_ring * sizeof(xdp_desc), XDP_PGOFF_RX_RING),
          to_send(fd, where.tx.desc + send_ring * sizeof(xdp_desc), XDP_PGOFF_TX_RING),
          sent(fd, where.cr.desc + send_ring * sizeof(std::uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING) {}
    [[nodiscard]] bool exist() const noexcept {
        return fill.exists() && received.exists() && to_send.exists() && sent.exists();
    }

    xdp_mmap_offsets offsets;
    Mapping fill;
    Mapping received;
    Mapping to_send;
    Mapping sent;
};

XdpSocket::Rings::Rings(std::unique_ptr<Mappings>&& mapped) noexcept
    : mappings(std::move(mapped)),
      fill(mappings->fill.ring(mappings->offsets.fr, receive_ring)),
      received(mappings->received.ring(mappings->offsets.rx, receive_ring)),
      to_send(mappings->to_send.ring(mappings->offsets.tx, send_ring)),
      sent(mappings->sent.ring(mappings->offsets.cr, send_ring)) {}

XdpSocket::Rings::~Rings() = default;

// --- refusals

namespace {

SetupError no_socket(const EthernetDevice& device) {
    const int error = errno;
    if (error == EAFNOSUPPORT) return {device.name + ": this kernel has no AF_XDP; it needs CONFIG_XDP_SOCKETS"};
    const std::string missing = missing_for_xdp();
    if (error == EPERM && !missing.empty())
        return {device.name + ": not permitted to open a socket of AF_XDP; missing: " + missing +
                "; setcap on the program, or --cap-add for a container"};
    return {device.name + ": no socket of AF_XDP: " + Error::from_os(error).message()};
}

std::uint64_t lockable_bytes() noexcept {
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    return limit.rlim_cur;
}

SetupError no_memory(const EthernetDevice& device, std::size_t bytes) {
    const int error = errno;
    const std::string kib = std::to_string(bytes / 1024);
    if (error != ENOBUFS)
        return {device.name + ": the kernel does not take the memory for packets: " + Error::from_os(error).message()};
    const std::uint64_t limit = lockable_bytes();
    // Where the limit would do, other programs of this user have a part of it.
    const std::uint64_t wanted = limit < bytes ? bytes : limit + bytes;
    return {device.name + ": " + kib + " KiB of memory for packets cannot be locked, the limit of this user is " +
            std::to_string(limit / 1024) + " KiB; raise it: ulimit -l " + std::to_string(wanted / 1024) +
            ", LimitMEMLOCK= of the service, --ulimit memlock= of the container, or give CAP_IPC_LOCK"};
}

SetupError not_bound(const EthernetDevice& device) {
    const int error = errno;
    if (error == EBUSY) return {device.name + ": another program has its queue 0; choose another interface"};
    if (error == ENETDOWN) return {device.name + ": is down; ip link set " + device.name + " up"};
    return {device.name + ": its queue 0 cannot be had: " + Error::from_os(error).message()};
}

/// What a socket had that was closed the kernel gives back behind the close: its queue, and its part of the memory that
/// may be locked, and a busy machine takes its time. So what is refused with `error` is tried again for two seconds.
template <class Try>
bool succeeds(int error, Try attempt) {
    constexpr int tries = 2000;
    for (int i = 0; !attempt(); ++i) {
        if (errno != error || i == tries) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return true;
}

bool set(int fd, int option, const void* value, std::size_t bytes) noexcept {
    return ::setsockopt(fd, SOL_XDP, option, value, static_cast<socklen_t>(bytes)) == 0;
}

bool set_ring(int fd, int option, std::uint32_t entries) noexcept { return set(fd, option, &entries, sizeof entries); }

}  // namespace

// --- the socket

Result<XdpSocket, SetupError> XdpSocket::open(const EthernetDevice& device, std::span<std::byte> memory,
                                              std::uint32_t chunk_bytes) {
    XdpSocket made(OwnedFd(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
    if (!made.fd_) return Unexpected(no_socket(device));
    xdp_umem_reg registration{};
    registration.addr = reinterpret_cast<std::uintptr_t>(memory.data());
    registration.len = memory.size();
    registration.chunk_size = chunk_bytes;
    const auto add_memory = [&] { return set(made.fd(), XDP_UMEM_REG, &registration, sizeof registration); };
    if (!(lockable_bytes() < memory.size() ? add_memory() : succeeds(ENOBUFS, add_memory)))
        return Unexpected(no_memory(device, memory.size()));
    if (auto rings = made.make_rings(); !rings)
        return Unexpected(SetupError{device.name + ": no rings for packets: " + rings.error().message()});
    return made;
}

Result<> XdpSocket::make_rings() {
    const bool are_made = set_ring(fd(), XDP_UMEM_FILL_RING, receive_ring) &&
                          set_ring(fd(), XDP_UMEM_COMPLETION_RING, send_ring) &&
                          set_ring(fd(), XDP_RX_RING, receive_ring) && set_ring(fd(), XDP_TX_RING, send_ring);
    if (!are_made) return last_error();
    xdp_mmap_offsets offsets{};
    socklen_t length = sizeof offsets;
    if (::getsockopt(fd(), SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length) != 0) return last_error();
    if (length != sizeof offsets) return Errc::unsupported;  // before Linux 5.4, which has no flags in its rings
    auto mappings = std::make_unique<Mappings>(fd(), offsets);
    if (!mappings->exist()) return last_error();
    rings_ = std::make_unique<Rings>(std::move(mappings));
    return {};
}

Result<void, SetupError> XdpSocket::bind(const EthernetDevice& device) {
    sockaddr_xdp address{};
    address.sxdp_family = AF_XDP;
    address.sxdp_flags = XDP_USE_NEED_WAKEUP;  // neither XDP_COPY nor XDP_ZEROCOPY: the better that there is
    address.sxdp_ifindex = device.index;
    address.sxdp_queue_id = 0;
    const auto take_queue = [&] {
        return ::bind(fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    };
    if (!succeeds(EBUSY, take_queue)) return Unexpected(not_bound(device));
    return {};
}

void XdpSocket::close() noexcept {
    rings_.reset();
    fd_ = OwnedFd();
}

bool XdpSocket::is_zero_copy() const noexcept {
    xdp_options options{};
    socklen_t length = sizeof options;
    return ::getsockopt(fd(), SOL_XDP, XDP_OPTIONS, &options, &length) == 0 &&
           (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
}

XdpKernelStats XdpSocket::stats() const noexcept {
    xdp_statistics counts{};
    socklen_t length = sizeof counts;
    if (::getsockopt(fd(), SOL_XDP, XDP_STATISTICS, &counts, &length) != 0) return {};
    XdpKernelStats stats;
    stats.rx_dropped = counts.rx_dropped;
    stats.rx_ring_full = counts.rx_ring_full;
    stats.rx_fill_ring_empty = counts.rx_fill_ring_empty_descs;
    stats.rx_invalid = counts.rx_invalid_descs;
    stats.tx_invalid = counts.tx_invalid_descs;
    return stats;
}

}  // namespace skerry::kernel_io::frame
