#include "expression.hpp"

#include <array>
#include <cstddef>

namespace skerry::pkt::syntax {

std::string_view to_string(Operator op) noexcept {
    constexpr std::array<std::string_view, 25> texts{
        "|", "^",   "&",   "<<", ">>", "+",  "-", "*",  "/", "//", "%",  "-",     "+",
        "~", "not", "and", "or", "==", "!=", "<", "<=", ">", ">=", "in", "not in"};
    static_assert(static_cast<std::size_t>(Operator::not_in) + 1 == texts.size());
    return texts[static_cast<std::size_t>(op)];
}

}  // namespace skerry::pkt::syntax
