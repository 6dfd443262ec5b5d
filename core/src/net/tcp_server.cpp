#include <skerry/net/tcp_server.hpp>

namespace skerry::net {

Result<TcpServer> TcpServer::bind(const SocketAddr& address, int backlog) noexcept {
    ListenOptions options;
    options.backlog = backlog;
    // First alone: a shared bind would succeed beside a stranger who shares too, and split his connections.
    options.reuse_port_first = core_count() > 1;
    auto first = TcpListener::bind(address, options);
    if (!first) return first.error();
    return TcpServer(std::move(*first), ListenOptions{.backlog = backlog, .reuse_port = true});
}

}  // namespace skerry::net
