#pragma once

// A place in a text, which the parsers move. There is no list of tokens: what a piece of text is depends on where it
// stands. `5.` is a flag in a packet and part of a number elsewhere, `1234abcd` a cookie, `2::1` an address, and `#`
// begins a comment or a condition; so a parser says what it looks for at its place.
//
// The first thing that is wrong stops the reading: from then on the text looks as if it were over, so parsers need no
// check after each step, and every loop ends. What was wrong is asked for once, at the end.

#include "conditionals.hpp"
#include "position.hpp"
#include "session.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::pkt::syntax {

/// What stands between words besides blanks.
enum class Lexis : std::uint8_t {
    script,  ///< lines end; `//`, `/* */` and `#` are comments, and #ifdef at the beginning of a line is obeyed
    code,    ///< `#` is a comment; the end of a line is a blank only within brackets
    value,   ///< the value of a -D: blanks alone
};

/// Lifetime: the text and the session outlive it.
/// Cost:     a pass over the text when made; finding a Position is a binary search.
class Cursor {
public:
    /// `origin` is where the first byte of `text` stands.
    Cursor(std::string_view text, Lexis lexis, Session& session, Position origin = {});

    struct Mark {
        std::size_t offset;
        Conditionals conditionals;
    };

    [[nodiscard]] Session& session() noexcept { return session_; }
    [[nodiscard]] Position position() const { return position_of(offset_); }
    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
    [[nodiscard]] std::string_view since(std::size_t offset) const { return text_.substr(offset, offset_ - offset); }
    [[nodiscard]] Mark mark() const { return {offset_, conditionals_}; }
    void reset(const Mark& mark) {
        offset_ = mark.offset;
        conditionals_ = mark.conditionals;
    }

    /// The byte here, or `ahead` of it; NUL at the end and after a stop.
    [[nodiscard]] char peek(std::size_t ahead = 0) const noexcept {
        return stop_ || ahead >= text_.size() - offset_ ? '\0' : text_[offset_ + ahead];
    }
    [[nodiscard]] bool is_at_end() const noexcept { return stop_ || offset_ == text_.size(); }
    /// What is left; empty after a stop.
    [[nodiscard]] std::string_view rest() const noexcept { return stop_ ? std::string_view{} : text_.substr(offset_); }
    void advance(std::size_t bytes = 1) noexcept;

    /// Blanks and comments up to the end of the line at most (but for a `/* */` that spans lines).
    void skip_blanks();
    /// Blanks, comments, ends of lines, and what conditions leave out.
    void skip_space();
    void skip_line() noexcept;

    /// These look after the space before them. take() moves on when it is there.
    [[nodiscard]] bool sees(std::string_view punctuation);
    bool take(std::string_view punctuation);
    /// A whole word: `ack` is not in `acknowledge`.
    bool take_word(std::string_view word);
    /// Letters, digits and `_`, no digit first; empty if there is none.
    [[nodiscard]] std::string_view peek_word();
    std::string_view word();
    /// take() or stop.
    void expect(std::string_view punctuation);

    /// Ends of lines are blanks between these, in code.
    void open_bracket() noexcept { ++brackets_; }
    void close_bracket() noexcept { --brackets_; }

    /// Stops with an error: here, with what is here; at a place, with a description of what is there.
    void fail(std::string_view expected);
    void fail(Position at, std::string_view expected, std::string_view found);
    /// Stops because this is not understood.
    void fail_unsupported(Position at, std::string reason);

    [[nodiscard]] bool has_stopped() const noexcept { return stop_.has_value(); }
    [[nodiscard]] bool has_stopped_unsupported() const noexcept { return stop_ && stop_->is_unsupported; }
    /// Why it has stopped; one must have been noted. Reading may go on after clear().
    [[nodiscard]] Fault fault() const;
    [[nodiscard]] Unsupported unsupported() const { return {stop_->at, stop_->expected}; }
    void clear() noexcept { stop_.reset(); }

    /// After the last byte: stops when a condition is open.
    void finish();

private:
    struct Stop {
        Position at;
        std::string expected;  // or the reason
        std::string found;
        bool is_unsupported = false;
    };

    [[nodiscard]] Position position_of(std::size_t offset) const;
    [[nodiscard]] std::string here() const;
    [[nodiscard]] bool is_first_on_line() const noexcept;
    bool skip_comment();
    void skip_remark();
    bool skip_directive();
    void open_condition(std::string_view directive, Position at);
    void turn_condition(Position at);
    void close_condition(Position at);
    void skip_group(bool ends_at_else, Position at);
    std::string_view directive_here() const noexcept;

    std::string_view text_;
    Session& session_;
    Position origin_;
    Lexis lexis_;
    std::size_t offset_ = 0;
    int brackets_ = 0;
    std::vector<std::size_t> line_starts_;
    Conditionals conditionals_;
    std::optional<Stop> stop_;
};

/// Counts one more bracket or operator within another as long as it lives; stops the reading at the limit.
class Nesting {
public:
    explicit Nesting(Cursor& in);
    ~Nesting() { --session_.nesting; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

private:
    Session& session_;
};

}  // namespace skerry::pkt::syntax
