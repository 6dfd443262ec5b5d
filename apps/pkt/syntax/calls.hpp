#pragma once

// A socket call and what it must give: `connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)`.

#include "cursor.hpp"
#include "expression.hpp"

#include <optional>
#include <string>
#include <vector>

namespace skerry::pkt::syntax {

struct CallResult {
    Position at;
    /// An integer, a name or names joined by `|`; `?` and `...` are whatever comes.
    Expression value;
    /// `EAGAIN`; empty without one.
    std::string error;
    /// What stands in parentheses, for people: its meaning in words, or the flags in a number.
    std::string note;
    /// What the call writes into its arguments, where a script says it here: a list or a structure.
    std::optional<Expression> output;
};

struct SystemCall {
    Position at;
    std::string name;
    std::vector<Expression> arguments;
    CallResult result;
};

/// The name stands here.
[[nodiscard]] SystemCall read_call(Cursor& in);

}  // namespace skerry::pkt::syntax
