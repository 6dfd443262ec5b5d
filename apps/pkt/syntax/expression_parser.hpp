#pragma once

// The expressions of socket calls: the notation of strace. Numbers, strings, names joined by `|`, `...`, lists in
// brackets, structures in braces, functions like htons(8080), and the arithmetic of C.

#include "cursor.hpp"
#include "expression.hpp"

#include <string>
#include <vector>

namespace skerry::pkt::syntax {

/// Counts against the limit of the script.
[[nodiscard]] Expression make(Cursor& in, Expression::Kind kind, Position at);

/// An expression of a call; a defined name with a value is replaced by it.
[[nodiscard]] Expression read_expression(Cursor& in);

/// One operand, which no operator follows: a value, a list, a structure, something in parentheses.
[[nodiscard]] Expression read_operand(Cursor& in);

/// Expressions and commas up to `close`, which is taken; what opens them has been.
[[nodiscard]] std::vector<Expression> read_elements(Cursor& in, std::string_view close,
                                                    Expression (*read_one)(Cursor&));

/// `operand op operand ...` with the operators that C and Python share, or just an operand.
[[nodiscard]] Expression read_arithmetic(Cursor& in, Expression (*read_one)(Cursor&));

/// Digits as C and Python have them, an integer. Above 2^63 - 1 only hexadecimal ones may be; they stand for the
/// negative number of the same bits.
[[nodiscard]] Expression read_integer(Cursor& in);

/// A text in the quotes that stand here, on one line, with the escapes of C.
[[nodiscard]] std::string read_quoted(Cursor& in);

}  // namespace skerry::pkt::syntax
