#pragma once

// What an expression is worth: of an argument of a call, of an assertion. Numbers and texts, as in C and Python alike.

#include "../syntax/expression.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace skerry::pkt {

struct Value;
using Values = std::vector<Value>;

/// None, a number, a text, or several values.
struct Value {
    std::variant<std::monostate, std::int64_t, std::string, Values> is;
    friend bool operator==(const Value&, const Value&) = default;
};

/// What a name stands for; nothing when it is not known.
using Lookup = std::function<std::optional<Value>(std::string_view)>;

/// Stops:  with a skip: names that nobody knows, kinds of values that the operators here do not take.
[[nodiscard]] Value evaluate(const syntax::Expression& expression, const Lookup& lookup);

/// Python's: 0, an empty text, nothing and None are false.
[[nodiscard]] bool is_true(const Value& value);
/// As Python prints it.
[[nodiscard]] std::string to_text(const Value& value);

/// A number made of constants of C, as arguments of calls have it.
[[nodiscard]] std::int64_t evaluate_number(const syntax::Expression& expression);

}  // namespace skerry::pkt
