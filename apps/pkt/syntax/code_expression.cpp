#include "code_expression.hpp"

#include "characters.hpp"
#include "expression_parser.hpp"

#include <array>
#include <optional>
#include <utility>

namespace skerry::pkt::syntax {
namespace {

using Kind = Expression::Kind;

/// `True` and `None` are names like others: what a name is worth is the evaluator's.
Expression read_operand_of_code(Cursor& in);

Expression read_sum(Cursor& in) { return read_arithmetic(in, read_operand_of_code); }

std::optional<Operator> take_comparison(Cursor& in) {
    struct Spelling {
        std::string_view text;
        Operator op;
    };
    constexpr std::array<Spelling, 6> spellings{{{"==", Operator::equal},
                                                 {"!=", Operator::not_equal},
                                                 {"<=", Operator::less_equal},
                                                 {">=", Operator::greater_equal},
                                                 {"<", Operator::less},
                                                 {">", Operator::greater}}};
    for (const Spelling& one : spellings)
        if (in.take(one.text)) return one.op;
    if (in.take_word("in")) return Operator::in;
    if (!in.take_word("not")) return std::nullopt;
    if (!in.take_word("in")) in.fail("'in' after 'not'");
    return Operator::not_in;
}

Expression read_comparison(Cursor& in) {
    Expression first = read_sum(in);
    std::optional<Operator> op = take_comparison(in);
    if (!op) return first;
    Expression all = make(in, Kind::comparison, first.at);
    all.parts.push_back(std::move(first));
    for (; op; op = take_comparison(in)) {
        all.operators.push_back(*op);
        all.parts.push_back(read_sum(in));
    }
    return all;
}

Expression read_not(Cursor& in) {
    in.skip_space();
    const Position at = in.position();
    if (!in.take_word("not")) return read_comparison(in);
    const Nesting nesting(in);
    Expression one = make(in, Kind::unary, at);
    one.operators.push_back(Operator::logical_not);
    one.parts.push_back(read_not(in));
    return one;
}

Expression read_joined(Cursor& in, std::string_view word, Operator op, Expression (*read_one)(Cursor&)) {
    Expression first = read_one(in);
    if (in.peek_word() != word) return first;
    Expression all = make(in, Kind::binary, first.at);
    all.parts.push_back(std::move(first));
    while (in.take_word(word)) {
        all.operators.push_back(op);
        all.parts.push_back(read_one(in));
    }
    return all;
}

Expression read_and(Cursor& in) { return read_joined(in, "and", Operator::logical_and, read_not); }

std::vector<Expression> read_bracketed(Cursor& in, std::string_view close) {
    in.advance();
    in.open_bracket();
    std::vector<Expression> elements;
    while (!in.sees(close) && !in.is_at_end()) {
        elements.push_back(read_condition(in));
        if (!in.take(",")) break;
    }
    in.skip_space();
    in.close_bracket();
    if (!in.take(close)) in.fail("',' or '" + std::string(close) + "'");
    return elements;
}

/// `(a)` is a, `(a,)` and `(a, b)` are tuples, and so is `()`.
Expression read_parentheses(Cursor& in, Position at) {
    const std::size_t begin = in.offset();
    std::vector<Expression> elements = read_bracketed(in, ")");
    std::string_view text = in.since(begin);
    text.remove_suffix(text.empty() ? 0 : 1);
    while (!text.empty() && (is_blank(text.back()) || text.back() == '\n')) text.remove_suffix(1);
    if (elements.size() == 1 && !text.ends_with(',')) return std::move(elements.front());
    Expression tuple = make(in, Kind::tuple, at);
    tuple.parts = std::move(elements);
    return tuple;
}

Expression read_number_of_code(Cursor& in) {
    const Position at = in.position();
    std::size_t end = 0;
    while (is_digit(in.peek(end))) ++end;
    if (in.peek(end) == '.' || in.peek(end) == 'e' || in.peek(end) == 'E')
        in.fail_unsupported(at, "a number in code that is not whole");
    return read_integer(in);
}

Expression read_word(Cursor& in, Position at) {
    const std::string_view name = in.word();
    Expression one = make(in, in.sees("(") ? Kind::call : Kind::name, at);
    one.text = name;
    if (one.kind == Kind::call) one.parts = read_bracketed(in, ")");
    return one;
}

/// What may follow an operand and is not known here: an attribute, an index, a power, another text to be joined.
void refuse_suffix(Cursor& in, const Expression& operand) {
    const char c = (in.skip_space(), in.peek());
    const bool is_suffix = c == '[' || c == '.' || in.rest().starts_with("**") ||
                           (operand.kind == Kind::string && (c == '"' || c == '\''));
    if (is_suffix) in.fail_unsupported(in.position(), std::string("'") + c + "' after a value in code");
}

Expression read_simple(Cursor& in) {
    const Position at = in.position();
    const char c = in.peek();
    if (c == '(') return read_parentheses(in, at);
    if (is_digit(c)) return read_number_of_code(in);
    if (begins_word(c)) return read_word(in, at);
    Expression one = make(in, c == '[' ? Kind::list : Kind::string, at);
    if (c == '[')
        one.parts = read_bracketed(in, "]");
    else if (c == '"' || c == '\'')
        one.text = read_quoted(in);
    else
        in.fail("a value");
    return one;
}

Expression read_operand_of_code(Cursor& in) {
    const Nesting nesting(in);
    in.skip_space();
    const Position at = in.position();
    const char c = in.peek();
    if (c == '-' || c == '~' || c == '+') {
        in.advance();
        Expression one = make(in, Kind::unary, at);
        one.operators.push_back(c == '-' ? Operator::negate : c == '~' ? Operator::complement : Operator::plus);
        one.parts.push_back(read_operand_of_code(in));
        return one;
    }
    Expression one = read_simple(in);
    refuse_suffix(in, one);
    return one;
}

}  // namespace

Expression read_condition(Cursor& in) { return read_joined(in, "or", Operator::logical_or, read_and); }

}  // namespace skerry::pkt::syntax
