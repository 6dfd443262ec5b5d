#include "options.hpp"

#include "toml_config.hpp"

#include <skerry/version.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>

namespace skerry::apps {

namespace {

/// Adds an option whose text `parse` turns into a value or refuses, and hands the value to `take`.
template <class Parse, class Take>
CLI::Option* add_parsed(CLI::App& app, std::string name, std::string form, std::string help, Parse parse, Take take) {
    const auto accept = [name, parse, take](const std::string& text) {
        auto value = parse(text);
        if (!value) throw CLI::ValidationError(name + "=" + text, value.error().message);
        take(*std::move(value));
    };
    return app.add_option_function<std::string>(name, accept, std::move(help))->type_name(std::move(form));
}

/// What --backend takes, as a list.
std::string accepted_backends(const Program& program) {
    if (program.takes_any_backend) return "auto, dpdk, io_uring, epoll, tap:IF, xdp:IF";
    return "auto, " + CLI::detail::join(program.backends, ", ");
}

/// A backend of the design, of those that the program can run on.
Parsed<std::string> parse_backend_of(const Program& program, std::string_view text) {
    auto name = parse_backend(text);
    const bool is_known = program.takes_any_backend || !name || *name == "auto" ||
                          std::find(program.backends.begin(), program.backends.end(), *name) != program.backends.end();
    if (is_known) return name;
    return ValueError{program.name + " does not run on it; accepted: " + accepted_backends(program)};
}

void add_runtime_options(CLI::App& app, const Program& program, runtime::Config& config) {
    add_parsed(
        app, "--backend", "NAME", accepted_backends(program) + "; default auto",
        [&program](const std::string& text) { return parse_backend_of(program, text); },
        [&config](std::string name) { config.backend = std::move(name); });
    add_parsed(app, "--flavour", "NAME", "per_core or current_thread; default per_core", parse_flavour,
               [&config](runtime::Flavour flavour) { config.flavour = flavour; });
    add_parsed(app, "--cores", "LIST", "the CPUs to run on, for example 0,2-4, or auto; default auto", parse_cores,
               [&config](std::optional<topology::CpuSet> cores) { config.cores = cores; });
    add_parsed(app, "--idle", "POLICY", "spin, adaptive or sleep; default: the backend's", parse_idle,
               [&config](runtime::IdlePolicy idle) { config.idle = idle; });
    add_parsed(app, "--grace", "TIME", "how long a stop waits for work in progress; default 5s", parse_duration,
               [&config](std::chrono::nanoseconds grace) { config.grace = grace; });
}

void add_route_option(CLI::App& app, runtime::Config& config) {
    const auto accept = [&config](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) {
            auto routes = parse_routes(text);
            if (!routes) throw CLI::ValidationError("--route=" + text, routes.error().message);
            if (texts.size() > 1 && text.find('+') != std::string::npos)
                throw CLI::ValidationError("--route=" + text, "of several ports, so write all routes in one --route");
            config.routes += (config.routes.empty() ? "" : ",") + *routes;
        }
    };
    app.add_option_function<std::vector<std::string>>(
           "--route", accept,
           "by which router packets to a network go; without one its hosts are on the link; repeat it")
        ->type_name("NET/LEN:ROUTER")
        ->allow_extra_args(false);
}

void add_network_options(CLI::App& app, runtime::Config& config) {
    app.add_option("--dpdk", config.dpdk,
                   "device and memory of the dpdk backend, for example pci=0000:03:00.0 or "
                   "'vdev=net_tap0;hugepages=off'; dpdk/README.md has all keys")
        ->type_name("TEXT");
    add_parsed(app, "--ip", "ADDR/LEN",
               "our address on a backend with its own stack, or several A,B, or dhcp; of several ports A+B",
               parse_ipv4_interface, [&config](std::string text) { config.ip = std::move(text); });
    add_parsed(app, "--ip6", "ADDR/LEN", "the same for IPv6, several likewise, or auto: what routers give",
               parse_ipv6_interface, [&config](std::string text) { config.ip6 = std::move(text); });
    add_parsed(app, "--gateway", "ADDR", "where packets for other networks go; one a family, with a comma",
               parse_gateway, [&config](std::string text) { config.gateway = std::move(text); });
    add_route_option(app, config);
    add_parsed(app, "--tcp", "SETTINGS",
               "our own stack's TCP: linux, freebsd or lowlat, and NAME=VALUE for what shall be otherwise, with commas",
               parse_tcp_options, [&config](std::string text) { config.tcp = std::move(text); });
    add_parsed(app, "--vlan", "ID", "the VLAN of our own stack's port, 1 to 4094; default none", parse_vlan,
               [&config](std::uint16_t vlan) { config.vlan = vlan; });
}

/// No frame has more bytes than a number of 16 bits says.
std::uint32_t snap_of(std::uint64_t bytes) noexcept {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, std::numeric_limits<std::uint16_t>::max()));
}

void add_capture_options(CLI::App& app, trace::CaptureOptions& capture) {
    CLI::Option* const file =
        app.add_option("--capture", capture.file, "record what passes our own stack's port in this file, as pcapng")
            ->type_name("FILE");
    add_parsed(app, "--capture-snap", "BYTES", "how much of each frame; default all", parse_byte_count,
               [&capture](std::uint64_t bytes) { capture.snap_bytes = snap_of(bytes); })
        ->needs(file);
    add_parsed(app, "--capture-limit", "BYTES", "how long the file may be, for example 64M; default no limit",
               parse_byte_count, [&capture](std::uint64_t bytes) { capture.bytes_max = bytes; })
        ->needs(file);
}

void add_listen_option(CLI::App& app, const Program& program, Options& options) {
    const auto accept = [&options](const std::vector<std::string>& texts) {
        for (const std::string& text : texts) {
            auto address = parse_listen(text);
            if (!address) throw CLI::ValidationError("--listen=" + text, address.error().message);
            options.listen.push_back(*std::move(address));
        }
    };
    const std::string without = program.listens_on.empty() ? "" : "; default " + program.listens_on;
    app.add_option_function<std::vector<std::string>>("--listen", accept, "where to listen; may be repeated" + without)
        ->type_name("ADDR:PORT")
        ->allow_extra_args(false);
}

/// The option's name at the front of a CLI11 message, "--cores: ..." or "Could not convert: --cores = ...".
const CLI::Option* option_in(const CLI::App& app, std::string_view message) {
    const std::size_t begin = message.find("--");
    if (begin == std::string_view::npos) return nullptr;
    const std::string_view name = message.substr(begin, message.find_first_of(": =", begin) - begin);
    return app.get_option_no_throw(std::string(name));
}

std::string unknown_argument(const CLI::App& app) {
    const std::vector<std::string> extra = app.remaining();
    const auto unknown = std::find_if(extra.begin(), extra.end(), [](const auto& each) { return each != "--"; });
    const std::string text = unknown == extra.end() ? std::string{} : *unknown;
    const bool is_option = text.size() > 1 && text.front() == '-';
    const std::string name = is_option ? text.substr(0, text.find('=')) : text;
    return name + (is_option ? ": unknown option" : ": not an option") + "; accepted: " + accepted_names(app, "--");
}

std::string value_missing(const CLI::Option& option) {
    return option.get_name() + ": the value is missing; write " + option.get_name() + "=" + option.get_type_name();
}

std::string wrong_count(const CLI::App& app, const std::string& message) {
    const CLI::Option* option = option_in(app, message);
    if (option == nullptr) return message;
    if (option->count() > 1)
        return option->get_name() + ": given " + std::to_string(option->count()) + " times; accepted once";
    return value_missing(*option);
}

std::string wrong_kind(const CLI::App& app, const std::string& message) {
    const CLI::Option* option = option_in(app, message);
    if (option == nullptr || option->results().empty()) return message;
    return option->get_name() + "=" + option->results().back() + ": not a value of the accepted kind, " +
           option->get_type_name();
}

/// "--capture-snap requires --capture".
std::string needs_another(const CLI::App& app, const std::string& message) {
    const CLI::Option* const option = option_in(app, message);
    const std::size_t needed = message.rfind("--");
    if (option == nullptr || needed == std::string::npos) return message;
    return option->get_name() + ": of no use without " + message.substr(needed);
}

/// CLI11's error in one line that says what is accepted.
std::string describe(const CLI::App& app, const CLI::ParseError& error) {
    std::string line = error.what();
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) line = unknown_argument(app);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) line = wrong_count(app, line);
    if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) line = wrong_kind(app, line);
    if (dynamic_cast<const CLI::RequiresError*>(&error) != nullptr) line = needs_another(app, line);
    if (dynamic_cast<const CLI::FileError*>(&error) != nullptr)
        line = "--config=" + app.get_config_ptr()->as<std::string>() + ": cannot be read; accepted: a TOML file";
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

const CLI::Option* option_of(const CLI::App& app, const std::string& argument) {
    return argument.starts_with("--") ? app.get_option_no_throw(argument.substr(0, argument.find('='))) : nullptr;
}

/// What is wrong with `--flag=value`; empty when it will do.
std::string flag_with_value(const CLI::Option& flag, const std::string& argument) {
    const std::string value = argument.substr(argument.find('=') + 1);
    if (!flag.get_configurable()) return argument + ": takes no value; write " + flag.get_name();
    if (value == "true" || value == "false") return {};
    return argument + ": not a value of a switch; accepted: true, false, or no value";
}

// What CLI11 would take without a word: for the value of `--json=`, or of `--json` alone, the next option; the empty
// text; any text behind a switch.
std::string misread_argument(const CLI::App& app, std::span<const std::string> arguments) {
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
        const std::string& argument = arguments[i];
        const std::size_t equals = argument.find('=');
        if (argument.starts_with("--") && equals == argument.size() - 1) return argument + ": the value is missing";
        const CLI::Option* const option = option_of(app, argument);
        if (option == nullptr) continue;
        if (option->get_expected_min() == 0) {
            if (equals == std::string::npos) continue;
            if (std::string wrong = flag_with_value(*option, argument); !wrong.empty()) return wrong;
        } else if (equals == std::string::npos && i + 1 < arguments.size()) {
            const std::string& value = arguments[++i];
            if (value.empty() || option_of(app, value) != nullptr) return value_missing(*option);
        }
    }
    return {};
}

// What the kernel's own sockets cannot use. A file may be for several backends: what only it says does not matter when
// the command line names the driver.
std::string of_no_use(const CLI::App& app, const Program& program, const std::string& driver,
                      std::span<const std::string> arguments) {
    const bool is_built_in =
        std::find(program.backends.begin(), program.backends.end(), driver) != program.backends.end();
    if (!is_kernel_driver(driver) || !is_built_in) return {};
    const auto is_argument = [&](const CLI::Option* option) {
        const auto end = std::find(arguments.begin(), arguments.end(), "--");
        return std::any_of(arguments.begin(), end, [&](const auto& each) { return option_of(app, each) == option; });
    };
    const bool is_driver_argument = is_argument(app.get_option("--backend"));
    for (const char* const name : {"--ip", "--ip6", "--gateway", "--route", "--tcp", "--vlan", "--dpdk"}) {
        const CLI::Option* const option = app.get_option(name);
        if (option->count() != 0 && (is_argument(option) || !is_driver_argument))
            return std::string(name) + ": of no use with --backend=" + driver +
                   ", whose network is the kernel's; accepted with dpdk, tap:IF, xdp:IF and auto";
    }
    return {};
}

std::string compiler() {
#if defined(__clang__)
    return "clang++ " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__) + "." +
           std::to_string(__clang_patchlevel__);
#else
    return "g++ " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
           std::to_string(__GNUC_PATCHLEVEL__);
#endif
}

/// Lets `app`, which has all its options, read the arguments.
Result<void, Stop> parse_with(CLI::App& app, const Program& program, std::span<const std::string> arguments) {
    const auto refuse = [&program](const std::string& line) { return Stop{2, program.name + ": " + line}; };
    if (const std::string wrong = misread_argument(app, arguments); !wrong.empty()) return Unexpected(refuse(wrong));
    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        app.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        return Unexpected(Stop{0, app.help()});
    } catch (const CLI::CallForVersion& version) {
        return Unexpected(Stop{0, std::string(version.what()) + "\n"});
    } catch (const CLI::ParseError& error) {
        return Unexpected(refuse(describe(app, error)));
    }
    return {};
}

std::vector<std::string> arguments_of(int argc, const char* const* argv) {
    return {argv + std::min(argc, 1), argv + argc};
}

}  // namespace

std::string version_line(const Program& program) {
    const std::string backends = program.backends.empty() ? "none" : CLI::detail::join(program.backends, ", ");
    return program.name + " " SKERRY_VERSION " (" + compiler() + ", backends " + backends + ")";
}

Result<Options, Stop> parse_options(const Program& program, std::span<const std::string> arguments,
                                    const AddOptions& add_own) {
    Options options;
    CLI::App app(program.summary, program.name);
    app.set_version_flag("--version", version_line(program), "print version, compiler and backends");
    if (add_own) add_own(app);
    if (program.listens) add_listen_option(app, program, options);
    if (program.writes_json)
        app.add_option("--json", options.json_file, "write the results to this file as JSON")->type_name("FILE");
    add_runtime_options(app, program, options.runtime);
    add_network_options(app, options.runtime);
    add_capture_options(app, options.runtime.capture);
    app.set_config("--config", "", "read options from this TOML file; the command line wins")->type_name("FILE");
    app.config_formatter(std::make_shared<TomlConfig>(app));
    if (auto parsed = parse_with(app, program, arguments); !parsed) return Unexpected(std::move(parsed).error());
    if (const std::string wrong = of_no_use(app, program, options.runtime.backend, arguments); !wrong.empty())
        return Unexpected(Stop{2, program.name + ": " + wrong});
    return options;
}

Result<Options, Stop> parse_options(const Program& program, int argc, const char* const* argv,
                                    const AddOptions& add_own) {
    const std::vector<std::string> arguments = arguments_of(argc, argv);
    return parse_options(program, std::span<const std::string>(arguments), add_own);
}

Result<void, Stop> parse_own_options(const Program& program, int argc, const char* const* argv,
                                     const AddOptions& add_own) {
    CLI::App app(program.summary, program.name);
    app.set_version_flag("--version", version_line(program), "print version, compiler and backends");
    add_own(app);
    return parse_with(app, program, arguments_of(argc, argv));
}

}  // namespace skerry::apps
