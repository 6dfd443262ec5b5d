#include "resp_reply.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

namespace skerry::loadgen {

namespace {

constexpr std::size_t line_end_bytes = 2;

/// As the specification has it: a sign or none, and digits.
std::optional<std::int64_t> number_of(std::string_view text) noexcept {
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) return std::nullopt;
    }
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::string_view to_string(RespFault fault) noexcept {
    switch (fault) {
        case RespFault::none: break;
        case RespFault::type: return "it begins with none of + - : $ *";
        case RespFault::line_end: return "a line or a value of it does not end with CR LF";
        case RespFault::line_too_long: return "a line of it is longer than 65,536 bytes";
        case RespFault::number: return "what should be a number is none, or too large";
        case RespFault::value_length: return "a value has a length below -1 or above 512 MiB";
        case RespFault::array_length: return "an array has a length below -1 or above 1,048,576";
        case RespFault::nested_too_deep: return "its arrays lie more than 32 deep in each other";
    }
    return "no fault";
}

RespStep RespReply::take(std::string_view& data) {
    is_complete_ = false;
    while (fault_ == RespFault::none && !is_complete_ && !data.empty()) {
        if (state_ == State::value) {
            const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(value_left_, data.size()));
            data.remove_prefix(count);
            value_left_ -= count;
            if (value_left_ == 0) state_ = State::value_end;
            continue;
        }
        const bool is_value_end = state_ == State::value_end;
        switch (lines_.take(data, is_value_end ? line_end_bytes : line_bytes_max)) {
            case LineStep::more: break;
            case LineStep::too_long: fail(is_value_end ? RespFault::line_end : RespFault::line_too_long); break;
            case LineStep::bad_end: fail(RespFault::line_end); break;
            case LineStep::line: use_line(); break;
        }
    }
    if (fault_ != RespFault::none) return RespStep::fault;
    return is_complete_ ? RespStep::complete : RespStep::more;
}

void RespReply::use_line() {
    const std::string_view line = lines_.line();
    if (state_ == State::value_end) {
        state_ = State::line;
        return end_reply();  // the limit of two bytes left room for the end alone
    }
    if (line.empty()) return fail(RespFault::type);
    const std::string_view text = line.substr(1);
    switch (line.front()) {
        case '+':
            begin_reply(RespKind::text);
            if (is_outermost()) {
                value_bytes_ = text.size();
                is_ok_ = text == "OK";
                is_pong_ = text == "PONG";
            }
            return end_reply();
        case '-':
            begin_reply(RespKind::error);
            if (is_outermost()) error_ = text;
            return end_reply();
        case ':':
        case '$':
        case '*': return use_number(line);
        default: return fail(RespFault::type);
    }
}

void RespReply::use_number(std::string_view line) {
    const auto number = number_of(line.substr(1));
    if (!number) return fail(RespFault::number);
    if (line.front() == '$') return begin_value(*number);
    if (line.front() == '*') return begin_array(*number);
    begin_reply(RespKind::integer);
    end_reply();
}

void RespReply::begin_value(std::int64_t length) {
    if (length < -1 || length > value_bytes_max) return fail(RespFault::value_length);
    begin_reply(length < 0 ? RespKind::nothing : RespKind::value);
    if (length < 0) return end_reply();
    value_left_ = static_cast<std::uint64_t>(length);
    if (is_outermost()) value_bytes_ = value_left_;
    state_ = State::value;
}

void RespReply::begin_array(std::int64_t length) {
    if (length < -1 || length > array_length_max) return fail(RespFault::array_length);
    begin_reply(length < 0 ? RespKind::nothing : RespKind::array);
    if (length <= 0) return end_reply();
    if (depth_ == nesting_max) return fail(RespFault::nested_too_deep);
    elements_left_[depth_++] = static_cast<std::uint32_t>(length);
}

void RespReply::begin_reply(RespKind kind) noexcept {
    if (!is_outermost()) return;
    kind_ = kind;
    value_bytes_ = 0;
    is_ok_ = false;
    is_pong_ = false;
}

// The last element of an array ends the array too, and that may end the one around it.
void RespReply::end_reply() noexcept {
    while (depth_ != 0) {
        if (--elements_left_[depth_ - 1] != 0) return;
        --depth_;
    }
    is_complete_ = true;
}

}  // namespace skerry::loadgen
