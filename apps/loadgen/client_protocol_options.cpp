#include "client_protocol_options.hpp"

#include "client_option_kinds.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::loadgen {

namespace {

constexpr std::uint64_t value_bytes_max = std::uint64_t{512} << 20;
constexpr std::uint64_t body_bytes_max = std::uint64_t{1} << 30;

void add_http_options(CLI::App& app, Settings& settings) {
    const auto given = [&settings](const char* name) { settings.given.push_back({Proto::http, name}); };
    HttpSettings& http = settings.http;
    const auto path = [&http, given](const std::string& text) {
        http.path = text;
        given("--path");
    };
    app.add_option_function<std::string>("--path", path, "http: what is asked for; default /")->type_name("PATH");
    const auto method = [&http, given](const std::string& text) {
        http.method = text;
        given("--method");
    };
    app.add_option_function<std::string>("--method", method, "http: how it is asked for; default GET")
        ->type_name("WORD");
    const auto headers = [&http, given](const std::vector<std::string>& texts) {
        http.headers = texts;
        given("--header");
    };
    app.add_option_function<std::vector<std::string>>("--header", headers,
                                                      "http: a header field, `Name: value`; may be repeated")
        ->type_name("FIELD")
        ->allow_extra_args(false);
    add_number(app, "--body-bytes", "http: bytes of a request's body; default 0", 0, body_bytes_max,
               [&http, given](std::uint64_t value) {
                   http.body_bytes = value;
                   given("--body-bytes");
               });
    add_number(app, "--status", "http: the status of a good answer; default: any 2xx", 200, 999,
               [&http, given](std::uint64_t value) {
                   http.status = static_cast<unsigned>(value);
                   given("--status");
               });
}

constexpr RespCommand all_commands[] = {RespCommand::ping, RespCommand::get, RespCommand::set};

/// `get,get,set`
std::vector<RespCommand> commands_of(const std::string& text) {
    std::vector<RespCommand> commands;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const auto is_named = [word = text.substr(begin, end - begin)](RespCommand command) {
            return word == to_string(command);
        };
        const auto* const found = std::find_if(std::begin(all_commands), std::end(all_commands), is_named);
        if (found == std::end(all_commands))
            refuse("--command", text, "accepted: ping, get, set, or several of them that take turns: get,get,set");
        commands.push_back(*found);
        begin = end + 1;
    }
    return commands;
}

void add_resp_options(CLI::App& app, Settings& settings) {
    const auto given = [&settings](const char* name) { settings.given.push_back({Proto::resp, name}); };
    RespSettings& resp = settings.resp;
    const auto command = [&resp, given](const std::string& text) {
        resp.commands = commands_of(text);
        given("--command");
    };
    app.add_option_function<std::string>(
           "--command", command, "resp: ping, get or set, or several that take turns: get,get,set; default ping")
        ->type_name("NAMES");
    add_number(app, "--keys", "resp: keys that get and set choose among; default 10000", 1, RespSettings::keys_max,
               [&resp, given](std::uint64_t value) {
                   resp.keys = value;
                   given("--keys");
               });
    add_number(app, "--value-bytes", "resp: bytes of the value of a set; default 64", 0, value_bytes_max,
               [&resp, given](std::uint64_t value) {
                   resp.value_bytes = value;
                   given("--value-bytes");
               });
}

bool has_command(const Settings& settings, RespCommand command) {
    const auto& commands = settings.resp.commands;
    return std::find(commands.begin(), commands.end(), command) != commands.end();
}

bool was_given(const Settings& settings, std::string_view name) {
    return std::any_of(settings.given.begin(), settings.given.end(),
                       [&](const OptionOf& option) { return option.name == name; });
}

std::string contradiction_of_resp(const Settings& settings) {
    const bool has_set = has_command(settings, RespCommand::set);
    if (!has_set && was_given(settings, "--value-bytes")) return "--value-bytes: accepted with --command=set";
    if (!has_set && !has_command(settings, RespCommand::get) && was_given(settings, "--keys"))
        return "--keys: accepted with --command=get or set";
    return {};
}

}  // namespace

void add_protocol_options(CLI::App& app, Settings& settings) {
    add_http_options(app, settings);
    add_resp_options(app, settings);
}

void complete_protocol(Settings& settings) {
    if (settings.proto == Proto::http && !settings.has_connect)
        settings.connect = {"127.0.0.1:8080", "127.0.0.1", 8080};
    if (settings.proto == Proto::resp && !settings.has_connect)
        settings.connect = {"127.0.0.1:6379", "127.0.0.1", 6379};
    settings.http.host = settings.connect.text;
    if (settings.proto == Proto::udp) settings.shared.runtime.traffic = runtime::Traffic::datagrams;
}

std::string contradiction_of_protocol(const Settings& settings) {
    for (const OptionOf& option : settings.given)
        if (option.proto != settings.proto)
            return option.name + ": accepted with --proto=" + std::string(to_string(option.proto));
    const std::string proto(to_string(settings.proto));
    if (settings.has_size && !is_plain(settings.proto))
        return "--size: accepted with --proto=tcp and udp; a request of " + proto +
               " is as long as its other options make it";
    if (settings.mode != Mode::echo && !is_plain(settings.proto))
        return "--mode=" + std::string(to_string(settings.mode)) + ": accepted with --proto=tcp and udp";
    if (settings.proto == Proto::http) return settings.http.refusal();
    if (settings.proto == Proto::resp) return contradiction_of_resp(settings);
    return {};
}

std::uint64_t Settings::request_bytes() const {
    switch (proto) {
        case Proto::http: return request_text(http).size();
        case Proto::resp: return resp.command_bytes_max();
        default: return size;
    }
}

}  // namespace skerry::loadgen
