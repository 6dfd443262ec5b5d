#pragma once

// Whole numbers, as packets and as expressions have them.

#include "cursor.hpp"
#include "limits.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace skerry::pkt::syntax {

/// Digits without a name: decimal, or hexadecimal after 0x. With `octal`, a leading 0 is that of C; without, it is
/// refused, since one reader would take 010 for ten and the next for eight. `what` is for the message. Stops if there
/// is no number here, or one above `max`.
[[nodiscard]] std::uint64_t read_digits(Cursor& in, std::uint64_t max, std::string_view what, bool octal = false);

/// A field of a packet, after the space before it: digits, or a name that is defined with such a value.
[[nodiscard]] std::uint64_t read_number(Cursor& in, std::uint64_t max, std::string_view what);
[[nodiscard]] std::uint8_t read_u8(Cursor& in, std::string_view what);
[[nodiscard]] std::uint16_t read_u16(Cursor& in, std::string_view what);
[[nodiscard]] std::uint32_t read_u32(Cursor& in, std::string_view what);

/// Reads the value of the defined `name`, which stood at `at`, with `read(Cursor&)`; it must be used up. A fault in the
/// value is reported where the name stands.
template <class Read>
[[nodiscard]] auto read_value(Cursor& in, std::string_view name, Position at, Read read) {
    Session& session = in.session();
    Cursor value(*session.defines.value(name), Lexis::value, session, at);
    if (++session.substitutions > limits::substitutions)
        value.fail("at most " + std::to_string(limits::substitutions) + " names whose values name each other");
    auto result = read(value);
    --session.substitutions;
    value.skip_space();
    if (!value.is_at_end()) value.fail("nothing more");
    if (value.has_stopped()) {
        const Fault fault = value.fault();
        const std::string of = " in the value of " + std::string(name);
        // The value of a value has already said whose it is.
        in.fail(at,
                fault.expected.find(" in the value of ") == std::string::npos ? fault.expected + of : fault.expected,
                fault.found);
    }
    return result;
}

}  // namespace skerry::pkt::syntax
