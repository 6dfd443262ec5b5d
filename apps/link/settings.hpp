#pragma once

// What skerry-link's command line says.

#include "device.hpp"
#include "way.hpp"

#include "common/options.hpp"

#include <skerry/base/result.hpp>

#include <string>

namespace skerry::link {

struct Settings {
    DeviceName left;
    DeviceName right;
    WayRules forth;
    WayRules back;  ///< loses nothing
    std::string json_file;
};

/// Errors: a Stop, for --help, --version and whatever cannot be used.
[[nodiscard]] Result<Settings, apps::Stop> read_settings(int argc, const char* const* argv);

}  // namespace skerry::link
