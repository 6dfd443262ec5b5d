#pragma once

// The sockets of a core that has no stack: there are none, and whoever asks is told so.

#include <skerry/backend/socket_ops.hpp>

namespace skerry::dpdk {

class NoSockets final : public backend::SocketFactory {
public:
    [[nodiscard]] backend::Capabilities capabilities() const noexcept override { return {}; }
    [[nodiscard]] backend::SocketStats stats() const noexcept override { return {}; }
    [[nodiscard]] backend::Step connect(backend::ConnectRequest& request) noexcept override {
        request.error = Errc::unsupported;
        return backend::Step::done;
    }
    void cancel_connect(backend::ConnectRequest&) noexcept override {}
    [[nodiscard]] Result<backend::ListenerSocket*> listen(const net::SocketAddr&, const backend::ListenOptions&,
                                                          const backend::StreamSetup*) noexcept override {
        return Error(Errc::unsupported);
    }
    [[nodiscard]] Result<backend::DatagramSocket*> bind(const net::SocketAddr&,
                                                        const backend::BindOptions&) noexcept override {
        return Error(Errc::unsupported);
    }
};

}  // namespace skerry::dpdk
