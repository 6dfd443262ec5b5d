// ctest: TIMEOUT 120
// Connects of the kernel's backend to a server in a thread of its own, which is faster than the core can look.

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_stream.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/join.hpp>
#include <skerry/time/timeout.hpp>

#include "support/catch.hpp"
#include "support/loopback_listener.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace skerry {
namespace {

using namespace std::chrono_literals;

/// Takes connections one after the other; says a word to each and closes it.
class ShortSpokenServer {
public:
    ShortSpokenServer() : thread_([this] { serve(); }) {}
    ShortSpokenServer(const ShortSpokenServer&) = delete;
    ShortSpokenServer& operator=(const ShortSpokenServer&) = delete;
    ~ShortSpokenServer() {
        ::shutdown(listener_.fd(), SHUT_RDWR);  // ends the accept
        thread_.join();
    }

    [[nodiscard]] const net::SocketAddr& address() const noexcept { return listener_.address(); }
    [[nodiscard]] int served() const noexcept { return served_.load(); }

private:
    void serve() {
        for (;;) {
            const int connection = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0) return;
            [[maybe_unused]] const auto sent = ::send(connection, "hello", 5, MSG_NOSIGNAL);
            ::close(connection);
            ++served_;
        }
    }

    tests::LoopbackListener listener_{8};
    std::atomic<int> served_{0};
    std::thread thread_;
};

/// Keeps the core from looking until the server has had its say, or for 50 ms.
Task<> look_away(const ShortSpokenServer& server, int served) {
    const auto end = std::chrono::steady_clock::now() + 50ms;
    while (server.served() < served && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    co_return;
}

Task<std::string> read_to_the_end(net::TcpStream& stream) {
    std::string text;
    std::array<std::byte, 64> buffer{};
    for (;;) {
        auto count = co_await time::timeout(5s, stream.read(buffer));
        if (!count) co_return text + "!" + std::string(to_string(count.error().code()));
        if (*count == 0) co_return text;
        text.append(reinterpret_cast<const char*>(buffer.data()), *count);
    }
}

Task<std::string> hear_in_time(const ShortSpokenServer& server) {
    const int before = server.served();
    // join starts its branches in turn: in every second call the connect is under way when the core looks away.
    auto both = co_await join(net::TcpStream::connect(server.address()), look_away(server, before + 1));
    auto& stream = std::get<0>(both);
    if (!stream) co_return "!" + std::string(to_string(stream.error().code()));
    auto text = co_await read_to_the_end(*stream);
    co_return text;
}

TEST_CASE("data and the end of the stream that came before the connect was noticed are read", "[net][tcp]") {
    runtime::Config config;
    config.flavour = runtime::Flavour::current_thread;
    auto runtime = runtime::Builder(config).offer(kernel_io::make_backend()).build();
    REQUIRE(runtime);
    const ShortSpokenServer server;
    for (int i = 0; i < 8; ++i) CHECK(runtime->block_on(hear_in_time(server)) == "hello");
}

}  // namespace
}  // namespace skerry
