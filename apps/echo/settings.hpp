#pragma once

// What skerry-echo's command line says.

#include "common/options.hpp"

#include <skerry/base/result.hpp>

#include <cstdint>
#include <string_view>

namespace skerry::echo {

enum class Proto : std::uint8_t { tcp, udp };

enum class Mode : std::uint8_t {
    echo,      ///< sends back what comes
    sink,      ///< reads and drops
    source,    ///< sends until the peer closes; TCP only
    sockperf,  ///< answers as sockperf's own server does
};

[[nodiscard]] std::string_view to_string(Proto proto) noexcept;
[[nodiscard]] std::string_view to_string(Mode mode) noexcept;

struct Settings {
    apps::Options shared;
    Proto proto = Proto::tcp;
    Mode mode = Mode::echo;
};

/// Errors: a Stop, for --help, --version and whatever cannot be used.
[[nodiscard]] Result<Settings, apps::Stop> read_settings(int argc, const char* const* argv);

}  // namespace skerry::echo
