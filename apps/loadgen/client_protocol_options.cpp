#include "client_protocol_options.hpp"

#include "client_option_kinds.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace skerry::loadgen {

namespace {

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

bool is_plain(Proto proto) noexcept { return proto == Proto::tcp || proto == Proto::udp; }

}  // namespace

void add_protocol_options(CLI::App& app, Settings& settings) { add_http_options(app, settings); }

void complete_protocol(Settings& settings) {
    if (settings.proto == Proto::http && !settings.has_connect)
        settings.connect = {"127.0.0.1:8080", "127.0.0.1", 8080};
    settings.http.host = settings.connect.text;
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
    return {};
}

std::uint64_t Settings::request_bytes() const { return proto == Proto::http ? request_text(http).size() : size; }

}  // namespace skerry::loadgen
