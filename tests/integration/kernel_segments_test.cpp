// ctest: TIMEOUT 120
// Datagrams in a row, with plain sockets of the kernel at the other end: they say whether they left as one message, and
// that what the kernel refuses to cut leaves one by one, in a network of the test's own whose loopback has an MTU of
// 1,500.

#include "support/catch.hpp"
#include "support/kernel_drivers.hpp"
#include "support/own_network.hpp"

#include <skerry/base/os_socket_addr.hpp>
#include <skerry/net/udp_socket.hpp>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <iostream>
#include <span>
#include <vector>

namespace skerry {
namespace {

using tests::on_each_driver;
using Bytes = std::vector<std::byte>;

const net::SocketAddr any_port(net::IpAddr::v4_loopback(), 0);

/// A socket that knows nothing of ours.
class Judge {
public:
    explicit Judge(bool receives_segments) : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage address;
        const socklen_t length = net::to_os(any_port, address);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), length) == 0);
        const int on = receives_segments ? 1 : 0;
        REQUIRE(::setsockopt(fd_, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0);
    }
    Judge(const Judge&) = delete;
    Judge& operator=(const Judge&) = delete;
    ~Judge() { ::close(fd_); }

    [[nodiscard]] net::SocketAddr address() const {
        sockaddr_storage address;
        socklen_t length = sizeof address;
        REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
        return net::from_os(address, length).value();
    }

    struct Message {
        std::size_t bytes = 0;
        int segment_bytes = 0;
        friend bool operator==(const Message&, const Message&) = default;
    };

    /// Waits for one, which goes on with `data` at `offset`.
    Message receive(std::span<const std::byte> data, std::size_t offset) {
        Bytes buffer(70'000);
        iovec vector{buffer.data(), buffer.size()};
        alignas(cmsghdr) std::array<std::byte, 64> control;
        msghdr header{};
        header.msg_iov = &vector;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        const ssize_t received = ::recvmsg(fd_, &header, 0);
        REQUIRE(received >= 0);
        Message message{static_cast<std::size_t>(received), 0};
        REQUIRE(offset + message.bytes <= data.size());
        REQUIRE(std::equal(buffer.begin(), buffer.begin() + received, data.begin() + static_cast<ssize_t>(offset)));
        if (const cmsghdr* told = CMSG_FIRSTHDR(&header); told != nullptr)
            std::memcpy(&message.segment_bytes, CMSG_DATA(told), sizeof message.segment_bytes);
        return message;
    }

    void send_segments(std::span<const std::byte> data, int segment_bytes, const net::SocketAddr& to) {
        REQUIRE(::setsockopt(fd_, IPPROTO_UDP, UDP_SEGMENT, &segment_bytes, sizeof segment_bytes) == 0);
        sockaddr_storage address;
        const socklen_t length = net::to_os(to, address);
        REQUIRE(::sendto(fd_, data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&address), length) ==
                static_cast<ssize_t>(data.size()));
    }

private:
    int fd_;
};

Bytes pattern(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
    return bytes;
}

net::UdpSocket bind_udp() {
    auto socket = net::UdpSocket::bind(any_port);
    REQUIRE(socket);
    return std::move(*socket);
}

/// `data` in datagrams of so many bytes.
std::vector<net::Datagram> cut(std::span<const std::byte> data, std::size_t bytes, const net::SocketAddr& to) {
    std::vector<net::Datagram> datagrams;
    for (; !data.empty(); data = data.subspan(std::min(bytes, data.size()))) {
        datagrams.emplace_back();
        datagrams.back().payload = IoBuf::copy_of(data.first(std::min(bytes, data.size())));
        datagrams.back().peer = to;
    }
    return datagrams;
}

/// Expects `data` to arrive at `judge` in messages of so many bytes.
void expect(Judge& judge, std::span<const std::byte> data, std::size_t message_bytes, int segment_bytes) {
    for (std::size_t offset = 0; offset < data.size(); offset += message_bytes) {
        const std::size_t bytes = std::min(message_bytes, data.size() - offset);
        CHECK(judge.receive(data, offset) == Judge::Message{bytes, segment_bytes});
    }
}

/// The descriptor of our socket that has this address.
int descriptor_of(const net::UdpSocket& socket) {
    for (int fd = 0; fd < 1000; ++fd) {
        sockaddr_storage address;
        socklen_t length = sizeof address;
        if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) continue;
        const auto found = net::from_os(address, length);
        if (found && *found == socket.local_addr()) return fd;
    }
    FAIL("no descriptor has the socket's address");
    return -1;
}

TEST_CASE("segments leave as one message, and a plain socket gets them one by one", "[integration][udp]") {
    on_each_driver([]() -> Task<> {
        Judge plain(false);
        Judge together(true);
        auto socket = bind_udp();
        const Bytes data = pattern(64 * 1000 + 500);
        auto sent = co_await socket.send_segmented(data, 1000, plain.address());
        REQUIRE(sent);
        REQUIRE(*sent == data.size());
        expect(plain, data, 1000, 0);
        sent = co_await socket.send_segmented(data, 1000, together.address());
        REQUIRE(sent);
        const std::span<const std::byte> first = std::span(data).first(64'000);
        expect(together, first, 64'000, 1000);
        CHECK(together.receive(data, 64'000) == Judge::Message{500, 0});
    });
}

TEST_CASE("a batch's datagrams in a row leave as one message", "[integration][udp]") {
    on_each_driver([]() -> Task<> {
        Judge together(true);
        auto socket = bind_udp();
        const Bytes data = pattern(20 * 1000 + 500);
        auto batch = cut(data, 1000, together.address());
        auto sent = co_await socket.send_batch(batch);
        REQUIRE(sent);
        CHECK(*sent == 21);
        expect(together, data, data.size(), 1000);
        REQUIRE(socket.connect(together.address()));
        sent = co_await socket.send_batch(batch);
        REQUIRE(sent);
        expect(together, data, data.size(), 1000);
    });
}

TEST_CASE("what another program sends as one message comes as one", "[integration][udp]") {
    on_each_driver([]() -> Task<> {
        Judge judge(false);
        auto socket = bind_udp();
        REQUIRE(socket.set_option(net::SocketOption::receive_segments, 1));
        const Bytes data = pattern(10'100);
        for (int round = 0; round < 3; ++round) {
            judge.send_segments(data, 1000, socket.local_addr());
            std::array<net::Datagram, 2> batch;
            auto count = co_await socket.recv_batch(batch);
            REQUIRE(count);
            REQUIRE(*count == 1);
            CHECK(batch[0].segment_bytes == 1000);
            CHECK(batch[0].peer == judge.address());
            CHECK(std::ranges::equal(batch[0].payload.bytes(), data));
        }
    });
}

TEST_CASE("segments longer than the MTU leave one by one, shorter ones together", "[integration][udp]") {
    on_each_driver([]() -> Task<> {
        Judge together(true);
        auto socket = bind_udp();
        const Bytes data = pattern(9000);
        for (int round = 0; round < 2; ++round) {
            auto sent = co_await socket.send_segmented(data, 3000, together.address());
            REQUIRE(sent);
            CHECK(*sent == data.size());
            expect(together, data, 3000, 0);
        }
        auto batch = cut(data, 3000, together.address());
        auto sent = co_await socket.send_batch(batch);
        REQUIRE(sent);
        CHECK(*sent == 3);
        expect(together, data, 3000, 0);
        batch = cut(data, 1000, together.address());
        sent = co_await socket.send_batch(batch);
        REQUIRE(sent);
        CHECK(*sent == 9);
        expect(together, data, 9000, 1000);

        auto fresh = bind_udp();
        std::vector<net::Datagram> whole = cut(data, data.size(), together.address());
        whole[0].segment_bytes = 3000;
        sent = co_await fresh.send_batch(whole);
        REQUIRE(sent);
        CHECK(*sent == 1);
        expect(together, data, 3000, 0);
    });
}

TEST_CASE("where the kernel does not cut for a socket, everything leaves one by one", "[integration][udp]") {
    on_each_driver([]() -> Task<> {
        Judge together(true);
        const Bytes data = pattern(2500);
        const auto without_checksums = [] {
            auto socket = bind_udp();
            const int on = 1;
            REQUIRE(::setsockopt(descriptor_of(socket), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on) == 0);
            return socket;
        };
        auto one = without_checksums();
        auto batch = cut(data, 1000, together.address());
        for (int round = 0; round < 2; ++round) {
            auto sent = co_await one.send_batch(batch);
            REQUIRE(sent);
            CHECK(*sent == 3);
            expect(together, data, 1000, 0);
        }
        auto other = without_checksums();
        auto sent = co_await other.send_segmented(data, 1000, together.address());
        REQUIRE(sent);
        CHECK(*sent == data.size());
        expect(together, data, 1000, 0);
        auto third = without_checksums();
        std::vector<net::Datagram> whole = cut(data, data.size(), together.address());
        whole[0].segment_bytes = 1000;
        for (int round = 0; round < 2; ++round) {
            sent = co_await third.send_batch(whole);
            REQUIRE(sent);
            CHECK(*sent == 1);
            expect(together, data, 1000, 0);
        }
    });
}

}  // namespace
}  // namespace skerry

int main(int argc, char** argv) {
    std::string why_not = skerry::tests::enter_own_network();
    if (why_not.empty() && !skerry::tests::ip("link set lo mtu 1500")) why_not = "the MTU of loopback stays";
    if (!why_not.empty()) {
        std::cout << "skipped: " << why_not << '\n';
        return skerry::tests::skip_exit_code;
    }
    return skerry::tests::run_all(argc, argv);
}
