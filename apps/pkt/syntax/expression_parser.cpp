#include "expression_parser.hpp"

#include "characters.hpp"
#include "number.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace skerry::pkt::syntax {
namespace {

using Kind = Expression::Kind;

struct Spelling {
    std::string_view text;
    Operator op;
    std::string_view not_before = {};  // what makes another operator of it
};

// From the loosest rank to the tightest. Within one, the longer spelling is first.
constexpr std::array<Spelling, 1> rank_or{{{"|", Operator::bit_or, "|"}}};
constexpr std::array<Spelling, 1> rank_xor{{{"^", Operator::bit_xor}}};
constexpr std::array<Spelling, 1> rank_and{{{"&", Operator::bit_and, "&"}}};
constexpr std::array<Spelling, 2> rank_shift{{{"<<", Operator::shift_left}, {">>", Operator::shift_right}}};
constexpr std::array<Spelling, 2> rank_sum{{{"+", Operator::add}, {"-", Operator::subtract}}};
constexpr std::array<Spelling, 4> rank_product{
    {{"*", Operator::multiply, "*"}, {"//", Operator::floor_divide}, {"/", Operator::divide}, {"%", Operator::modulo}}};
constexpr std::array<std::span<const Spelling>, 6> ranks{rank_or,    rank_xor, rank_and,
                                                         rank_shift, rank_sum, rank_product};

std::optional<Operator> take_operator(Cursor& in, std::span<const Spelling> rank) {
    for (const Spelling& one : rank) {
        if (!in.sees(one.text)) continue;
        if (!one.not_before.empty() && in.rest().substr(one.text.size()).starts_with(one.not_before)) continue;
        in.advance(one.text.size());
        return one.op;
    }
    return std::nullopt;
}

Expression read_rank(Cursor& in, std::size_t rank, Expression (*read_one)(Cursor&)) {
    if (rank == ranks.size()) return read_one(in);
    Expression first = read_rank(in, rank + 1, read_one);
    std::optional<Operator> op = take_operator(in, ranks[rank]);
    if (!op) return first;
    Expression all = make(in, Kind::binary, first.at);
    all.parts.push_back(std::move(first));
    for (; op; op = take_operator(in, ranks[rank])) {
        all.operators.push_back(*op);
        all.parts.push_back(read_rank(in, rank + 1, read_one));
    }
    return all;
}

/// `{a, b = c, d(1) = e}`: what stands before a `=` was read as a name, or as a call with one argument, the count.
Expression read_structure_element(Cursor& in) {
    Expression value = read_expression(in);
    if (!in.sees("=") || in.rest().starts_with("==")) return value;
    const bool has_count = value.kind == Kind::call && value.parts.size() == 1;
    if (value.kind != Kind::name && !has_count) in.fail("',' or '}'");
    in.take("=");
    Expression field = make(in, Kind::field, value.at);
    field.text = value.text;
    field.parts.push_back(read_expression(in));
    if (has_count) field.parts.push_back(std::move(value.parts.front()));
    return field;
}

Expression read_character(Cursor& in) {
    Expression one = make(in, Kind::integer, in.position());
    const std::string text = read_quoted(in);
    if (text.size() != 1) in.fail(one.at, "one character in quotes", std::to_string(text.size()));
    if (!text.empty()) one.number = static_cast<unsigned char>(text.front());
    return one;
}

Expression read_name(Cursor& in) {
    const Position at = in.position();
    const std::string_view name = in.word();
    if (in.take("(")) {
        Expression call = make(in, Kind::call, at);
        call.text = name;
        call.parts = read_elements(in, ")", read_expression);
        return call;
    }
    if (in.session().defines.value(name) != nullptr)
        return read_value(in, name, at, [](Cursor& value) { return read_expression(value); });
    Expression one = make(in, Kind::name, at);
    one.text = name;
    return one;
}

std::optional<Operator> take_sign(Cursor& in) {
    constexpr std::array<Spelling, 4> signs{{{"-", Operator::negate},
                                             {"~", Operator::complement},
                                             {"!", Operator::logical_not, "="},
                                             {"+", Operator::plus}}};
    return take_operator(in, signs);
}

Expression read_bracketed(Cursor& in, Kind kind, std::string_view close, Expression (*read_one)(Cursor&)) {
    Expression all = make(in, kind, in.position());
    in.advance();
    all.parts = read_elements(in, close, read_one);
    return all;
}

/// Up to `digits_max` digits of `base`.
unsigned read_code(Cursor& in, unsigned base, unsigned digits_max) {
    unsigned code = 0;
    for (unsigned i = 0; i < digits_max; ++i, in.advance()) {
        const int digit = digit_value(in.peek());
        if (digit < 0 || static_cast<unsigned>(digit) >= base) break;
        code = code * base + static_cast<unsigned>(digit);
    }
    return code;
}

/// What follows a backslash.
char read_escape(Cursor& in) {
    constexpr std::string_view letters = "abfnrtv\\\"'";
    constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\\"'";
    const char c = in.peek();
    if (const std::size_t known = letters.find(c); known != std::string_view::npos) {
        in.advance();
        return meanings[known];
    }
    const bool is_hex = c == 'x' && digit_value(in.peek(1)) >= 0;
    if (is_hex) in.advance();
    if (!is_hex && (c < '0' || c > '7')) in.fail("an escape of C after '\\'");
    return static_cast<char>(static_cast<unsigned char>(read_code(in, is_hex ? 16 : 8, is_hex ? 2 : 3)));
}

}  // namespace

Expression make(Cursor& in, Expression::Kind kind, Position at) {
    if (++in.session().nodes > limits::expression_nodes)
        in.fail("at most " + std::to_string(limits::expression_nodes) + " values in a script");
    Expression one;
    one.kind = kind;
    one.at = at;
    return one;
}

Expression read_operand(Cursor& in) {
    const Nesting nesting(in);
    in.skip_space();
    const Position at = in.position();
    if (in.take("...")) return make(in, Kind::anything, at);
    if (in.take("?")) return make(in, Kind::unknown, at);
    if (const std::optional<Operator> sign = take_sign(in)) {
        Expression one = make(in, Kind::unary, at);
        one.operators.push_back(*sign);
        one.parts.push_back(read_operand(in));
        return one;
    }
    if (in.take("(")) {
        Expression inner = read_expression(in);
        in.expect(")");
        return inner;
    }
    const char c = in.peek();
    if (c == '[') return read_bracketed(in, Kind::list, "]", read_expression);
    if (c == '{') return read_bracketed(in, Kind::structure, "}", read_structure_element);
    if (c == '\'') return read_character(in);
    if (is_digit(c)) return read_integer(in);
    if (begins_word(c)) return read_name(in);
    Expression text = make(in, Kind::string, at);
    if (c == '"')
        text.text = read_quoted(in);
    else
        in.fail("a value");
    return text;
}

Expression read_expression(Cursor& in) { return read_arithmetic(in, read_operand); }

Expression read_arithmetic(Cursor& in, Expression (*read_one)(Cursor&)) { return read_rank(in, 0, read_one); }

std::vector<Expression> read_elements(Cursor& in, std::string_view close, Expression (*read_one)(Cursor&)) {
    std::vector<Expression> elements;
    if (in.take(close)) return elements;
    do elements.push_back(read_one(in));
    while (in.take(","));
    if (!in.take(close)) in.fail("',' or '" + std::string(close) + "'");
    return elements;
}

Expression read_integer(Cursor& in) {
    constexpr auto positive_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    Expression one = make(in, Expression::Kind::integer, in.position());
    const bool is_hex = in.peek() == '0' && (in.peek(1) == 'x' || in.peek(1) == 'X');
    const std::uint64_t max = is_hex ? std::numeric_limits<std::uint64_t>::max() : positive_max;
    one.number = static_cast<std::int64_t>(read_digits(in, max, "an integer", true));
    return one;
}

std::string read_quoted(Cursor& in) {
    const char quote = in.peek();
    std::string text;
    for (in.advance(); in.peek() != quote;) {
        if (in.is_at_end() || in.peek() == '\n') {
            in.fail("the quotes that end this text");
            return text;
        }
        const char c = in.peek();
        in.advance();
        text += c == '\\' ? read_escape(in) : c;
    }
    in.advance();
    return text;
}

}  // namespace skerry::pkt::syntax
