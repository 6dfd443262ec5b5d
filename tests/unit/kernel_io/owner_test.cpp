// A descriptor and a socket of the kernel belong to the core that made them, whose poller or ring only it may touch.

#include "support/catch.hpp"
#include "support/death.hpp"

#include <skerry/io/async_fd.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/net/udp_socket.hpp>
#include <skerry/runtime/builder.hpp>

#include <sys/eventfd.h>

#include <optional>
#include <utility>

namespace skerry {
namespace {

using tests::aborts;

runtime::Runtime make_runtime(const char* driver, runtime::Flavour flavour = runtime::Flavour::current_thread) {
    runtime::Config config;
    config.flavour = flavour;
    config.pin = false;
    config.backend = driver;
    auto runtime = runtime::Builder(config).offer(kernel_io::make_backend()).build();
    if (!runtime) FAIL(runtime.error().message);
    return std::move(*runtime);
}

/// What one core made.
struct Made {
    std::optional<io::AsyncFd> watched;
    std::optional<net::UdpSocket> socket;
};

Task<> make(Made* made) {
    auto watched = io::AsyncFd::watch(OwnedFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
    REQUIRE(watched);
    made->watched.emplace(std::move(*watched));
    auto socket = net::UdpSocket::bind({net::IpAddr::v4_loopback(), 0});
    REQUIRE(socket);
    made->socket.emplace(std::move(*socket));
    co_return;
}

Task<> drop_watched(Made* made) {
    made->watched.reset();
    co_return;
}

Task<> drop_socket(Made* made) {
    made->socket.reset();
    co_return;
}

#if !defined(NDEBUG)
Task<> take_descriptor(Made* made) {
    (void)std::move(*made->watched).into_inner();
    co_return;
}

TEST_CASE("what another core drops of a poller is asserted", "[kernel_io][owner]") {
    auto home = make_runtime("epoll");
    auto other = make_runtime("epoll");
    Made made;
    home.block_on(make(&made));
    CHECK(aborts([&] { other.block_on(drop_watched(&made)); }));
    CHECK(aborts([&] { other.block_on(take_descriptor(&made)); }));
    CHECK(aborts([&] { other.block_on(drop_socket(&made)); }));
    home.block_on(drop_watched(&made));
    home.block_on(drop_socket(&made));
}
#endif

TEST_CASE("a descriptor and a socket may be dropped between two block_on() of their runtime", "[kernel_io][owner]") {
    auto home = make_runtime("epoll");
    Made made;
    home.block_on(make(&made));
    made = {};
}

#if !defined(NDEBUG)
Task<std::optional<net::TcpListener>> listen() {
    auto listener = net::TcpListener::bind({net::IpAddr::v4_loopback(), 0});
    REQUIRE(listener);
    co_return std::move(*listener);
}

TEST_CASE("what a running core made is not dropped by the thread that waited for it", "[kernel_io][owner]") {
    CHECK(aborts([] {
        auto runtime = make_runtime("epoll", runtime::Flavour::per_core);
        runtime.block_on(listen()).reset();
    }));
    CHECK_FALSE(aborts([] {
        auto runtime = make_runtime("epoll");
        runtime.block_on(listen()).reset();
    }));
    CHECK_FALSE(aborts([] {
        std::optional<runtime::Runtime> runtime(make_runtime("epoll", runtime::Flavour::per_core));
        auto listener = runtime->block_on(listen());
        runtime.reset();
        listener.reset();
    }));
}
#endif

TEST_CASE("what has outlived its runtime may be dropped by a core of another", "[kernel_io][owner]") {
    Made made;
    std::optional<runtime::Runtime> home(make_runtime("epoll"));
    auto other = make_runtime("epoll");
    home->block_on(make(&made));
    home.reset();
    other.block_on(drop_watched(&made));
    other.block_on(drop_socket(&made));
}

}  // namespace
}  // namespace skerry
