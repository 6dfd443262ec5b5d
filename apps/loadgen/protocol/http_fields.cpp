#include "http_fields.hpp"

#include <algorithm>
#include <array>

namespace skerry::loadgen {

namespace {

constexpr std::array<bool, 256> token_characters() {
    std::array<bool, 256> is_token{};
    for (int c = '0'; c <= '9'; ++c) is_token[static_cast<std::size_t>(c)] = true;
    for (int c = 'a'; c <= 'z'; ++c) is_token[static_cast<std::size_t>(c)] = true;
    for (int c = 'A'; c <= 'Z'; ++c) is_token[static_cast<std::size_t>(c)] = true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~")) is_token[static_cast<unsigned char>(c)] = true;
    return is_token;
}
constexpr auto is_token = token_characters();

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Calls `visit` with each member of a comma-separated list that is not empty, until it returns false.
template <class Visit>
void for_each_member(std::string_view list, Visit visit) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view member = trimmed(list.substr(0, comma));
        if (!member.empty() && !visit(member)) return;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

std::optional<std::uint64_t> length_of(std::string_view digits) noexcept {
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9') return std::nullopt;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (http_length_max - digit) / 10) return std::nullopt;
        value = value * 10 + digit;
    }
    return value;
}

}  // namespace

bool is_http_token(char c) noexcept { return is_token[static_cast<unsigned char>(c)]; }

bool equals_ignoring_case(std::string_view text, std::string_view lower_text) noexcept {
    return std::equal(text.begin(), text.end(), lower_text.begin(), lower_text.end(),
                      [](char a, char b) { return lower(a) == b; });
}

// RFC 9112 section 5.2 asks a client to read a folded line, one that begins with a blank, as the end of the line
// before. It is refused here: no server of this century folds, and where it matters, in the three fields below, it is
// an attack.
HttpFault HttpFields::take(std::string_view line) noexcept {
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos) return HttpFault::header_field;
    const std::string_view name = line.substr(0, colon);
    if (!std::all_of(name.begin(), name.end(), is_http_token)) return HttpFault::header_field;
    const std::string_view value = line.substr(colon + 1);
    // By length first: almost no line goes on from here.
    switch (name.size()) {
        case std::string_view("content-length").size():
            if (equals_ignoring_case(name, "content-length")) return take_content_length(value);
            break;
        case std::string_view("transfer-encoding").size():
            if (equals_ignoring_case(name, "transfer-encoding")) take_transfer_encoding(value);
            break;
        case std::string_view("connection").size():
            if (equals_ignoring_case(name, "connection")) take_connection(value);
            break;
        default: break;
    }
    return HttpFault::none;
}

// The same length several times, in one list or in several lines, is one length (RFC 9110 section 8.6).
HttpFault HttpFields::take_content_length(std::string_view value) noexcept {
    bool is_good = !trimmed(value).empty();
    for_each_member(value, [&](std::string_view member) {
        const auto length = length_of(member);
        is_good = length && length == content_length_.value_or(*length);
        content_length_ = length;
        return is_good;
    });
    return is_good && content_length_ ? HttpFault::none : HttpFault::content_length;
}

void HttpFields::take_transfer_encoding(std::string_view value) noexcept {
    has_transfer_encoding_ = true;
    for_each_member(value, [&](std::string_view member) {
        is_chunked_ = equals_ignoring_case(member, "chunked");
        return true;
    });
}

void HttpFields::take_connection(std::string_view value) noexcept {
    for_each_member(value, [&](std::string_view member) {
        has_close_ |= equals_ignoring_case(member, "close");
        has_keep_alive_ |= equals_ignoring_case(member, "keep-alive");
        return true;
    });
}

}  // namespace skerry::loadgen
