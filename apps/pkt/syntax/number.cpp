#include "number.hpp"

#include "characters.hpp"

#include <limits>

namespace skerry::pkt::syntax {
namespace {

/// Digits of a base up to the first byte that is none; false when they pass `max`.
bool read_base(Cursor& in, unsigned base, std::uint64_t max, std::uint64_t& value) {
    bool fits = true;
    for (value = 0;; in.advance()) {
        const int digit = digit_value(in.peek());
        if (digit < 0 || static_cast<unsigned>(digit) >= base) return fits;
        const auto add = static_cast<std::uint64_t>(digit);
        if (!fits || value > (max - add) / base || add > max)
            fits = false;
        else
            value = value * base + add;
    }
}

unsigned base_of(const Cursor& in, bool octal) {
    if (in.peek() == '0' && (in.peek(1) == 'x' || in.peek(1) == 'X') && digit_value(in.peek(2)) >= 0) return 16;
    return octal && in.peek() == '0' && is_digit(in.peek(1)) ? 8 : 10;
}

}  // namespace

std::uint64_t read_digits(Cursor& in, std::uint64_t max, std::string_view what, bool octal) {
    if (!is_digit(in.peek())) {
        in.fail(what);
        return 0;
    }
    const Cursor::Mark begin = in.mark();
    const unsigned base = base_of(in, octal);
    const bool is_padded = base == 10 && in.peek() == '0' && is_digit(in.peek(1));
    if (base == 16) in.advance(2);
    std::uint64_t value = 0;
    const bool fits = read_base(in, base, max, value);
    const bool ends = !continues_word(in.peek());
    if (fits && ends && !is_padded) return value;
    in.reset(begin);
    in.fail(std::string(what) + (!ends ? "" : is_padded ? " without leading zeros" : " up to " + std::to_string(max)));
    return 0;
}

std::uint64_t read_number(Cursor& in, std::uint64_t max, std::string_view what) {
    const std::string_view name = in.peek_word();
    if (name.empty() || in.session().defines.value(name) == nullptr) return read_digits(in, max, what);
    const Position at = in.position();
    in.advance(name.size());
    return read_value(in, name, at, [&](Cursor& value) { return read_number(value, max, what); });
}

std::uint8_t read_u8(Cursor& in, std::string_view what) {
    return static_cast<std::uint8_t>(read_number(in, std::numeric_limits<std::uint8_t>::max(), what));
}

std::uint16_t read_u16(Cursor& in, std::string_view what) {
    return static_cast<std::uint16_t>(read_number(in, std::numeric_limits<std::uint16_t>::max(), what));
}

std::uint32_t read_u32(Cursor& in, std::string_view what) {
    return static_cast<std::uint32_t>(read_number(in, std::numeric_limits<std::uint32_t>::max(), what));
}

}  // namespace skerry::pkt::syntax
