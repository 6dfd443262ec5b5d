#include "http_response.hpp"

#include <algorithm>
#include <optional>

namespace skerry::loadgen {

namespace {

constexpr std::size_t line_end_bytes = 2;
constexpr unsigned switching_protocols = 101;
constexpr unsigned no_content = 204;
constexpr unsigned not_modified = 304;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::optional<std::uint64_t> hex_digit(char c) noexcept {
    if (is_digit(c)) return static_cast<std::uint64_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint64_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<std::uint64_t>(c - 'A' + 10);
    return std::nullopt;
}

}  // namespace

HttpStep HttpResponse::take(std::string_view& data) {
    if (state_ == State::over) begin_answer();
    while (fault_ == HttpFault::none && state_ != State::over && !data.empty()) {
        switch (state_) {
            // The limit is of the whole head, so each line may have what those before it have left.
            case State::status_line:
            case State::header: take_line(data, head_bytes_max - head_bytes_, HttpFault::head_too_long); break;
            case State::trailer: take_line(data, head_bytes_max - head_bytes_, HttpFault::trailer_too_long); break;
            case State::chunk_line: take_line(data, chunk_line_bytes_max, HttpFault::chunk_line_too_long); break;
            case State::chunk_end: take_line(data, line_end_bytes, HttpFault::chunk_end); break;
            default: skip_body(data); break;
        }
    }
    if (fault_ != HttpFault::none) return HttpStep::fault;
    return state_ == State::over ? HttpStep::complete : HttpStep::more;
}

HttpStep HttpResponse::take_end() noexcept {
    if (fault_ != HttpFault::none) return HttpStep::fault;
    if (state_ == State::over) return HttpStep::more;
    if (state_ == State::body_to_end) {
        state_ = State::over;
        return HttpStep::complete;
    }
    const bool has_begun = state_ != State::status_line || head_bytes_ != 0 || lines_.carried() != 0;
    if (!has_begun) return HttpStep::more;
    fail(HttpFault::ended_within);
    return HttpStep::fault;
}

void HttpResponse::restart() noexcept {
    fault_ = HttpFault::none;
    lines_.reset();
    begin_answer();
}

void HttpResponse::begin_answer() noexcept {
    state_ = State::status_line;
    head_bytes_ = 0;
    body_bytes_ = 0;
    fields_ = {};
}

void HttpResponse::fail(HttpFault fault) noexcept {
    fault_ = fault;
    keeps_alive_ = false;
}

void HttpResponse::take_line(std::string_view& data, std::size_t limit, HttpFault too_long) {
    switch (lines_.take(data, limit)) {
        case LineStep::more: return;
        case LineStep::too_long: return fail(too_long);
        case LineStep::bad_end: return fail(state_ == State::chunk_end ? HttpFault::chunk_end : HttpFault::line_end);
        case LineStep::line: break;
    }
    if (state_ != State::chunk_line && state_ != State::chunk_end) head_bytes_ += lines_.line().size() + line_end_bytes;
    if (const HttpFault fault = use_line(lines_.line()); fault != HttpFault::none) fail(fault);
}

HttpFault HttpResponse::use_line(std::string_view line) noexcept {
    switch (state_) {
        case State::status_line: return use_status_line(line);
        case State::header: return line.empty() ? end_head() : fields_.take(line);
        case State::chunk_line: return use_chunk_line(line);
        case State::chunk_end:
            state_ = State::chunk_line;  // the limit of two bytes left room for the end alone
            return HttpFault::none;
        case State::trailer: return use_trailer_line(line);
        default: return HttpFault::none;
    }
}

// HTTP/1.1 200 OK
HttpFault HttpResponse::use_status_line(std::string_view line) noexcept {
    constexpr std::string_view version = "HTTP/1.";
    constexpr std::size_t code_at = version.size() + 2;
    constexpr std::size_t code_end = code_at + 3;
    if (line.size() < code_end || !line.starts_with(version) || line[code_at - 1] != ' ') return HttpFault::status_line;
    const char minor = line[version.size()];
    if (minor != '0' && minor != '1') return HttpFault::status_line;
    if (line.size() > code_end && line[code_end] != ' ') return HttpFault::status_line;
    status_ = 0;
    for (const char c : line.substr(code_at, code_end - code_at)) {
        if (!is_digit(c)) return HttpFault::status_line;
        status_ = status_ * 10 + static_cast<unsigned>(c - '0');
    }
    if (status_ < 100) return HttpFault::status_line;
    is_1_0_ = minor == '0';
    state_ = State::header;
    return HttpFault::none;
}

HttpFault HttpResponse::end_head() noexcept {
    if (status_ == switching_protocols) return HttpFault::switches_protocols;
    if (status_ < 200) {  // interim: another head follows, and the limit is of both
        state_ = State::status_line;
        fields_ = {};
        return HttpFault::none;
    }
    if (fields_.has_transfer_encoding() && (fields_.content_length() || is_1_0_)) return HttpFault::transfer_encoding;
    keeps_alive_ = is_1_0_ ? fields_.has_keep_alive() && !fields_.has_close() : !fields_.has_close();
    return begin_body();
}

HttpFault HttpResponse::begin_body() noexcept {
    if (has_no_body()) {
        state_ = State::over;
    } else if (fields_.has_transfer_encoding()) {
        state_ = fields_.is_chunked() ? State::chunk_line : State::body_to_end;
    } else if (fields_.content_length()) {
        body_left_ = *fields_.content_length();
        state_ = body_left_ == 0 ? State::over : State::body;
    } else {
        state_ = State::body_to_end;
    }
    if (state_ == State::body_to_end) keeps_alive_ = false;
    return HttpFault::none;
}

bool HttpResponse::has_no_body() const noexcept { return is_head_ || status_ == no_content || status_ == not_modified; }

// 1a2b;name=value: what follows the number is an extension, which says nothing about the end.
HttpFault HttpResponse::use_chunk_line(std::string_view line) noexcept {
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < line.size(); ++digits) {
        const auto digit = hex_digit(line[digits]);
        if (!digit) break;
        if (size > (http_length_max - *digit) / 16) return HttpFault::chunk_size;
        size = size * 16 + *digit;
    }
    const std::size_t next = std::min(line.find_first_not_of(" \t", digits), line.size());
    if (digits == 0 || (next != line.size() && line[next] != ';')) return HttpFault::chunk_size;
    body_left_ = size;
    if (size != 0) {
        state_ = State::chunk;
    } else {
        state_ = State::trailer;
        head_bytes_ = 0;
    }
    return HttpFault::none;
}

// A trailer cannot change where its own message ends (RFC 9110 section 6.5.1), so what it says is dropped.
HttpFault HttpResponse::use_trailer_line(std::string_view line) noexcept {
    if (line.empty()) {
        state_ = State::over;
        return HttpFault::none;
    }
    HttpFields dropped;
    return dropped.take(line) == HttpFault::header_field ? HttpFault::header_field : HttpFault::none;
}

void HttpResponse::skip_body(std::string_view& data) noexcept {
    const bool has_end = state_ != State::body_to_end;
    const auto count =
        has_end ? static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, data.size())) : data.size();
    data.remove_prefix(count);
    body_bytes_ += count;
    if (!has_end) return;
    body_left_ -= count;
    if (body_left_ == 0) state_ = state_ == State::chunk ? State::chunk_end : State::over;
}

}  // namespace skerry::loadgen
