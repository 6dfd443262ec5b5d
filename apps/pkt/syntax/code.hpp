#pragma once

// What stands between %{ and }%: a few statements of Python. Those that scripts are made of are read, everything else
// is not supported: a fault in Python is not a fault of the script's, since a full interpreter might take it.
//
//     assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd
//     assert (tcpi_options & TCPI_OPT_SYN_DATA) != 0 and tcpi_unacked in (1, 2); x = tcpi_rtt // 1000
//     print(tcpi_snd_cwnd)

#include "cursor.hpp"
#include "expression.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace skerry::pkt::syntax {

/// `assert CONDITION, MESSAGE`
struct Assertion {
    Position at;
    Expression condition;
    std::vector<Expression> message;  ///< none or one
};
/// `print(A, B)` and `print A, B`
struct Print {
    Position at;
    std::vector<Expression> values;
};
/// `NAME = VALUE`
struct Assignment {
    Position at;
    std::string name;
    Expression value;
};
/// What is not understood ends the reading of the block: the statements after it may depend on it.
using Statement = std::variant<Assertion, Print, Assignment, Unsupported>;

struct CodeBlock {
    Position at;
    std::string text;  ///< without the %{ and }%
    std::vector<Statement> statements;
};

/// `%{` stands here. What is not supported is noted with the session.
[[nodiscard]] CodeBlock read_code_block(Cursor& in);

/// The statements of a text whose first byte stands at `origin`.
[[nodiscard]] std::vector<Statement> read_statements(std::string_view text, Session& session, Position origin = {});

}  // namespace skerry::pkt::syntax
