#pragma once

// The expressions of Python that assertions use: or, and, not, comparisons in a row, `in`, the arithmetic of whole
// numbers, calls, tuples, lists, texts.

#include "cursor.hpp"
#include "expression.hpp"

namespace skerry::pkt::syntax {

/// Stops the cursor, with an error or as not supported, at what it does not know.
[[nodiscard]] Expression read_condition(Cursor& in);

}  // namespace skerry::pkt::syntax
