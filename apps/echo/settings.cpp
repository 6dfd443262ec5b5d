#include "settings.hpp"

#include "common/backends.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace skerry::echo {

namespace {

apps::Program program() {
    return {"skerry-echo", "Answers TCP connections or UDP datagrams: a peer for load generators and tests.",
            apps::backend_names(), true, "127.0.0.1:7001"};
}

/// An option whose value is one of `all`, by the names that to_string() gives them; `target` has the default.
template <class Enum, std::size_t count>
void add_choice(CLI::App& app, const std::string& name, const std::string& help, Enum& target,
                const Enum (&all)[count]) {
    std::string accepted;
    for (const Enum value : all) accepted += (accepted.empty() ? "" : ", ") + std::string(to_string(value));
    const auto take = [&target, &all, name, accepted](const std::string& text) {
        for (const Enum value : all)
            if (text == to_string(value)) {
                target = value;
                return;
            }
        throw CLI::ValidationError(name + "=" + text, "no such value; accepted: " + accepted);
    };
    app.add_option_function<std::string>(name, take,
                                         help + ": " + accepted + "; default " + std::string(to_string(target)))
        ->type_name("NAME");
}

constexpr Proto protos[] = {Proto::tcp, Proto::udp};
constexpr Mode modes[] = {Mode::echo, Mode::sink, Mode::source, Mode::sockperf};

}  // namespace

std::string_view to_string(Proto proto) noexcept { return proto == Proto::tcp ? "tcp" : "udp"; }

std::string_view to_string(Mode mode) noexcept {
    switch (mode) {
        case Mode::sink: return "sink";
        case Mode::source: return "source";
        case Mode::sockperf: return "sockperf";
        case Mode::echo: break;
    }
    return "echo";
}

Result<Settings, apps::Stop> read_settings(int argc, const char* const* argv) {
    Settings settings;
    auto shared = apps::parse_options(program(), argc, argv, [&settings](CLI::App& app) {
        add_choice(app, "--proto", "transport", settings.proto, protos);
        add_choice(app, "--mode", "what is done with the data", settings.mode, modes);
    });
    if (!shared) return Unexpected(std::move(shared).error());
    settings.shared = *std::move(shared);
    if (settings.mode == Mode::source && settings.proto == Proto::udp)
        return Unexpected(apps::Stop{2,
                                     "skerry-echo: --mode=source: nobody is there to send to until a datagram comes; "
                                     "accepted with --proto=tcp"});
    if (settings.proto == Proto::udp) settings.shared.runtime.traffic = runtime::Traffic::datagrams;
    if (settings.shared.listen.empty()) settings.shared.listen.push_back({"127.0.0.1:7001", "127.0.0.1", 7001});
    return settings;
}

}  // namespace skerry::echo
