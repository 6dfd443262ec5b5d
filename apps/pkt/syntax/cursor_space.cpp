// What a Cursor passes over: blanks, comments, and what #ifdef leaves out.

#include "characters.hpp"
#include "cursor.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace skerry::pkt::syntax {
namespace {

constexpr std::array<std::string_view, 4> obeyed{"ifdef", "ifndef", "else", "endif"};
// C has these too. What a script means by them is not known here, and to read them as remarks would change its meaning.
constexpr std::array<std::string_view, 6> not_understood{"if", "elif", "define", "undef", "include", "error"};

bool is_in(const auto& words, std::string_view word) { return std::ranges::find(words, word) != words.end(); }

bool opens(std::string_view directive) { return directive == "ifdef" || directive == "ifndef" || directive == "if"; }

}  // namespace

void Cursor::skip_line() noexcept {
    while (peek() != '\n' && !is_at_end()) advance();
}

void Cursor::skip_remark() {
    const Position at = position();
    const std::size_t end = rest().find("*/", 2);
    if (end == std::string_view::npos) return fail(at, "'*/' after this '/*'", "the end");
    advance(end + 2);
}

bool Cursor::is_first_on_line() const noexcept {
    std::size_t before = offset_;
    while (before > 0 && is_blank(text_[before - 1])) --before;
    return before == 0 || text_[before - 1] == '\n';
}

/// The word right after the `#` here. With a blank between them it is a remark: `# if it is lost, ...`.
std::string_view Cursor::directive_here() const noexcept {
    std::size_t end = offset_ + 1;
    while (end < text_.size() && continues_word(text_[end])) ++end;
    return text_.substr(offset_ + 1, end - offset_ - 1);
}

/// A comment at this place; false if there is none.
bool Cursor::skip_comment() {
    const std::string_view rest = this->rest();
    if (lexis_ == Lexis::value) return false;
    if (rest.starts_with('#')) {
        skip_line();
        return true;
    }
    if (lexis_ == Lexis::code) return false;
    if (rest.starts_with("//")) {
        skip_line();
        return true;
    }
    if (!rest.starts_with("/*")) return false;
    skip_remark();
    return true;
}

void Cursor::skip_blanks() {
    while (!is_at_end()) {
        if (is_blank(peek()))
            advance();
        else if (lexis_ == Lexis::code && rest().starts_with("\\\n"))
            advance(2);
        else if (peek() == '#' && lexis_ == Lexis::script && is_first_on_line() &&
                 (is_in(obeyed, directive_here()) || is_in(not_understood, directive_here())))
            return;  // belongs to skip_space()
        else if (!skip_comment())
            return;
    }
}

void Cursor::skip_space() {
    for (;;) {
        skip_blanks();
        if (peek() == '\n' && (lexis_ != Lexis::code || brackets_ > 0)) {
            advance();
            continue;
        }
        if (lexis_ != Lexis::script || peek() != '#' || !skip_directive()) return;
    }
}

bool Cursor::skip_directive() {
    const Position at = position();
    const std::string_view directive = directive_here();
    advance(1 + directive.size());
    if (is_in(not_understood, directive)) session_.note({at, "directive #" + std::string(directive)});
    if (opens(directive))
        open_condition(directive, at);
    else if (directive == "else")
        turn_condition(at);
    else if (directive == "endif")
        close_condition(at);
    skip_line();
    return !has_stopped();
}

void Cursor::open_condition(std::string_view directive, Position at) {
    if (conditionals_.is_full())
        return fail(at, "at most " + std::to_string(limits::conditionals) + " conditions within each other",
                    "one more");
    conditionals_.open(at);
    if (directive == "if") return;
    skip_blanks();
    const std::string_view name = peek() == '\n' ? std::string_view{} : word();
    if (name.empty()) return fail("a name after #" + std::string(directive));
    if (session_.defines.has(name) != (directive == "ifdef")) skip_group(true, at);
}

/// An #else after lines that were read: what follows is left out.
void Cursor::turn_condition(Position at) {
    if (conditionals_.depth() == 0) return fail(at, "an #ifdef before it", "#else");
    if (conditionals_.has_else()) return fail(at, "#endif", "a second #else");
    conditionals_.set_else();
    skip_group(false, at);
}

void Cursor::close_condition(Position at) {
    if (conditionals_.depth() == 0) return fail(at, "an #ifdef before it", "#endif");
    conditionals_.close();
}

/// Passes lines up to the #else (where one may come) or #endif of the innermost condition, and takes that.
void Cursor::skip_group(bool ends_at_else, Position at) {
    std::size_t inner = 0;
    for (skip_line(); !is_at_end(); skip_line()) {
        advance();
        while (is_blank(peek())) advance();
        if (peek() != '#') continue;
        const std::string_view directive = directive_here();
        if (opens(directive)) ++inner;
        if (inner == 0 && directive == "else") {
            if (!ends_at_else) return fail("#endif");
            conditionals_.set_else();
            return;
        }
        if (directive != "endif") continue;
        if (inner == 0) return conditionals_.close();
        --inner;
    }
    fail(at, "an #endif for this condition", "the end");
}

}  // namespace skerry::pkt::syntax
