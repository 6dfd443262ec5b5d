#pragma once

#include "event_queue.hpp"

#include <skerry/backend/congestion_control.hpp>
#include <skerry/backend/socket_ops.hpp>
#include <skerry/backend/stream_setup.hpp>
#include <skerry/base/intrusive_list.hpp>

#include <array>
#include <cstddef>

namespace skerry::testing {

class NetworkState;

/// The values of one socket's options: kept for whoever asks, and read by what they steer.
class OptionValues {
public:
    OptionValues() noexcept {
        values_[index(backend::SocketOption::no_delay)] = 1;
        values_[index(backend::SocketOption::linger_s)] = -1;
        values_[index(backend::SocketOption::ttl)] = 64;
        values_[index(backend::SocketOption::multicast_loop)] = 1;
        values_[index(backend::SocketOption::multicast_ttl)] = 1;
    }
    [[nodiscard]] int get(backend::SocketOption option) const noexcept { return values_[index(option)]; }
    Result<> set(backend::SocketOption option, int value) noexcept {
        if (!is_known(option)) return Errc::unsupported;
        if (option == backend::SocketOption::linger_s && value > 0) return Errc::unsupported;
        if (option == backend::SocketOption::multicast_interface && value > 1) return Errc::not_found;  // there is one
        if (option == backend::SocketOption::congestion_control && !backend::to_congestion_control(value))
            return Errc::not_found;
        if (!may_be(option, value)) return Errc::invalid_argument;
        values_[index(option)] = value;
        return {};
    }
    Result<> set_all(const backend::OptionSet& options) noexcept {
        return options.apply([this](backend::SocketOption option, int value) { return set(option, value); });
    }
    Result<int> ask(backend::SocketOption option) const noexcept {
        if (!is_known(option)) return Errc::unsupported;
        return get(option);
    }

private:
    static bool is_known(backend::SocketOption option) noexcept {
        switch (option) {
            case backend::SocketOption::multicast_interface:
            case backend::SocketOption::receive_local:
            case backend::SocketOption::receive_ttl:
            case backend::SocketOption::receive_traffic_class:
            case backend::SocketOption::send_local:
            case backend::SocketOption::send_traffic_class: return true;
            case backend::SocketOption::rack:
            case backend::SocketOption::tail_probe:
            case backend::SocketOption::proportional_rate: return false;
            default: return option < backend::SocketOption::busy_poll_us;
        }
    }
    // The bounds that Linux has.
    static bool may_be(backend::SocketOption option, int value) noexcept {
        switch (option) {
            case backend::SocketOption::linger_s: return true;
            case backend::SocketOption::keep_alive_idle_s:
            case backend::SocketOption::keep_alive_interval_s: return value >= 1 && value <= 32'767;
            case backend::SocketOption::keep_alive_count: return value >= 1 && value <= 127;
            case backend::SocketOption::ttl: return value >= 1 && value <= 255;
            case backend::SocketOption::multicast_ttl:
            case backend::SocketOption::traffic_class: return value >= 0 && value <= 255;
            default: return value >= 0;
        }
    }
    static std::size_t index(backend::SocketOption option) noexcept { return static_cast<std::size_t>(option); }
    std::array<int, backend::socket_options> values_{};
};

/// What every socket of the network is. As a link it is in the network's list.
class Socket : public ListLink {
public:
    explicit Socket(NetworkState& network) noexcept;
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    [[nodiscard]] SocketId id() const noexcept { return id_; }
    [[nodiscard]] NetworkState& network() const noexcept { return *network_; }

    /// The network goes away. Deletes the socket, or, when a program still holds it, makes every operation
    /// from now on answer runtime_shutdown.
    virtual void orphan() noexcept = 0;

    OptionValues options;
    bool has_descriptor = false;

    virtual ~Socket() = default;

private:
    NetworkState* network_;
    SocketId id_;
};

}  // namespace skerry::testing
