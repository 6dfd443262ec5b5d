#include "settings.hpp"

#include "common/values.hpp"

#include <CLI/CLI.hpp>

#include <net/if.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace skerry::link {

namespace {

constexpr std::chrono::nanoseconds delay_max = std::chrono::hours{1};
constexpr std::uint64_t rate_max = 100'000'000'000;
constexpr std::uint64_t queue_max = std::uint64_t{1} << 30U;
constexpr std::size_t device_name_max = IFNAMSIZ - 1;

[[noreturn]] void refuse(const std::string& option, const std::string& text, const std::string& accepted) {
    throw CLI::ValidationError(option + "=" + text, "accepted: " + accepted);
}

DeviceName read_device(const std::string& option, const std::string& text) {
    DeviceName name;
    const std::size_t colon = text.find(':');
    const std::string kind = text.substr(0, colon);
    if (colon == std::string::npos || (kind != "tap" && kind != "packet"))
        refuse(option, text, "tap:DEVICE or packet:DEVICE, each with @NAMESPACE or without");
    name.kind = kind == "tap" ? DeviceKind::tap : DeviceKind::packet;
    const std::size_t at = text.find('@', colon);
    name.device = text.substr(colon + 1, at == std::string::npos ? at : at - colon - 1);
    if (name.device.empty() || name.device.size() > device_name_max)
        throw CLI::ValidationError(option + "=" + text, "the name of the device is " +
                                                            std::string(name.device.empty() ? "missing" : "too long") +
                                                            "; accepted: 1 to " + std::to_string(device_name_max) +
                                                            " characters");
    if (at != std::string::npos) name.network = text.substr(at + 1);
    if (at != std::string::npos && name.network.empty())
        throw CLI::ValidationError(option + "=" + text,
                                   "the namespace is missing; accepted: its file, as @/proc/7/ns/net, or no @");
    return name;
}

void add_device(CLI::App& app, const std::string& option, const std::string& help, DeviceName& target) {
    app.add_option_function<std::string>(
           option, [option, &target](const std::string& text) { target = read_device(option, text); }, help)
        ->type_name("KIND:DEVICE[@NAMESPACE]")
        ->required();
}

void add_number(CLI::App& app, const std::string& option, const std::string& help, std::uint64_t least,
                std::uint64_t most, const std::function<void(std::uint64_t)>& take) {
    const auto read = [=](const std::string& text) {
        const auto value = apps::parse_whole_number(text, most);
        if (!value || *value < least)
            refuse(option, text, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
        take(*value);
    };
    app.add_option_function<std::string>(option, read, help)->type_name("N");
}

void add_share(CLI::App& app, const std::string& option, const std::string& help, double& target) {
    const auto read = [option, &target](const std::string& text) {
        double value = 0;
        const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (wrong != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1))
            refuse(option, text, "a share from 0 to 1, as 0.01");
        target = value;
    };
    app.add_option_function<std::string>(option, read, help)->type_name("SHARE");
}

void add_time(CLI::App& app, const std::string& option, const std::string& help,
              const std::function<void(std::chrono::nanoseconds)>& take) {
    const auto read = [=](const std::string& text) {
        const auto value = apps::parse_duration(text);
        if (!value) throw CLI::ValidationError(option + "=" + text, value.error().message);
        if (*value > delay_max) refuse(option, text, "at most an hour");
        take(*value);
    };
    app.add_option_function<std::string>(option, read, help)->type_name("TIME");
}

void add_options(CLI::App& app, Settings& settings) {
    WayRules& forth = settings.forth;
    WayRules& back = settings.back;
    add_device(app, "--left", "the end from which frames are lost and late", settings.left);
    add_device(app, "--right", "the other end", settings.right);
    add_time(app, "--rtt", "of an empty link, half of it each way; default 0ms",
             [&](std::chrono::nanoseconds value) { forth.delay = back.delay = value / 2; });
    add_number(app, "--rate", "bits a second, each way, of frames without preamble and checksum; default 100000000",
               1000, rate_max, [&](std::uint64_t value) { forth.bits_per_second = back.bits_per_second = value; });
    add_number(app, "--queue", "bytes that may wait, each way; default 65536", 1518, queue_max,
               [&](std::uint64_t value) { forth.queue_bytes = back.queue_bytes = static_cast<std::size_t>(value); });
    add_share(app, "--loss", "of the frames from the left that are lost; default 0", forth.loss);
    add_share(app, "--reorder", "of the frames from the left that come late; default 0", forth.reorder);
    add_time(app, "--reorder-delay", "by how much; default 0ms",
             [&](std::chrono::nanoseconds value) { forth.reorder_delay = value; });
    add_number(app, "--spared", "frames of so many bytes are neither lost nor late; default 100", 0, queue_max,
               [&](std::uint64_t value) { forth.spared_bytes = static_cast<std::size_t>(value); });
    add_number(app, "--seed", "decides which; default 1", 0, ~std::uint64_t{0},
               [&](std::uint64_t value) { forth.seed = value; });
    app.add_option("--json", settings.json_file, "file for the counters at the end")->type_name("FILE");
}

}  // namespace

Result<Settings, apps::Stop> read_settings(int argc, const char* const* argv) {
    Settings settings;
    const apps::Program program{
        "skerry-link", "A link between two devices with a rate, a delay, a queue, and losses by seed.", {}};
    auto read =
        apps::parse_own_options(program, argc, argv, [&settings](CLI::App& app) { add_options(app, settings); });
    if (!read) return Unexpected(std::move(read).error());
    return settings;
}

}  // namespace skerry::link
