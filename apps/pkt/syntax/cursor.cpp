#include "cursor.hpp"

#include "characters.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <utility>

namespace skerry::pkt::syntax {

Cursor::Cursor(std::string_view text, Lexis lexis, Session& session, Position origin)
    : text_(text), session_(session), origin_(origin), lexis_(lexis), line_starts_{0} {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '\n') line_starts_.push_back(i + 1);
}

Position Cursor::position_of(std::size_t offset) const {
    const auto after = std::ranges::upper_bound(line_starts_, offset);
    const auto line = static_cast<std::uint32_t>(after - line_starts_.begin() - 1);
    const auto column = static_cast<std::uint32_t>(offset - line_starts_[line]);
    return {origin_.line + line, (line == 0 ? origin_.column : 1) + column};
}

void Cursor::advance(std::size_t bytes) noexcept { offset_ += std::min(bytes, text_.size() - offset_); }

bool Cursor::sees(std::string_view punctuation) {
    skip_space();
    return rest().starts_with(punctuation);
}

bool Cursor::take(std::string_view punctuation) {
    if (!sees(punctuation)) return false;
    advance(punctuation.size());
    return true;
}

std::string_view Cursor::peek_word() {
    skip_space();
    const std::string_view rest = this->rest();
    if (rest.empty() || !begins_word(rest.front())) return {};
    const auto end = std::ranges::find_if_not(rest, continues_word);
    return rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
}

std::string_view Cursor::word() {
    const std::string_view found = peek_word();
    advance(found.size());
    return found;
}

bool Cursor::take_word(std::string_view word) {
    if (peek_word() != word) return false;
    advance(word.size());
    return true;
}

void Cursor::expect(std::string_view punctuation) {
    if (!take(punctuation)) fail("'" + std::string(punctuation) + "'");
}

std::string Cursor::here() const {
    if (offset_ == text_.size()) return "the end";
    const char c = text_[offset_];
    if (c == '\n') return "the end of the line";
    constexpr std::size_t shown_max = 24;
    std::size_t end = offset_;
    while (end < text_.size() && end - offset_ < shown_max && (continues_word(text_[end]) || text_[end] == '.')) ++end;
    if (end != offset_) return '"' + std::string(text_.substr(offset_, end - offset_)) + '"';
    if (c >= ' ' && c <= '~') return "'" + std::string(1, c) + "'";
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    return std::string("the byte 0x") + digits[byte >> 4U] + digits[byte & 15U];
}

void Cursor::fail(std::string_view expected) {
    if (!stop_) fail(position(), expected, here());
}

void Cursor::fail(Position at, std::string_view expected, std::string_view found) {
    if (!stop_) stop_ = Stop{at, std::string(expected), std::string(found), false};
}

void Cursor::fail_unsupported(Position at, std::string reason) {
    if (!stop_) stop_ = Stop{at, std::move(reason), {}, true};
}

Fault Cursor::fault() const {
    SKERRY_ASSERT(stop_.has_value(), "nothing is wrong");
    return {session_.file, stop_->at, stop_->expected, stop_->found};
}

void Cursor::finish() {
    if (conditionals_.depth() != 0) fail(conditionals_.opened_at(), "an #endif for this condition", "the end");
}

Nesting::Nesting(Cursor& in) : session_(in.session()) {
    if (++session_.nesting > limits::nesting)
        in.fail("at most " + std::to_string(limits::nesting) + " brackets and operators within each other");
}

}  // namespace skerry::pkt::syntax
