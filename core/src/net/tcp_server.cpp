#include <skerry/net/tcp_server.hpp>

namespace skerry::net {

Result<TcpServer> TcpServer::bind(const SocketAddr& address, int backlog) noexcept {
    ListenOptions options;
    options.backlog = backlog;
    // First alone: a shared bind would succeed beside a stranger who shares too, and split his connections.
    auto alone = TcpListener::bind(address, options);
    if (!alone || core_count() == 1) {
        if (!alone) return alone.error();
        return TcpServer(std::move(*alone), options);
    }
    const SocketAddr bound = alone->local_addr();
    {
        const TcpListener closed = std::move(*alone);
    }
    options.reuse_port = true;
    auto shared = TcpListener::bind(bound, options);
    if (!shared) return shared.error();
    return TcpServer(std::move(*shared), options);
}

}  // namespace skerry::net
