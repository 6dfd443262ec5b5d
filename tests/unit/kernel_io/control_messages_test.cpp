// What the kernel tells beside a datagram, as it would write it, and what it is told.

#include "support/catch.hpp"

#include "control_messages.hpp"

#include <linux/errqueue.h>
#include <netinet/udp.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <span>
#include <vector>

namespace skerry::kernel_io {
namespace {

using backend::Datagram;
using backend::TimeSource;

/// Control messages in a row.
class Told {
public:
    template <class T>
    Told& add(int level, int type, const T& value) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + CMSG_SPACE(sizeof value));
        cmsghdr head{};
        head.cmsg_len = CMSG_LEN(sizeof value);
        head.cmsg_level = level;
        head.cmsg_type = type;
        std::memcpy(bytes_.data() + at, &head, sizeof head);
        std::memcpy(bytes_.data() + at + CMSG_LEN(0), &value, sizeof value);
        return *this;
    }
    [[nodiscard]] Datagram read() {
        Datagram datagram;
        datagram.set_arrival(time::Instant::from_nanos(7), TimeSource::burst, false);
        read_told(bytes_, datagram);
        return datagram;
    }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }

private:
    std::vector<std::byte> bytes_;
};

std::array<timespec, 3> times(timespec of_kernel, timespec of_device) { return {of_kernel, timespec{}, of_device}; }

TEST_CASE("nothing told changes nothing", "[kernel_io][control]") {
    const Datagram datagram = Told().read();
    CHECK(datagram.received_at == time::Instant::from_nanos(7));
    CHECK(datagram.time_source == TimeSource::burst);
    CHECK(datagram.segment_bytes == 0);
}

TEST_CASE("all that can be told at once has room, and is read", "[kernel_io][control]") {
    Told told;
    in6_pktinfo info{};
    info.ipi6_addr = IN6ADDR_LOOPBACK_INIT;
    info.ipi6_ifindex = 3;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    told.add(SOL_SOCKET, SCM_TIMESTAMPING, times(now, {}))
        .add(IPPROTO_IPV6, IPV6_PKTINFO, info)
        .add(IPPROTO_IPV6, IPV6_HOPLIMIT, int{9})
        .add(IPPROTO_IPV6, IPV6_TCLASS, int{0xb9})
        .add(IPPROTO_UDP, UDP_GRO, int{1200});
    CHECK(told.size() <= told_room);
    const auto before = time::Instant::now();
    const Datagram datagram = told.read();
    CHECK(datagram.local == net::IpAddr::v6_loopback());
    CHECK(datagram.interface_index == 3);
    CHECK(datagram.ttl == 9);
    CHECK(datagram.traffic_class == 0xb9);
    CHECK(datagram.segment_bytes == 1200);
    CHECK(datagram.time_source == TimeSource::kernel);
    CHECK(datagram.received_at <= time::Instant::now());
    CHECK(datagram.received_at > before - std::chrono::hours{1});
}

TEST_CASE("a time of the kernel that has not come yet is now", "[kernel_io][control]") {
    timespec later{};
    ::clock_gettime(CLOCK_REALTIME, &later);
    later.tv_sec += 3600;
    const Datagram datagram = Told().add(SOL_SOCKET, SCM_TIMESTAMPING, times(later, {})).read();
    CHECK(datagram.time_source == TimeSource::kernel);
    CHECK(datagram.received_at <= time::Instant::now());
}

TEST_CASE("the device's time is told as it is, before the kernel's", "[kernel_io][control]") {
    const Datagram datagram = Told().add(SOL_SOCKET, SCM_TIMESTAMPING, times({5, 0}, {12, 34})).read();
    CHECK(datagram.time_source == TimeSource::hardware);
    CHECK(datagram.received_at == time::Instant::from_nanos(12'000'000'034));
    CHECK(Told().add(SOL_SOCKET, SCM_TIMESTAMPING, times({}, {})).read().time_source == TimeSource::burst);
}

TEST_CASE("what a message goes by is written in a row, and only what is asked for", "[kernel_io][control]") {
    Datagram datagram;
    datagram.peer = net::SocketAddr(net::IpAddr::v4_loopback(), 9);
    datagram.traffic_class = 2;
    const auto written = [&](std::uint8_t marks, bool is_v6, std::uint16_t segment_bytes) {
        SendControl control;
        msghdr header{};
        if (segment_bytes != 0) control.add_segment_bytes(header, segment_bytes);
        control.add_marks(header, datagram, marks, is_v6);
        std::vector<int> types;
        for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each))
            types.push_back(each->cmsg_type);
        return types;
    };
    const std::uint8_t both = mark::local | mark::traffic_class;
    CHECK(written(0, false, 0).empty());
    CHECK(written(both, false, 0) == std::vector<int>{IP_TOS});  // from no address
    datagram.local = net::IpAddr::v4(239, 0, 0, 1);
    CHECK(written(both, false, 0) == std::vector<int>{IP_TOS});  // none leaves from a group
    datagram.local = net::IpAddr::v4_loopback();
    CHECK(written(both, false, 1000) == std::vector<int>{UDP_SEGMENT, IP_PKTINFO, IP_TOS});
    CHECK(written(both, true, 1000) == std::vector<int>{UDP_SEGMENT, IPV6_PKTINFO, IP_TOS, IPV6_TCLASS});
    datagram.local = net::IpAddr::v4(239, 0, 0, 1).mapped();
    CHECK(written(both, true, 0) == std::vector<int>{IP_TOS, IPV6_TCLASS});
    datagram.local = net::IpAddr::v4_broadcast().mapped();
    CHECK(written(both, true, 0) == std::vector<int>{IP_TOS, IPV6_TCLASS});
}

TEST_CASE("datagrams that leave differently are not one message", "[kernel_io][control]") {
    Datagram a;
    Datagram b;
    b.traffic_class = 1;
    CHECK(have_equal_marks(a, b, 0));
    CHECK(have_equal_marks(a, b, mark::local));
    CHECK_FALSE(have_equal_marks(a, b, mark::traffic_class));
    b = Datagram();
    b.interface_index = 2;
    CHECK_FALSE(have_equal_marks(a, b, mark::local));
    CHECK(have_equal_marks(a, b, mark::traffic_class));
}

}  // namespace
}  // namespace skerry::kernel_io
