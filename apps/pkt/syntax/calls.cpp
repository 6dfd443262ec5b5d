#include "calls.hpp"

#include "characters.hpp"
#include "expression_parser.hpp"

namespace skerry::pkt::syntax {
namespace {

using Kind = Expression::Kind;

Expression read_number_or_name(Cursor& in) {
    const Position at = in.position();
    if (in.take("...")) return make(in, Kind::anything, at);
    if (in.take("?")) return make(in, Kind::unknown, at);
    if (is_digit(in.peek())) return read_integer(in);
    Expression name = make(in, Kind::name, at);
    name.text = in.word();
    if (name.text.empty()) in.fail("the result of the call");
    return name;
}

/// `-1`, and names joined by `|`. No other operator: the `+0` on the next line is the time of the next event.
Expression read_result_value(Cursor& in) {
    in.skip_space();
    const Position at = in.position();
    if (in.take("-")) {
        Expression number = read_number_or_name(in);
        if (number.kind != Kind::integer) in.fail(number.at, "a number after '-'", "something else");
        number.at = at;
        number.number = static_cast<std::int64_t>(-static_cast<std::uint64_t>(number.number));
        return number;
    }
    Expression first = read_number_or_name(in);
    in.skip_blanks();
    if (in.peek() != '|') return first;
    Expression all = make(in, Kind::binary, first.at);
    all.parts.push_back(std::move(first));
    for (; in.peek() == '|'; in.skip_blanks()) {
        in.advance();
        all.operators.push_back(Operator::bit_or);
        all.parts.push_back(read_number_or_name(in));
    }
    return all;
}

std::string read_note(Cursor& in) {
    const Position at = in.position();
    std::size_t depth = 0;
    const std::size_t begin = in.offset() + 1;
    do {
        const char c = in.peek();
        if (c == '\n' || in.is_at_end()) {
            in.fail(at, "')' on the line of this '('", "the end of the line");
            return {};
        }
        if (c == '(') ++depth;
        if (c == ')') --depth;
        in.advance();
    } while (depth != 0);
    const std::string_view text = in.since(begin);
    return std::string(text.substr(0, text.size() - 1));
}

/// All of it stands on the line of the `=`: what begins a line is the next event.
CallResult read_result(Cursor& in) {
    CallResult result;
    in.expect("=");
    in.skip_space();
    result.at = in.position();
    result.value = read_result_value(in);
    in.skip_blanks();
    if (begins_word(in.peek()) && in.peek() != 'E') in.fail("the name of an error, like EAGAIN");
    if (begins_word(in.peek())) result.error = in.word();
    in.skip_blanks();
    if (in.peek() == '(') result.note = read_note(in);
    in.skip_blanks();
    if (in.peek() == '[' || in.peek() == '{') result.output = read_operand(in);
    return result;
}

}  // namespace

SystemCall read_call(Cursor& in) {
    SystemCall call;
    call.at = in.position();
    call.name = in.word();
    in.expect("(");
    call.arguments = read_elements(in, ")", read_expression);
    call.result = read_result(in);
    return call;
}

}  // namespace skerry::pkt::syntax
