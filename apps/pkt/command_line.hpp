#pragma once

// skerry-pkt's command line:
// `skerry-pkt [--profile=linux|freebsd|lowlat] [--kernel] [--settings=FILE] [-D NAME[=VALUE]] FILE...`

#include "../common/options.hpp"
#include "host/profile.hpp"
#include "syntax/defines.hpp"

#include <string>
#include <vector>

namespace skerry::pkt {

struct CommandLine {
    Profile profile = Profile::linux_like;
    bool asks_kernel = false;  ///< scripts run against the kernel of this machine, in real time
    std::string settings;  ///< a file of what the machine is set to; empty: none
    syntax::Defines defines;
    std::vector<std::string> files;  ///< at least one
};

/// Errors: a Stop: a usage error, or the text of --help.
[[nodiscard]] Result<CommandLine, apps::Stop> read_command_line(int argc, const char* const* argv);

}  // namespace skerry::pkt
