// A TCP echo server: try it with `socat - TCP:127.0.0.1:7000`, end it with ^C.

#include <skerry/kernel_io/backend.hpp>
#include <skerry/net/tcp_listener.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/task/spawn.hpp>

#include <cstdio>

using namespace skerry;

Task<> echo(net::TcpStream stream) {
    for (;;) {
        auto data = co_await stream.read_buf();
        if (!data || data->empty()) co_return;  // an error, or the peer has closed
        auto written = co_await stream.write_buf(std::move(*data));
        if (!written) co_return;
    }
}

Task<int> serve(net::SocketAddr address) {
    auto listener = net::TcpListener::bind(address);
    if (!listener) co_return std::fprintf(stderr, "cannot listen: %s\n", listener.error().message().c_str()), 1;
    for (;;) {
        auto stream = co_await listener->accept();
        if (!stream) co_return 1;
        spawn(echo(std::move(*stream))).detach();
    }
}

int main() {
    auto runtime = runtime::Builder().offer(kernel_io::make_backend()).build();
    if (!runtime) return std::fprintf(stderr, "%s\n", runtime.error().message.c_str()), 1;
    return runtime->block_on(serve(net::SocketAddr(net::IpAddr::v4_loopback(), 7000)));
}
