// ctest: TIMEOUT 60
// Bulk between our own stack over a TAP device with tso=on and the Linux kernel, both ways at once, byte by byte: what
// leaves in runs and what comes whole is what was written.

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>

#include "support/catch.hpp"
#include "support/own_network.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace skerry {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint16_t port = 7100;
constexpr std::size_t bulk_bytes = 8'000'000;

Bytes noise(unsigned seed) {
    Bytes bytes(bulk_bytes);
    std::minstd_rand random(seed);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() >> 8U);
    return bytes;
}

Result<runtime::Runtime, backend::SetupError> make_runtime() {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    config.backend = "tap:sk0,tso=on";
    config.ip = "198.18.0.2/24";
    config.ip6 = "fd00:198:18::2/64";
    return runtime::Builder(config).offer(kernel_io::make_backend()).build();
}

/// The kernel's end, on threads of its own: writes `to_send`, and reads until the end.
class KernelPeer {
public:
    KernelPeer(bool is_v6, Bytes to_send) : to_send_(std::move(to_send)) {
        thread_ = std::thread([this, is_v6] { run(is_v6); });
    }
    ~KernelPeer() { thread_.join(); }
    KernelPeer(const KernelPeer&) = delete;
    KernelPeer& operator=(const KernelPeer&) = delete;

    [[nodiscard]] bool has_ended() const noexcept { return has_ended_.load(std::memory_order_acquire); }
    /// Once it has ended.
    [[nodiscard]] const Bytes& received() const noexcept { return received_; }

private:
    static int connected(bool is_v6) {
        const int fd = ::socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to4{};
        to4.sin_family = AF_INET;
        to4.sin_port = htons(port);
        ::inet_pton(AF_INET, "198.18.0.2", &to4.sin_addr);
        sockaddr_in6 to6{};
        to6.sin6_family = AF_INET6;
        to6.sin6_port = htons(port);
        ::inet_pton(AF_INET6, "fd00:198:18::2", &to6.sin6_addr);
        const void* const to = is_v6 ? static_cast<const void*>(&to6) : &to4;
        const socklen_t bytes = is_v6 ? sizeof to6 : sizeof to4;
        return ::connect(fd, static_cast<const sockaddr*>(to), bytes) == 0 ? fd : -1;
    }
    void run(bool is_v6) {
        const int fd = connected(is_v6);
        std::thread sender([this, fd] {
            std::span<const std::byte> rest = to_send_;
            while (!rest.empty()) {
                const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
                if (sent <= 0) return;
                rest = rest.subspan(static_cast<std::size_t>(sent));
            }
            ::shutdown(fd, SHUT_WR);
        });
        Bytes piece(std::size_t{1} << 18U);
        for (;;) {
            const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
            if (got <= 0) break;
            received_.insert(received_.end(), piece.begin(), piece.begin() + got);
        }
        sender.join();
        ::close(fd);
        has_ended_.store(true, std::memory_order_release);
    }

    Bytes to_send_;
    Bytes received_;
    std::atomic<bool> has_ended_{false};
    std::thread thread_;
};

Task<> write(net::OwnedWriteHalf half, const Bytes* bytes) {
    auto written = co_await half.write_all(*bytes);
    CHECK(written);
}

Task<Bytes> carry_both_ways(net::TcpListener* listener, const Bytes* to_send) {
    auto stream = co_await listener->accept();
    REQUIRE(stream);
    auto [reader, writer] = std::move(*stream).into_split();
    auto writing = spawn(write(std::move(writer), to_send));
    Bytes received;
    Bytes piece(std::size_t{1} << 18U);
    for (;;) {
        auto got = co_await reader.read(piece);
        REQUIRE(got);
        if (*got == 0) break;
        received.insert(received.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
    }
    (void)co_await writing;
    co_return received;
}

TEST_CASE("bulk in long segments is what was written, both ways", "[integration][tap][tso]") {
    const bool is_v6 = GENERATE(false, true);
    auto runtime = make_runtime();
    REQUIRE(runtime);
    const Bytes ours = noise(1);
    const Bytes theirs = noise(2);
    std::unique_ptr<KernelPeer> peer;
    const Bytes got = runtime->block_on([&]() -> Task<Bytes> {
        const net::SocketAddr any(is_v6 ? net::IpAddr::v6_any() : net::IpAddr::v4_any(), port);
        auto listener = net::TcpListener::bind(any);
        REQUIRE(listener);
        peer = std::make_unique<KernelPeer>(is_v6, theirs);
        Bytes received = co_await carry_both_ways(&*listener, &ours);
        while (!peer->has_ended()) co_await time::sleep(std::chrono::milliseconds{1});
        co_return received;
    }());
    CHECK((got == theirs));
    CHECK((peer->received() == ours));
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
