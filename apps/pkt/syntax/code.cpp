#include "code.hpp"

#include "characters.hpp"
#include "code_expression.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace skerry::pkt::syntax {
namespace {

constexpr std::array<std::string_view, 16> not_supported{"if",     "for",   "while", "def",    "class",  "import",
                                                         "from",   "try",   "with",  "return", "global", "del",
                                                         "lambda", "raise", "yield", "elif"};

Statement read_assertion(Cursor& in, Position at) {
    Assertion one;
    one.at = at;
    one.condition = read_condition(in);
    if (in.take(",")) one.message.push_back(read_condition(in));
    return one;
}

bool ends_statement(Cursor& in) { return in.sees(";") || in.peek() == '\n' || in.is_at_end(); }

/// The parentheses of `print(a, b)` make a tuple; it is printed as its elements, as Python 3 does.
Statement read_print(Cursor& in, Position at) {
    Print one;
    one.at = at;
    if (ends_statement(in)) return one;
    do one.values.push_back(read_condition(in));
    while (in.take(","));
    if (one.values.size() == 1 && one.values.front().kind == Expression::Kind::tuple) {
        std::vector<Expression> parts = std::move(one.values.front().parts);
        one.values = std::move(parts);
    }
    return one;
}

Statement read_assignment(Cursor& in, Position at) {
    Assignment one;
    one.at = at;
    one.name = in.word();
    if (!in.sees("=") || in.peek(1) == '=') in.fail("a statement of assert, print or NAME = VALUE");
    in.take("=");
    one.value = read_condition(in);
    return one;
}

Statement read_statement(Cursor& in) {
    in.skip_space();
    const Position at = in.position();
    const std::string_view word = in.peek_word();
    if (std::ranges::find(not_supported, word) != not_supported.end())
        in.fail_unsupported(at, "\"" + std::string(word) + "\" in code");
    if (in.take_word("assert")) return read_assertion(in, at);
    if (in.take_word("print")) return read_print(in, at);
    return read_assignment(in, at);
}

/// Ends of lines and semicolons, as many as there are.
void skip_separators(Cursor& in) {
    for (;;) {
        in.skip_space();
        if (in.peek() != '\n' && in.peek() != ';') return;
        in.advance();
    }
}

Unsupported why_stopped(const Cursor& in) {
    if (in.has_stopped_unsupported()) return in.unsupported();
    const Fault fault = in.fault();
    return {fault.at, "code: expected " + fault.expected + ", found " + fault.found};
}

}  // namespace

std::vector<Statement> read_statements(std::string_view text, Session& session, Position origin) {
    std::vector<Statement> statements;
    Cursor in(text, Lexis::code, session, origin);
    for (skip_separators(in); !in.is_at_end(); skip_separators(in)) {
        Statement one = read_statement(in);
        if (!ends_statement(in)) in.fail("the end of the statement");
        if (in.has_stopped()) break;
        statements.push_back(std::move(one));
    }
    if (in.has_stopped()) {
        statements.emplace_back(why_stopped(in));
        session.note(why_stopped(in));
    }
    return statements;
}

CodeBlock read_code_block(Cursor& in) {
    CodeBlock block;
    block.at = in.position();
    const std::size_t end = in.rest().find("}%");
    if (end == std::string_view::npos) {
        in.fail(block.at, "'}%' after this '%{'", "the end");
        return block;
    }
    in.advance(2);
    const Position origin = in.position();
    block.text = in.rest().substr(0, end - 2);
    in.advance(end);
    block.statements = read_statements(block.text, in.session(), origin);
    return block;
}

}  // namespace skerry::pkt::syntax
