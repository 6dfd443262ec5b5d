// What stands in the header of a datagram, by the word of a plain socket of the kernel at the other end.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/net/udp_socket.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

using net::SocketOption;
using tests::on_each_driver;

const net::SocketAddr any_port(net::IpAddr::v4_loopback(), 0);

/// What a plain socket saw of a datagram.
struct Seen {
    net::SocketAddr peer;
    int ttl = 0;
    int traffic_class = 0;
};

class Judge {
public:
    Judge() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage address;
        const socklen_t length = net::to_os(any_port, address);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0);
        set(IP_RECVTTL, 1);
        set(IP_RECVTOS, 1);
    }
    Judge(const Judge&) = delete;
    Judge& operator=(const Judge&) = delete;
    ~Judge() { ::close(fd_); }

    void set(int name, int value) { REQUIRE(::setsockopt(fd_, IPPROTO_IP, name, &value, sizeof value) == 0); }

    [[nodiscard]] net::SocketAddr address() const {
        sockaddr_storage address;
        socklen_t length = sizeof address;
        REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
        return net::from_os(address, length).value();
    }

    Seen receive() {
        std::array<std::byte, 64> buffer;
        iovec vector{buffer.data(), buffer.size()};
        alignas(cmsghdr) std::array<std::byte, 128> control;
        sockaddr_storage from;
        msghdr header{};
        header.msg_name = &from;
        header.msg_namelen = sizeof from;
        header.msg_iov = &vector;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        REQUIRE(::recvmsg(fd_, &header, 0) > 0);
        Seen seen{net::from_os(from, header.msg_namelen).value()};
        for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
            if (each->cmsg_type == IP_TTL) std::memcpy(&seen.ttl, CMSG_DATA(each), sizeof seen.ttl);
            if (each->cmsg_type == IP_TOS) seen.traffic_class = *CMSG_DATA(each);
        }
        return seen;
    }

    void send(std::string_view text, const net::SocketAddr& to) {
        sockaddr_storage address;
        const socklen_t length = net::to_os(to, address);
        REQUIRE(::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address), length) ==
                static_cast<ssize_t>(text.size()));
    }

private:
    int fd_;
};

net::UdpSocket bind_udp(net::SocketAddr address) {
    auto socket = net::UdpSocket::bind(address);
    REQUIRE(socket);
    return std::move(*socket);
}

std::vector<net::Datagram> batch_to(const net::SocketAddr& to, std::size_t count) {
    std::vector<net::Datagram> batch(count);
    for (net::Datagram& datagram : batch) {
        datagram.payload = IoBuf::copy_of(std::as_bytes(std::span(std::string_view("marked"))));
        datagram.peer = to;
    }
    return batch;
}

TEST_CASE("what a socket and its Datagrams say stands in the header", "[integration][udp]") {
    on_each_driver([]() -> Task<> {
        Judge judge;
        auto socket = bind_udp({net::IpAddr::v4_any(), 0});
        REQUIRE(socket.set_option(SocketOption::ttl, 33));
        REQUIRE(socket.set_option(SocketOption::traffic_class, 0x20));
        REQUIRE(socket.set_option(SocketOption::send_local, 1));
        auto batch = batch_to(judge.address(), 3);
        batch[1].local = net::IpAddr::v4(127, 0, 0, 3);
        batch[2].local = net::IpAddr::v4(127, 0, 0, 4);
        auto sent = co_await socket.send_batch(batch);
        REQUIRE(sent);
        for (const net::IpAddr& from :
             {net::IpAddr::v4_loopback(), net::IpAddr::v4(127, 0, 0, 3), net::IpAddr::v4(127, 0, 0, 4)}) {
            const Seen seen = judge.receive();
            CHECK(seen.peer == net::SocketAddr(from, socket.local_addr().port()));
            CHECK(seen.ttl == 33);
            CHECK(seen.traffic_class == 0x20);
        }
        REQUIRE(socket.set_option(SocketOption::send_traffic_class, 1));
        for (std::size_t i = 0; i < batch.size(); ++i) batch[i].traffic_class = static_cast<std::uint8_t>(i);
        sent = co_await socket.send_batch(batch);
        REQUIRE(sent);
        for (int mark = 0; mark < 3; ++mark) CHECK(judge.receive().traffic_class == mark);
    });
}

TEST_CASE("an IPv6 socket marks what it sends over IPv4 too", "[integration][udp]") {
    on_each_driver([]() -> Task<> {
        Judge judge;
        auto socket = bind_udp({net::IpAddr::v6_any(), 0});
        REQUIRE(socket.set_option(SocketOption::ttl, 21));
        REQUIRE(socket.set_option(SocketOption::send_traffic_class, 1));
        REQUIRE(socket.set_option(SocketOption::send_local, 1));
        auto batch = batch_to({judge.address().ip().mapped(), judge.address().port()}, 1);
        batch[0].traffic_class = 3;
        batch[0].local = net::IpAddr::v4(127, 0, 0, 5).mapped();
        auto sent = co_await socket.send_batch(batch);
        REQUIRE(sent);
        const Seen seen = judge.receive();
        CHECK(seen.peer.ip() == net::IpAddr::v4(127, 0, 0, 5));
        CHECK(seen.ttl == 21);
        CHECK(seen.traffic_class == 3);
    });
}

TEST_CASE("what another program's header says is told", "[integration][udp]") {
    on_each_driver([]() -> Task<> {
        Judge judge;
        judge.set(IP_TTL, 5);
        judge.set(IP_TOS, 0x2e);
        for (const net::IpAddr& bound : {net::IpAddr::v4_any(), net::IpAddr::v6_any()}) {
            auto socket = bind_udp({bound, 0});
            for (const auto option :
                 {SocketOption::receive_local, SocketOption::receive_ttl, SocketOption::receive_traffic_class})
                REQUIRE(socket.set_option(option, 1));
            judge.send("hello", {net::IpAddr::v4(127, 0, 0, 6), socket.local_addr().port()});
            std::array<net::Datagram, 1> batch;
            auto count = co_await socket.recv_batch(batch);
            REQUIRE(count);
            CHECK(batch[0].ttl == 5);
            CHECK(batch[0].traffic_class == 0x2e);
            CHECK(batch[0].local.unmapped() == net::IpAddr::v4(127, 0, 0, 6));
            CHECK(batch[0].interface_index == 1);
        }
    });
}

}  // namespace
}  // namespace skerry
