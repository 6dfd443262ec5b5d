#pragma once

// The neutral half of every socket. net:: types work on these records and on nothing else; a backend fills
// them in receive() and drains them in transmit(). Data that is already here is taken without any dispatch;
// what needs the backend goes through a table of functions, one indirect call per operation.
//
// A request is the waiting awaiter's part of an operation. The backend completes it by writing the outcome
// and waking the node. Because a woken task may still be aborted or lose a select, every outcome can be
// given back: net:: puts received bytes, accepted connections and datagrams back where the next operation
// finds them, so a cancelled operation loses nothing.

#include "../base/error.hpp"
#include "../base/io_buf.hpp"
#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../base/socket_addr.hpp"
#include "../task/scheduler.hpp"
#include "../time/instant.hpp"
#include "tcp_info.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>

namespace skerry::backend {

/// Whether a step of a socket operation is over.
enum class Step : bool { pending, done };

/// Options that net:: types can set and get; a backend answers unsupported for those it lacks.
enum class SocketOption : std::uint8_t {
    no_delay,              ///< TCP_NODELAY, bool
    cork,                  ///< TCP_CORK, bool
    quick_ack,             ///< TCP_QUICKACK, bool
    keep_alive,            ///< SO_KEEPALIVE, bool
    keep_alive_idle_s,     ///< TCP_KEEPIDLE, seconds
    keep_alive_interval_s, ///< TCP_KEEPINTVL, seconds
    keep_alive_count,      ///< TCP_KEEPCNT
    user_timeout_ms,       ///< TCP_USER_TIMEOUT, milliseconds
    congestion_control,    ///< TCP_CONGESTION, a CongestionControl; not_found for a number that is none
    // How our own stack repairs losses, asked for before a connection begins. A kernel has them for all together.
    rack,                  ///< bool: losses by time, RFC 8985 section 6; else by three segments, RFC 6675
    tail_probe,            ///< bool: RFC 8985 section 7
    proportional_rate,     ///< bool: RFC 6937
    linger_s,              ///< SO_LINGER; -1: off; 0: close resets; others are unsupported, as no close waits
    receive_buffer_bytes,  ///< SO_RCVBUF
    send_buffer_bytes,     ///< SO_SNDBUF
    ttl,                   ///< IP_TTL or IPV6_UNICAST_HOPS
    traffic_class,         ///< IP_TOS or IPV6_TCLASS
    broadcast,             ///< SO_BROADCAST, bool
    multicast_loop,        ///< IP_MULTICAST_LOOP, bool
    multicast_ttl,         ///< IP_MULTICAST_TTL or IPV6_MULTICAST_HOPS
    busy_poll_us,          ///< SO_BUSY_POLL, microseconds
    multicast_interface,   ///< where datagrams to groups leave, an interface's index; 0: the system's choice
    // What a datagram socket tells of each datagram beside its sender. Off, it costs nothing.
    // What has come already stays as it is: clearing receive_segments does not divide it.
    receive_segments,      ///< bool: datagrams that came together are one Datagram with segment_bytes (UDP_GRO)
    receive_local,         ///< bool: Datagram::local and interface_index
    receive_ttl,           ///< bool: Datagram::ttl
    receive_traffic_class, ///< bool: Datagram::traffic_class
    /// 1: received_at is when the kernel got it; 2: when the device did, by its own clock, where somebody
    /// has switched its stamps on (hwstamp_ctl, ptp4l: that is the machine's), else as 1; time_source says which.
    receive_time,
    // What of a Datagram send_batch() goes by, instead of what holds for the socket.
    send_local,            ///< bool: its `local`, the address it leaves from, unless that is unspecified
    send_traffic_class,    ///< bool: its traffic_class
};
inline constexpr std::size_t socket_options = static_cast<std::size_t>(SocketOption::send_traffic_class) + 1;

enum class ShutdownHow : std::uint8_t { read, write, both };

// --- streams

enum class ReadKind : std::uint8_t { copy, peek, buffer };

struct ReadRequest : task::WaitNode {
    std::span<std::byte> into;      ///< copy and peek
    IoBuf buffer;                   ///< buffer: what was received
    std::size_t bytes = 0;
    ReadKind kind = ReadKind::copy;
    Error error;                    ///< ok: `bytes` counts, and 0 is the end of the stream
};

/// Bytes that lie in several places, to be written one behind the other.
using IoSlices = std::span<const std::span<const std::byte>>;
/// Places that are filled one behind the other.
using IoSlicesMut = std::span<const std::span<std::byte>>;

enum class WriteKind : std::uint8_t {
    some,
    all,
    buffer,  ///< as all, and instead of its bytes `buffer` may be taken over
};

struct WriteRequest : task::WaitNode {
    std::span<const std::byte> from;
    std::size_t bytes = 0;          ///< accepted so far
    union {
        IoBuf* buffer;  ///< of WriteKind::buffer, which shows `from`
    };
    WriteKind kind = WriteKind::some;
    Error error;
};

struct StreamSocket;

/// What a backend does for a stream. All on the socket's core.
struct StreamOps {
    /// Tries to complete `request` now; pending when there is nothing to read.
    Step (*read)(StreamSocket&, ReadRequest&) noexcept;
    /// Tries to fill slices, from the front, one of which is not empty; pending when there is nothing.
    Step (*read_vectored)(StreamSocket&, ReadRequest&, IoSlicesMut) noexcept;
    /// Tries to write; pending when no more is accepted for now.
    Step (*write)(StreamSocket&, WriteRequest&) noexcept;
    /// Tries to write some of the slices, from the front; pending when nothing is accepted for now.
    Step (*write_vectored)(StreamSocket&, WriteRequest&, IoSlices) noexcept;
    /// As write, of WriteKind::buffer. Where a buffer is worth no more than its bytes it is write itself.
    Step (*write_buf)(StreamSocket&, WriteRequest&) noexcept;
    /// Whether a write would take a byte, or end with an error; if not, may_write is false and who waits is told.
    bool (*has_room)(StreamSocket&) noexcept;
    Result<> (*shutdown)(StreamSocket&, ShutdownHow) noexcept;
    /// The owner is gone: flushes what was written, resets if unread data is left, frees the record.
    void (*close)(StreamSocket*) noexcept;
    Result<> (*set_option)(StreamSocket&, SocketOption, int value) noexcept;
    Result<int> (*get_option)(StreamSocket&, SocketOption) noexcept;
    Result<net::SocketAddr> (*local_address)(StreamSocket&) noexcept;
    Result<TcpInfo> (*info)(StreamSocket&) noexcept;
    /// What has befallen the connection and no operation has told; none will then. Errc::ok: nothing.
    Error (*take_error)(StreamSocket&) noexcept;
    /// The kernel's socket, where what came stays with the kernel until it is read; -1 where it does not.
    int (*descriptor)(StreamSocket&) noexcept;
};

/// StreamOps::descriptor where the kernel does not keep what has come.
inline int no_descriptor(StreamSocket& /*socket*/) noexcept { return -1; }

/// One connection.
///
/// Threads: the core that accepted or connected it.
struct StreamSocket {
    const StreamOps* ops = nullptr;
    ReadRequest* reader = nullptr;  ///< waits for data
    WriteRequest* writer = nullptr;  ///< waits for room
    std::uint16_t home = 0;  ///< its scheduler's number
    bool may_read = false;  ///< a read may find data without waiting for an event
    bool may_write = true;  ///< a write may be accepted without waiting for an event
    bool end_of_stream = false;  ///< the peer's FIN was taken
    bool write_shut = false;  ///< this side sent its FIN
    bool read_shut = false;  ///< this side reads no more
    std::deque<IoBuf>* given_back = nullptr;  ///< bytes a cancelled read gave back, oldest first; rarely there
    Error given_back_error;  ///< an error that a cancelled read had taken
    net::SocketAddr peer;
};

/// Ends a waiting read: hands its outcome to the task.
inline void complete(StreamSocket& socket, ReadRequest& request) noexcept {
    socket.reader = nullptr;
    task::current_scheduler->wake_linked(request);
}
inline void complete(StreamSocket& socket, WriteRequest& request) noexcept {
    socket.writer = nullptr;
    task::current_scheduler->wake_linked(request);
}

struct StreamSetup;

struct ConnectRequest : task::WaitNode {
    net::SocketAddr to;
    const StreamSetup* setup = nullptr;  ///< what is asked of the socket; null: nothing
    StreamSocket* socket = nullptr;  ///< the outcome, or what the backend works on
    Error error;
};

// --- listeners

struct AcceptRequest : task::WaitNode {
    StreamSocket* accepted = nullptr;
    Error error;
};

struct ListenerSocket;

struct ListenerOps {
    Step (*accept)(ListenerSocket&, AcceptRequest&) noexcept;
    void (*close)(ListenerSocket*) noexcept;
};

struct ListenerSocket {
    const ListenerOps* ops = nullptr;
    AcceptRequest* acceptor = nullptr;
    std::uint16_t home = 0;
    bool may_accept = true;
    std::deque<StreamSocket*>* given_back = nullptr;  ///< connections a cancelled accept gave back
    net::SocketAddr local;
};

inline void complete(ListenerSocket& listener, AcceptRequest& request) noexcept {
    listener.acceptor = nullptr;
    request.give_claim();
    task::current_scheduler->wake(request);
}

/// How a listener is made.
struct ListenOptions {
    int backlog = 4096;
    bool reuse_port = false;  ///< one listener a core on the same address, connections spread by the backend
    /// The first of those: address_in_use where anybody listens already, also one who would share. From then on others
    /// with `reuse_port` may.
    bool reuse_port_first = false;
    bool v6_only = false;
};

// --- datagrams

/// Where a receive time comes from.
enum class TimeSource : std::uint8_t { none, burst, kernel, hardware };

/// One datagram, received or to be sent; or several of one peer behind one another, when segment_bytes is not 0.
///
/// A receive fills in payload, peer, received_at, time_source, queue, truncated and segment_bytes, and the rest where
/// an option of the socket asks for it; a send reads payload, peer and segment_bytes, and the rest likewise.
/// Cost: 96 bytes, of which a plain receive writes the first 72.
struct Datagram {
    IoBuf payload;
    net::SocketAddr peer;  ///< received: the sender; to be sent: the receiver
    time::Instant received_at;  ///< the burst's time unless time_source says better
    bool truncated = false;  ///< the buffer was shorter than what came: the rest is gone
    TimeSource time_source = TimeSource::none;
    std::uint16_t queue = 0;
    /// Not 0: the payload holds datagrams of so many bytes each, the last of which may be shorter. Received so only
    /// with SocketOption::receive_segments; see net::segments_of().
    std::uint16_t segment_bytes = 0;
    std::uint8_t ttl = 0;  ///< received: what was left of it, or of the hop limit
    std::uint8_t traffic_class = 0;  ///< TOS or traffic class; its two low bits are ECN's
    net::IpAddr local;  ///< received: the address that it was sent to; to be sent: the one it leaves from
    std::uint32_t interface_index = 0;  ///< by which it came, or is to leave; 0: not known, or any

    /// What every receive tells. So that it is one or two stores, all that the fields in a row hold is written.
    void set_arrival(time::Instant when, TimeSource source, bool was_cut, std::uint16_t from_queue = 0,
                     std::uint16_t bytes_of_segment = 0) noexcept {
        received_at = when;
        truncated = was_cut;
        time_source = source;
        queue = from_queue;
        segment_bytes = bytes_of_segment;
        ttl = 0;
        traffic_class = 0;
    }
};
static_assert(sizeof(Datagram) == 96);

/// Datagrams that leave in one piece at most: what kernels take.
inline constexpr std::size_t segments_max = 64;
/// Bytes of one datagram at most, and of several in one piece: 65'535 less the headers of IPv4 and UDP.
inline constexpr std::size_t datagram_bytes_max = 65'507;

/// Whether `bytes` in datagrams of `segment_bytes` can leave in one piece. What is no longer than one is one.
///
/// Errors: message_too_long: it is more than segments_max or datagram_bytes_max.
[[nodiscard]] constexpr Errc check_segments(std::size_t bytes, std::size_t segment_bytes) noexcept {
    return bytes > datagram_bytes_max || bytes > segment_bytes * segments_max ? Errc::message_too_long : Errc::ok;
}

/// Fills `batch`, or copies one datagram when that is empty. What belongs to the one is unset beside a batch: each
/// operation would pay for it.
struct RecvRequest : task::WaitNode {
    explicit RecvRequest(std::span<Datagram> datagrams) noexcept : batch(datagrams) {
        if (datagrams.empty()) [[unlikely]]
            copy_one({}, nullptr);
    }
    RecvRequest(std::span<std::byte> bytes, net::SocketAddr* sender) noexcept { copy_one(bytes, sender); }

    std::span<Datagram> batch;
    std::size_t count = 0;  ///< datagrams in `batch`, or bytes in `into`
    Error error;
    union {
        std::span<std::byte> into;  ///< where the one is copied to
    };
    union {
        net::SocketAddr* peer;  ///< where the sender of the one is written
    };
    union {
        bool truncated;  ///< the one was longer than `into`
    };
    union {
        std::uint16_t segment_bytes;  ///< as Datagram::segment_bytes
    };

private:
    void copy_one(std::span<std::byte> bytes, net::SocketAddr* sender) noexcept {
        into = bytes;
        peer = sender;
        truncated = false;
        segment_bytes = 0;
    }
};

/// Sends `batch`; or when that is empty one datagram, or one span in many. Unset is what belongs to the others.
struct SendRequest : task::WaitNode {
    explicit SendRequest(std::span<Datagram> datagrams) noexcept : batch(datagrams) {
        part = 0;
        if (datagrams.empty()) [[unlikely]]
            send_one({}, nullptr);
    }
    SendRequest(std::span<const std::byte> bytes, const net::SocketAddr* receiver) noexcept {
        send_one(bytes, receiver);
    }
    /// For DatagramOps::send_segmented.
    SendRequest(std::span<const std::byte> bytes, std::size_t bytes_of_segment,
                const net::SocketAddr* receiver) noexcept {
        send_one(bytes, receiver);
        segment_bytes = bytes_of_segment;
    }

    /// The request ends, and of a Datagram that holds several some have left.
    void take_off_what_left() noexcept {
        if (count >= batch.size() || part == 0) return;
        batch[count].payload.trim_front(part);
        part = 0;
    }

    std::span<Datagram> batch;
    std::size_t count = 0;  ///< datagrams sent, or bytes of the one
    Error error;
    union {
        std::span<const std::byte> from;  ///< the one
    };
    union {
        const net::SocketAddr* to;  ///< null: the connected peer
        std::size_t part;  ///< batch: bytes that have left of the next, where its segments leave one by one
    };
    union {
        std::size_t segment_bytes;  ///< send_segmented: bytes of each datagram
        IoBuf* buffer;  ///< send_buf: shows `from`
    };

private:
    void send_one(std::span<const std::byte> bytes, const net::SocketAddr* receiver) noexcept {
        from = bytes;
        to = receiver;
    }
};

struct DatagramSocket;

/// What a datagram socket hears: a group, on one interface, of one source or of any.
struct Membership {
    net::IpAddr group;
    std::uint32_t interface_index = 0;  ///< 0: the system chooses
    net::IpAddr source;  ///< counts with has_source
    bool has_source = false;
};

/// What becomes of one. The last two are about a source of a group that was joined for all.
enum class MembershipChange : std::uint8_t { join, leave, block, unblock };

struct DatagramOps {
    Step (*receive)(DatagramSocket&, RecvRequest&) noexcept;
    Step (*send)(DatagramSocket&, SendRequest&) noexcept;
    /// As send; instead of their bytes `buffer`, or the payloads in `batch`, may be taken over. Where a buffer is worth
    /// no more than its bytes it is send itself.
    Step (*send_buf)(DatagramSocket&, SendRequest&) noexcept;
    /// Sends `from` in datagrams of segment_bytes; `count` are bytes.
    Step (*send_segmented)(DatagramSocket&, SendRequest&) noexcept;
    Result<> (*connect)(DatagramSocket&, const net::SocketAddr&) noexcept;
    Result<> (*join)(DatagramSocket&, const Membership&, MembershipChange) noexcept;
    void (*close)(DatagramSocket*) noexcept;
    Result<> (*set_option)(DatagramSocket&, SocketOption, int value) noexcept;
    Result<int> (*get_option)(DatagramSocket&, SocketOption) noexcept;
};

struct DatagramSocket {
    const DatagramOps* ops = nullptr;
    RecvRequest* receiver = nullptr;
    SendRequest* sender = nullptr;
    std::uint16_t home = 0;
    bool may_receive = true;
    bool may_send = true;
    bool connected = false;
    std::deque<Datagram>* given_back = nullptr;
    net::SocketAddr local;
};

inline void complete(DatagramSocket& socket, RecvRequest& request) noexcept {
    socket.receiver = nullptr;
    task::current_scheduler->wake_linked(request);
}
inline void complete(DatagramSocket& socket, SendRequest& request) noexcept {
    socket.sender = nullptr;
    task::current_scheduler->wake_linked(request);
}

struct BindOptions {
    bool reuse_port = false;
    bool v6_only = false;
};

// --- what a core offers

/// What this core's backend can do; net:: asks before it promises.
struct Capabilities {
    bool tcp = false;
    bool udp = false;
    bool ipv6 = false;
    bool multicast = false;
    bool reuse_port = false;
    bool zero_copy_receive = false;
    bool zero_copy_send = false;
    bool hardware_timestamps = false;
    bool segments = false;  ///< datagrams in a row leave by one call, and come by one where that is asked for
    bool packet_info = false;  ///< what receive_local, receive_ttl and receive_traffic_class ask for
    bool source_multicast = false;  ///< groups are joined for one source, or for all but some
    bool receive_times = false;  ///< receive_time: the kernel says when a datagram came
    bool slow_lane = false;
    bool cork = false;  ///< SocketOption::cork keeps data back; where it does not, it is set and told, and does nothing
    bool loss_repair = false;  ///< a socket is asked for rack, tail_probe and proportional_rate
};

/// Numbers of one core's sockets.
struct SocketStats {
    std::uint64_t open = 0;  ///< sockets that exist now
    std::uint64_t accepted = 0;  ///< connections, since the start
    std::uint64_t accept_paused = 0;  ///< times that accepting stopped for want of descriptors or memory
    std::uint64_t no_buffers = 0;  ///< receives that found the buffer pool at its limit
    std::uint64_t buffers_out = 0;  ///< receive buffers that programs hold now
    std::uint64_t buffers_made = 0;  ///< receive buffers that exist
    std::uint64_t steered = 0;  ///< packets for this core that another core's queue got
    std::uint64_t port_checksum = 0;  ///< packets dropped because the port found a checksum wrong; of our stack
    std::uint64_t stack_checksum = 0;  ///< packets dropped because our stack did
    std::uint64_t buffers_given = 0;  ///< buffers that programs gave to be sent and that leave without a copy
};

/// The socket operations of one core's backend. Made by the driver, current on its core's thread.
///
/// Threads: that core.
class SocketFactory {
public:
    [[nodiscard]] virtual Capabilities capabilities() const noexcept = 0;
    [[nodiscard]] virtual SocketStats stats() const noexcept = 0;

    /// Starts a connect; done when it ended at once. `request.socket` or `request.error` is the outcome.
    [[nodiscard]] virtual Step connect(ConnectRequest& request) noexcept = 0;
    /// Gives up a connect that is pending, or closes what it made.
    virtual void cancel_connect(ConnectRequest& request) noexcept = 0;

    /// `setup`: what else is asked of the socket, and of those that it accepts; null: nothing.
    [[nodiscard]] virtual Result<ListenerSocket*> listen(const net::SocketAddr& address, const ListenOptions& options,
                                                         const StreamSetup* setup) noexcept = 0;
    [[nodiscard]] virtual Result<DatagramSocket*> bind(const net::SocketAddr& address,
                                                       const BindOptions& options) noexcept = 0;

    /// Each takes over a socket that the kernel has made: a connected stream, a listening one, a datagram
    /// socket. Only where the sockets are the kernel's; the descriptor is closed when it fails.
    [[nodiscard]] virtual Result<StreamSocket*> adopt_stream(OwnedFd /*fd*/) noexcept { return Errc::unsupported; }
    [[nodiscard]] virtual Result<ListenerSocket*> adopt_listener(OwnedFd /*fd*/) noexcept { return Errc::unsupported; }
    [[nodiscard]] virtual Result<DatagramSocket*> adopt_datagram(OwnedFd /*fd*/) noexcept { return Errc::unsupported; }

    /// Memory for `bytes` to be sent by StreamOps::write_buf or DatagramOps::send_buf, from which a backend that can
    /// sends without a copy; with `headroom` in front that prepend() may give. False when there is none.
    [[nodiscard]] virtual IoBuf send_buffer(std::size_t bytes, std::size_t headroom) noexcept {
        return IoBuf::allocate(bytes, headroom);
    }

protected:
    ~SocketFactory() = default;
};

/// The sockets of this thread's core; null where there are none.
inline thread_local constinit SocketFactory* current_sockets = nullptr;

}  // namespace skerry::backend
