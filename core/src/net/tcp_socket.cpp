#include <skerry/net/tcp_socket.hpp>

namespace skerry::net {

Result<TcpListener> TcpSocket::listen(int backlog) const noexcept {
    if (!setup_.local) return Errc::invalid_argument;
    if (backend::current_sockets == nullptr) return Errc::unsupported;
    ListenOptions options;
    options.backlog = backlog;
    options.reuse_port = setup_.reuse_port;
    options.v6_only = only_v6_;
    auto socket = backend::current_sockets->listen(*setup_.local, options, &setup_);
    if (!socket) return socket.error();
    return TcpListener(**socket);
}

}  // namespace skerry::net
