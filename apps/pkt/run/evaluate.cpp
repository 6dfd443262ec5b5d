#include "evaluate.hpp"

#include "constants.hpp"
#include "stop.hpp"

#include <limits>

namespace skerry::pkt {
namespace {

using syntax::Expression;
using syntax::Operator;
using Kind = Expression::Kind;

std::string name_of(Operator op) { return "'" + std::string(syntax::to_string(op)) + "'"; }

std::int64_t number_of(const Value& value, const Expression& where) {
    if (const auto* const number = std::get_if<std::int64_t>(&value.is)) return *number;
    skip(where.at, "calculating with " + to_text(value) + ", which is no number");
}

// Sums as the machine makes them; what is out of range is nothing that a script means.
std::int64_t checked(bool overflows, std::int64_t result, const Expression& where) {
    if (overflows) skip(where.at, "a number of more than 64 bits");
    return result;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b, const Expression& where) {
    if (b == 0) fail(where.at, "a division by zero");
    if (b == -1) return checked(a == std::numeric_limits<std::int64_t>::min(), a, where) * -1;
    const std::int64_t quotient = a / b;
    return quotient - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

std::int64_t shift(std::int64_t a, std::int64_t bits, bool left, const Expression& where) {
    if (bits < 0 || bits > 62) skip(where.at, "a shift by " + std::to_string(bits));
    return left ? static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << static_cast<unsigned>(bits)) : a >> bits;
}

std::int64_t join(Operator op, std::int64_t a, std::int64_t b, const Expression& where) {
    std::int64_t result = 0;
    bool overflows = false;
    switch (op) {
        case Operator::bit_or: return a | b;
        case Operator::bit_xor: return a ^ b;
        case Operator::bit_and: return a & b;
        case Operator::shift_left: return shift(a, b, true, where);
        case Operator::shift_right: return shift(a, b, false, where);
        case Operator::add: overflows = __builtin_add_overflow(a, b, &result); break;
        case Operator::subtract: overflows = __builtin_sub_overflow(a, b, &result); break;
        case Operator::multiply: overflows = __builtin_mul_overflow(a, b, &result); break;
        case Operator::floor_divide: return floor_divide(a, b, where);
        case Operator::modulo: return b == -1 ? 0 : a - b * floor_divide(a, b, where);
        // Python's gives a fraction, which is a whole number when nothing is left.
        case Operator::divide:
            if (b != 0 && b != -1 && a % b != 0) skip(where.at, "a number that is not whole");
            return floor_divide(a, b, where);
        default: skip(where.at, "the operator " + name_of(op));
    }
    return checked(overflows, result, where);
}

Values evaluate_all(const std::vector<Expression>& parts, const Lookup& lookup) {
    Values values;
    for (const Expression& part : parts) values.push_back(evaluate(part, lookup));
    return values;
}

Value evaluate_unary(const Expression& one, const Lookup& lookup) {
    const Value operand = evaluate(one.parts.front(), lookup);
    const Operator op = one.operators.front();
    if (op == Operator::logical_not) return {std::int64_t{is_true(operand) ? 0 : 1}};
    const std::int64_t number = number_of(operand, one);
    if (op == Operator::complement) return {~number};
    if (op == Operator::plus) return {number};
    return {join(Operator::subtract, 0, number, one)};
}

Value evaluate_binary(const Expression& all, const Lookup& lookup) {
    Value result = evaluate(all.parts.front(), lookup);
    for (std::size_t i = 0; i < all.operators.size(); ++i) {
        const Operator op = all.operators[i];
        // What stands behind a decided `and` or `or` is not looked at.
        if (op == Operator::logical_and || op == Operator::logical_or) {
            if (is_true(result) == (op == Operator::logical_or)) return result;
            result = evaluate(all.parts[i + 1], lookup);
            continue;
        }
        const Value next = evaluate(all.parts[i + 1], lookup);
        result = {join(op, number_of(result, all), number_of(next, all), all)};
    }
    return result;
}

bool contains(const Value& many, const Value& one, const Expression& where) {
    if (const auto* const values = std::get_if<Values>(&many.is)) {
        for (const Value& value : *values)
            if (value == one) return true;
        return false;
    }
    const auto* const text = std::get_if<std::string>(&many.is);
    const auto* const part = std::get_if<std::string>(&one.is);
    if (text == nullptr || part == nullptr) skip(where.at, "'in' with " + to_text(many));
    return text->find(*part) != std::string::npos;
}

bool compare(Operator op, const Value& a, const Value& b, const Expression& where) {
    switch (op) {
        case Operator::equal: return a == b;
        case Operator::not_equal: return a != b;
        case Operator::in: return contains(b, a, where);
        case Operator::not_in: return !contains(b, a, where);
        case Operator::less: return number_of(a, where) < number_of(b, where);
        case Operator::less_equal: return number_of(a, where) <= number_of(b, where);
        case Operator::greater: return number_of(a, where) > number_of(b, where);
        case Operator::greater_equal: return number_of(a, where) >= number_of(b, where);
        default: skip(where.at, "the operator " + name_of(op));
    }
}

Value evaluate_comparison(const Expression& all, const Lookup& lookup) {
    const Values values = evaluate_all(all.parts, lookup);
    for (std::size_t i = 0; i < all.operators.size(); ++i)
        if (!compare(all.operators[i], values[i], values[i + 1], all)) return {std::int64_t{0}};
    return {std::int64_t{1}};
}

}  // namespace

Value evaluate(const Expression& expression, const Lookup& lookup) {
    switch (expression.kind) {
        case Kind::integer: return {expression.number};
        case Kind::string: return {expression.text};
        case Kind::list:
        case Kind::tuple: return {evaluate_all(expression.parts, lookup)};
        case Kind::unary: return evaluate_unary(expression, lookup);
        case Kind::binary: return evaluate_binary(expression, lookup);
        case Kind::comparison: return evaluate_comparison(expression, lookup);
        case Kind::name:
            if (auto value = lookup(expression.text)) return *std::move(value);
            skip(expression.at, "the name " + expression.text + " is not known");
        case Kind::call: skip(expression.at, "the function " + expression.text);
        default: skip(expression.at, "no value that can be calculated with");
    }
}

bool is_true(const Value& value) {
    if (const auto* const number = std::get_if<std::int64_t>(&value.is)) return *number != 0;
    if (const auto* const text = std::get_if<std::string>(&value.is)) return !text->empty();
    if (const auto* const values = std::get_if<Values>(&value.is)) return !values->empty();
    return false;
}

std::string to_text(const Value& value) {
    if (const auto* const number = std::get_if<std::int64_t>(&value.is)) return std::to_string(*number);
    if (const auto* const text = std::get_if<std::string>(&value.is)) return "'" + *text + "'";
    const auto* const values = std::get_if<Values>(&value.is);
    if (values == nullptr) return "None";
    std::string all;
    for (const Value& one : *values) all += (all.empty() ? "" : ", ") + to_text(one);
    return "(" + all + ")";
}

std::int64_t evaluate_number(const Expression& expression) {
    const Value value = evaluate(expression, [](std::string_view name) -> std::optional<Value> {
        const auto number = constant(name);
        if (!number) return std::nullopt;
        return Value{*number};
    });
    return number_of(value, expression);
}

}  // namespace skerry::pkt
