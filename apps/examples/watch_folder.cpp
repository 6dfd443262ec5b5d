// Serves a listing of a folder over TCP, and a fresh one after each change in it, until the client goes:
//   example_watch_folder [FOLDER [BACKEND [IP [DPDK]]]], then socat - TCP:127.0.0.1:7001

#include <skerry/io/async_fd.hpp>
#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/process/command.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/spawn.hpp>
#if __has_include(<skerry/dpdk/backend.hpp>)
#include <skerry/dpdk/backend.hpp>
#endif

#include <sys/inotify.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>
#include <utility>

using namespace skerry;

Task<Result<>> tell(net::OwnedWriteHalf* client, std::string folder) {
    auto watch = co_await ok(io::AsyncFd::watch(OwnedFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC))));
    if (::inotify_add_watch(watch.fd(), folder.c_str(), IN_CREATE | IN_DELETE | IN_MOVE) < 0) co_return Errc::not_found;
    for (std::array<std::byte, 4096> events;;) {
        auto listing = co_await ok(co_await process::Command("ls").arg(folder).kill_on_drop(true).output());
        co_await ok(co_await client->write_all(std::as_bytes(std::span(listing.out))));
        co_await ok(co_await watch.read(events));
    }
}

Task<> serve_one(net::TcpStream stream, std::string folder) {
    auto [in, out] = std::move(stream).into_split();
    std::array<std::byte, 64> ignored;
    auto ended = co_await select(tell(&out, folder), in.read(ignored));
    if (ended.index() == 0)
        std::fprintf(stderr, "%s: %s\n", folder.c_str(), std::get<0>(ended).error().message().c_str());
}

Task<Result<>> serve(std::string folder) {
    auto listener = co_await ok(net::TcpListener::bind(net::SocketAddr(net::IpAddr::v4_any(), 7001)));
    for (;;) spawn(serve_one(co_await ok(co_await listener.accept()), folder)).detach();
}

int main(int argc, char** argv) {
    const auto said = [&](int at, const char* otherwise) { return argc > at ? argv[at] : otherwise; };
    runtime::Builder builder(runtime::Config{.backend = said(2, "auto"), .ip = said(3, ""), .dpdk = said(4, "")});
#if __has_include(<skerry/dpdk/backend.hpp>)
    builder.offer(dpdk::make_backend());
#endif
    auto runtime = std::move(builder.offer(kernel_io::make_backend())).build();
    if (!runtime) return std::fprintf(stderr, "%s\n", runtime.error().message.c_str()), 1;
    const auto ended = runtime->block_on(serve(said(1, ".")));
    return std::fprintf(stderr, "%s\n", ended.error().message().c_str()), 1;
}
