#include <skerry/net/tcp_socket.hpp>

namespace skerry::net {

Result<TcpListener> TcpSocket::listen(int backlog) const noexcept {
    if (!setup_.local) return Errc::invalid_argument;
    ListenOptions options;
    options.backlog = backlog;
    options.reuse_port = setup_.reuse_port;
    options.v6_only = only_v6_;
    options.setup = &setup_;
    return TcpListener::bind(*setup_.local, options);
}

}  // namespace skerry::net
