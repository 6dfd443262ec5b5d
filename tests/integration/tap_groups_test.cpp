// ctest: TIMEOUT 60
// Groups of both families between our own stack over a TAP device and the Linux kernel: each hears what the other
// sends.

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include "support/catch.hpp"
#include "support/own_network.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <iostream>
#include <span>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace skerry {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 7100;
const net::IpAddr group4 = net::IpAddr::v4(239, 255, 77, 1);
const net::IpAddr group6 = *net::IpAddr::parse("ff05::77:1");
const net::IpAddr kernel4 = net::IpAddr::v4(198, 18, 0, 1);
const net::IpAddr kernel6 = *net::IpAddr::parse("fd00:198:18::1");

/// A socket of the kernel's in the group at the port, which it sends to as well.
class KernelMember {
public:
    explicit KernelMember(int family)
        : is_v6_(family == AF_INET6), fd_(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
        REQUIRE(fd_ >= 0);
        const int index = static_cast<int>(::if_nametoindex("sk0"));
        if (is_v6_) {
            to6_.sin6_family = AF_INET6;
            to6_.sin6_port = htons(port);
            REQUIRE(::inet_pton(AF_INET6, "ff05::77:1", &to6_.sin6_addr) == 1);
            ipv6_mreq wanted{to6_.sin6_addr, static_cast<unsigned>(index)};
            set(IPPROTO_IPV6, IPV6_JOIN_GROUP, wanted);
            set(IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
        } else {
            to4_.sin_family = AF_INET;
            to4_.sin_port = htons(port);
            REQUIRE(::inet_pton(AF_INET, "239.255.77.1", &to4_.sin_addr) == 1);
            ip_mreqn wanted{to4_.sin_addr, {}, index};
            set(IPPROTO_IP, IP_ADD_MEMBERSHIP, wanted);
            set(IPPROTO_IP, IP_MULTICAST_IF, wanted);
        }
        REQUIRE(::bind(fd_, address(), size()) == 0);
    }
    ~KernelMember() { ::close(fd_); }
    KernelMember(const KernelMember&) = delete;
    KernelMember& operator=(const KernelMember&) = delete;

    void send(std::string_view text) {
        REQUIRE(::sendto(fd_, text.data(), text.size(), 0, address(), size()) == static_cast<ssize_t>(text.size()));
    }
    /// What has come that it did not send itself; "-" when nothing.
    std::string text(std::string_view own = {}) {
        std::array<char, 64> buffer{};
        for (;;) {
            const ssize_t bytes = ::recv(fd_, buffer.data(), buffer.size(), 0);
            if (bytes < 0) return "-";
            std::string got(buffer.data(), static_cast<std::size_t>(bytes));
            if (got != own) return got;
        }
    }

private:
    template <class Value>
    void set(int level, int name, const Value& value) {
        REQUIRE(::setsockopt(fd_, level, name, &value, sizeof value) == 0);
    }
    [[nodiscard]] const sockaddr* address() const {
        const void* const at = is_v6_ ? static_cast<const void*>(&to6_) : &to4_;
        return static_cast<const sockaddr*>(at);
    }
    [[nodiscard]] socklen_t size() const { return is_v6_ ? sizeof to6_ : sizeof to4_; }

    bool is_v6_;
    int fd_;
    sockaddr_in to4_{};
    sockaddr_in6 to6_{};
};

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "tap:sk0";
    config.ip = "198.18.0.2/24";
    config.ip6 = "fd00:198:18::2/64";
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

Task<std::string> heard(net::UdpSocket* socket, std::chrono::milliseconds patience) {
    std::array<std::byte, 64> buffer{};
    auto received = co_await time::timeout(patience, socket->recv_from(buffer));
    if (!received) co_return "-";
    co_return std::string(reinterpret_cast<const char*>(buffer.data()), received->bytes);
}

Task<> hear_each_other(bool is_v6) {
    const net::IpAddr group = is_v6 ? group6 : group4;
    KernelMember kernel(is_v6 ? AF_INET6 : AF_INET);
    auto socket = net::UdpSocket::bind(net::SocketAddr(is_v6 ? net::IpAddr::v6_any() : net::IpAddr::v4_any(), port));
    REQUIRE(socket);
    kernel.send("too early");
    co_await time::sleep(100ms);  // so that it has come and gone
    REQUIRE(socket->join_multicast(group));
    kernel.send("from the kernel");
    auto first = co_await heard(&*socket, 10s);
    CHECK(first == "from the kernel");
    auto sent =
        co_await socket->send_to(std::as_bytes(std::span(std::string_view("from us"))), net::SocketAddr(group, port));
    REQUIRE(sent);
    auto own = co_await heard(&*socket, 10s);
    CHECK(own == "from us");
    std::string got = "-";
    for (int i = 0; i < 1000 && got == "-"; ++i) {
        co_await time::sleep(10ms);
        got = kernel.text();
        if (got == "too early" || got == "from the kernel") got = "-";
    }
    CHECK(got == "from us");
    REQUIRE(socket->leave_multicast(group));
    REQUIRE(socket->join_multicast_source(group, is_v6 ? kernel6 : kernel4));
    kernel.send("from the source");
    auto wanted = co_await heard(&*socket, 10s);
    CHECK(wanted == "from the source");
    REQUIRE(socket->leave_multicast_source(group, is_v6 ? kernel6 : kernel4));
    kernel.send("too late");
    auto late = co_await heard(&*socket, 300ms);
    CHECK(late == "-");
}

TEST_CASE("our stack and the kernel hear each other in an IPv4 group", "[integration][groups]") {
    auto runtime = make_runtime();
    REQUIRE(runtime);
    runtime->block_on(hear_each_other(false));
}

TEST_CASE("our stack and the kernel hear each other in an IPv6 group", "[integration][groups]") {
    auto runtime = make_runtime();
    REQUIRE(runtime);
    runtime->block_on(hear_each_other(true));
}

}  // namespace
}  // namespace skerry

int main(int argc, char** argv) {
    using namespace skerry::tests;
    if (const std::string why_not = enter_own_tap_network(); !why_not.empty()) {
        std::cout << "skipped: no tap here: " << why_not << '\n';
        return skip_exit_code;
    }
    return run_all(argc, argv);
}
