// Serves a listing of a folder over TCP, and a fresh one after each change in it, until the client goes:
//   example_watch_folder [FOLDER [BACKEND [IP [DPDK]]]], then socat - TCP:127.0.0.1:7001

#include <skerry/io/async_fd.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/process/command.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/spawn.hpp>
#if __has_include(<skerry/dpdk/backend.hpp>)
#include <skerry/dpdk/backend.hpp>
#endif

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <span>
#include <string>
#include <utility>

using namespace skerry;

Result<> take_events(int fd) {
    std::array<char, 4096> events;
    if (::read(fd, events.data(), events.size()) < 0) return Error::from_os(errno);
    return {};
}

Task<Result<>> tell(net::TcpStream client, std::string folder) {
    auto watch = co_await ok(io::AsyncFd::watch(OwnedFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC))));
    if (::inotify_add_watch(watch.fd(), folder.c_str(), IN_CREATE | IN_DELETE | IN_MOVE) < 0) co_return Errc::not_found;
    for (;;) {
        auto listing = co_await ok(co_await process::Command("ls").arg(folder).output());
        co_await ok(co_await client.write_all(std::as_bytes(std::span(listing.out))));
        co_await ok(co_await watch.async_io(io::Interest::readable, &take_events));
    }
}

Task<Result<>> serve(std::string folder) {
    auto listener = co_await ok(net::TcpListener::bind(net::SocketAddr(net::IpAddr::v4_any(), 7001)));
    for (;;) {
        auto client = co_await ok(co_await listener.accept());
        spawn(tell(std::move(client), folder)).detach();
    }
}

int main(int argc, char** argv) {
    runtime::Config config;
    if (argc > 2) config.backend = argv[2];
    if (argc > 3) config.ip = argv[3];
    if (argc > 4) config.dpdk = argv[4];
    runtime::Builder builder(config);
#if __has_include(<skerry/dpdk/backend.hpp>)
    builder.offer(dpdk::make_backend());
#endif
    auto runtime = std::move(builder.offer(kernel_io::make_backend())).build();
    if (!runtime) return std::fprintf(stderr, "%s\n", runtime.error().message.c_str()), 1;
    const auto ended = runtime->block_on(serve(argc > 1 ? argv[1] : "."));
    return std::fprintf(stderr, "%s\n", ended.error().message().c_str()), 1;
}
