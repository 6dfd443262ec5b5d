#include "command_line.hpp"

#include <CLI/CLI.hpp>

#include <utility>

namespace skerry::pkt {

Result<CommandLine, apps::Stop> read_command_line(int argc, const char* const* argv) {
    CommandLine line;
    const apps::Program program{"skerry-pkt", "Runs scripts of packetdrill's language against the stack.", {}};
    std::string profile = "linux";
    std::vector<std::string> defined;
    const auto read = apps::parse_own_options(program, argc, argv, [&](CLI::App& app) {
        app.add_option("--profile", profile, "the kind of machine: linux, freebsd or lowlat")->capture_default_str();
        app.add_flag("--kernel", line.asks_kernel,
                     "run against the kernel of this machine instead, in real time; needs root");
        app.add_option("--settings", line.settings,
                       "a file with a line `name = value` for each sysctl that the machine is set to first");
        app.add_option("-D,--define", defined, "NAME or NAME=VALUE: a name that scripts may use")
            ->allow_extra_args(false);
        app.add_option("FILE", line.files, "scripts")->required();
    });
    if (!read) return Unexpected(read.error());
    const auto known = stack::parse_tcp_profile(profile);
    const auto refuse = [&program](const std::string& why) { return apps::Stop{2, program.name + ": " + why}; };
    if (!known)
        return Unexpected(refuse("--profile=" + profile + ": no such profile; accepted: linux, freebsd, lowlat"));
    line.profile = *known;
    for (const std::string& text : defined)
        if (const std::string why = line.defines.add(text); !why.empty())
            return Unexpected(refuse("-D " + text + ": " + why));
    return line;
}

}  // namespace skerry::pkt
