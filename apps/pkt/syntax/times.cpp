#include "times.hpp"

#include "characters.hpp"
#include "number.hpp"

#include <string>

namespace skerry::pkt::syntax {
namespace {

constexpr std::string_view a_time = "a time in seconds";

/// The dot of `0.1`, not the first of the three in `0...0.2`.
bool sees_fraction(const Cursor& in) { return in.peek() == '.' && is_digit(in.peek(1)); }

bool sees_seconds(const Cursor& in) { return is_digit(in.peek()) || sees_fraction(in); }

/// The digits after the dot as nanoseconds. What is finer than that must be zeros.
std::int64_t read_fraction(Cursor& in) {
    std::int64_t ns = 0;
    std::int64_t unit = 100'000'000;
    for (; is_digit(in.peek()); in.advance()) {
        if (unit == 0 && in.peek() != '0') in.fail("at most nine decimals");
        ns += unit * (in.peek() - '0');
        unit /= 10;
    }
    return ns;
}

std::int64_t read_whole_seconds(Cursor& in) {
    const Cursor::Mark begin = in.mark();
    std::int64_t seconds = 0;
    for (; is_digit(in.peek()); in.advance()) {
        seconds = seconds * 10 + (in.peek() - '0');
        if (seconds > limits::seconds) {
            in.reset(begin);
            in.fail(std::string(a_time) + " up to " + std::to_string(limits::seconds));
            return 0;  // and not what would overflow in nanoseconds
        }
    }
    return seconds;
}

std::int64_t read_seconds(Cursor& in) {
    if (!sees_seconds(in)) {
        in.fail(a_time);
        return 0;
    }
    std::int64_t ns = read_whole_seconds(in) * 1'000'000'000;
    if (sees_fraction(in)) {
        in.advance();
        ns += read_fraction(in);
    } else if (in.peek() == '.' && in.peek(1) != '.') {
        in.advance();  // `1.` is one second
    }
    return ns;
}

std::int64_t read_later(Cursor& in, const EventTime& time, std::string_view what) {
    in.skip_blanks();
    const Position at = in.position();
    const std::int64_t ns = read_seconds(in);
    if (ns < time.begin_ns) in.fail(at, std::string(what) + " not before the beginning", "an earlier one");
    return ns;
}

}  // namespace

bool begins_time(const Cursor& in) { return sees_seconds(in) || in.peek() == '+' || in.peek() == '*'; }

EventTime read_time(Cursor& in) {
    EventTime time;
    time.at = in.position();
    if (in.take("*")) {
        time.base = TimeBase::any;
        return time;
    }
    if (in.take("+")) {
        time.base = TimeBase::previous;
        in.skip_blanks();
        if (!sees_seconds(in)) return time;
    }
    time.begin_ns = read_seconds(in);
    in.skip_blanks();
    if (in.peek() == '~') {
        in.advance();
        if (time.base == TimeBase::previous) in.expect("+");
        time.until_ns = read_later(in, time, "a time");
        in.skip_blanks();
    }
    if (in.rest().starts_with("...")) {
        in.advance(3);
        time.call_end_ns = read_later(in, time, "an end");
    }
    return time;
}

}  // namespace skerry::pkt::syntax
