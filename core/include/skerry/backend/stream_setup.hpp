#pragma once

// What is asked of a TCP socket before it is connected or listens.

#include "socket_ops.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skerry::backend {

/// Values of socket options, at most one for each.
class OptionSet {
public:
    void set(SocketOption option, int value) noexcept {
        values_[index(option)] = value;
        is_set_ |= std::uint32_t{1} << index(option);
    }

    [[nodiscard]] bool empty() const noexcept { return is_set_ == 0; }
    [[nodiscard]] std::optional<int> get(SocketOption option) const noexcept {
        if ((is_set_ >> index(option) & 1U) == 0) return std::nullopt;
        return values_[index(option)];
    }

    /// Calls `set(option, value)` for each that was set; ends with the first error.
    template <class Set>
    Result<> apply(Set&& set) const {
        for (std::size_t i = 0; i < values_.size(); ++i) {
            if ((is_set_ >> i & 1U) == 0) continue;
            if (Result<> done = set(static_cast<SocketOption>(i), values_[i]); !done) return done;
        }
        return {};
    }

private:
    [[nodiscard]] static std::size_t index(SocketOption option) noexcept { return static_cast<std::size_t>(option); }

    std::array<int, socket_options> values_{};
    std::uint32_t is_set_ = 0;
    static_assert(socket_options <= 32);
};

/// The name of a network interface.
class DeviceName {
public:
    /// A name that is too long for any device is remembered as such.
    void set(std::string_view name) noexcept {
        text_.fill('\0');
        std::copy_n(name.data(), std::min(name.size(), text_.size()), text_.data());
    }
    [[nodiscard]] bool empty() const noexcept { return text_.front() == '\0'; }
    [[nodiscard]] bool is_too_long() const noexcept { return text_.back() != '\0'; }
    /// With a 0 behind it, unless it is too long.
    [[nodiscard]] const std::array<char, 16>& text() const noexcept { return text_; }

private:
    std::array<char, 16> text_{};  // IFNAMSIZ, as Linux has it
};

struct StreamSetup {
    OptionSet options;
    DeviceName device;  ///< the only one that it uses; empty: any
    std::optional<net::SocketAddr> local;  ///< where a connection begins
    std::optional<bool> reuse_address;  ///< nothing: a listener does, a connection does not
    bool reuse_port = false;  ///< of a connection; a listener has it in its ListenOptions
};

}  // namespace skerry::backend
