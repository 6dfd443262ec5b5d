#include "http_request.hpp"

#include "http_fields.hpp"

#include <algorithm>
#include <array>

namespace skerry::loadgen {

namespace {

constexpr std::array<std::string_view, 6> idempotent_methods{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
constexpr std::array<std::string_view, 3> methods_with_body{"POST", "PUT", "PATCH"};

bool is_visible(char c) noexcept { return c > ' ' && c < '\x7f'; }
bool is_in_value(char c) noexcept { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); }

std::string lower_name_of(std::string_view header) {
    std::string name(header.substr(0, header.find(':')));
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return name;
}

std::string refusal_of_header(const std::string& header) {
    const std::string shown = "--header=" + header + ": ";
    const std::size_t colon = header.find(':');
    const auto name_end = header.begin() + static_cast<std::ptrdiff_t>(std::min(colon, header.size()));
    if (colon == 0 || colon == std::string::npos || !std::all_of(header.begin(), name_end, is_http_token))
        return "--header: not a header field; accepted: 'Name: value'";
    if (!std::all_of(name_end + 1, header.end(), is_in_value))
        return "--header: " + header.substr(0, colon) + " has a control character; accepted: 'Name: value' in one line";
    const std::string name = lower_name_of(header);
    if (name == "content-length" || name == "transfer-encoding")
        return shown + "where the request ends is not for a header to say; give --body-bytes";
    return {};
}

bool has_header(const HttpSettings& settings, std::string_view lower_name) {
    return std::any_of(settings.headers.begin(), settings.headers.end(),
                       [&](const std::string& header) { return lower_name_of(header) == lower_name; });
}

}  // namespace

bool HttpSettings::is_idempotent() const noexcept {
    return std::find(idempotent_methods.begin(), idempotent_methods.end(), method) != idempotent_methods.end();
}

std::string HttpSettings::refusal() const {
    if (method.empty() || !std::all_of(method.begin(), method.end(), is_http_token))
        return "--method=" + method + ": not a method; accepted: a word like GET, HEAD, POST, PUT or DELETE";
    if (method == "CONNECT") return "--method=CONNECT: what it opens is no HTTP any more; accepted: all other methods";
    const bool is_asterisk = path == "*" && method == "OPTIONS";
    if (!is_asterisk && !path.starts_with('/')) return "--path=" + path + ": accepted: a path that begins with /";
    if (!std::all_of(path.begin(), path.end(), is_visible) || path.find('#') != std::string::npos)
        return "--path: a blank, a #, a control or non-ASCII character in it; write it as %20, %23 and so on";
    for (const std::string& header : headers)
        if (std::string wrong = refusal_of_header(header); !wrong.empty()) return wrong;
    return {};
}

std::string request_text(const HttpSettings& settings) {
    std::string text = settings.method + " " + settings.path + " HTTP/1.1\r\n";
    if (!has_header(settings, "host")) text += "Host: " + settings.host + "\r\n";
    for (const std::string& header : settings.headers) text += header + "\r\n";
    const bool has_length = settings.body_bytes != 0 || std::find(methods_with_body.begin(), methods_with_body.end(),
                                                                  settings.method) != methods_with_body.end();
    if (has_length) text += "Content-Length: " + std::to_string(settings.body_bytes) + "\r\n";
    text += "\r\n";
    text.append(settings.body_bytes, 'x');
    return text;
}

}  // namespace skerry::loadgen
