#pragma once

// Expressions, of calls and of assertions: one kind of node for both, so that one evaluator can read them.

#include "position.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::pkt::syntax {

enum class Operator : std::uint8_t {
    bit_or,
    bit_xor,
    bit_and,
    shift_left,
    shift_right,
    add,
    subtract,
    multiply,
    divide,
    floor_divide,
    modulo,
    negate,
    plus,
    complement,
    logical_not,
    logical_and,
    logical_or,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    in,
    not_in,
};

/// As it is written: `|`, `not in`.
[[nodiscard]] std::string_view to_string(Operator op) noexcept;

/// A value: copying copies the tree. How deep it can be follows from `limits::nesting`.
///
/// | kind       | text          | number | operators       | parts                                              |
/// |------------|---------------|--------|-----------------|----------------------------------------------------|
/// | anything   |               |        |                 | `...`: whatever fits                               |
/// | unknown    |               |        |                 | `?`: whatever comes                                |
/// | integer    |               | value  |                 |                                                    |
/// | string     | its bytes     |        |                 |                                                    |
/// | name       | the name      |        |                 |                                                    |
/// | list       |               |        |                 | `[a, b]`: the elements                             |
/// | tuple      |               |        |                 | `(a, b)`, in assertions: the elements              |
/// | structure  |               |        |                 | `{a, b = c}`: elements, of which some are fields   |
/// | field      | its name      |        |                 | the value; of `name(count) = value` also the count |
/// | call       | the function  |        |                 | the arguments                                      |
/// | unary      |               |        | one             | the operand                                        |
/// | binary     |               |        | one less than   | operands of one rank, to be joined from the left;  |
/// |            |               |        | parts           | of `and` and `or` all operators are the same       |
/// | comparison |               |        | one less than   | `a < b < c`: each neighbours must hold             |
/// |            |               |        | parts           |                                                    |
struct Expression {
    enum class Kind : std::uint8_t {
        anything,
        unknown,
        integer,
        string,
        name,
        list,
        tuple,
        structure,
        field,
        call,
        unary,
        binary,
        comparison,
    };

    Kind kind = Kind::anything;
    Position at;
    std::int64_t number = 0;
    std::string text;
    std::vector<Operator> operators;
    std::vector<Expression> parts;
};

}  // namespace skerry::pkt::syntax
