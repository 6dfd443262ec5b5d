#pragma once

// Hot path. Lines that end with CR LF, out of a stream that is cut anywhere: what the heads of HTTP and of RESP are
// made of.
//
// A line that lies whole in what came is given as it lies there; only one that is cut is put together in a buffer,
// which is allocated for the first such line and kept. A LF without CR before it, or a CR without LF behind it, ends
// the reading: where two programs disagree about the end of a line they disagree about what follows, so nothing is
// guessed.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace skerry::loadgen {

/// What LineReader::take found.
enum class LineStep : std::uint8_t {
    more,      ///< the data is used up and the line goes on
    line,      ///< line() is one
    too_long,  ///< the line is longer than the limit
    bad_end,   ///< a LF without CR, or a CR without LF
};

/// Threads: one.
/// Cost:    a search for the LF, and for a CR, of each line; one allocation for all lines that are cut.
class LineReader {
public:
    /// Takes the next line, or the part of it that is there, from the front of `data`.
    ///
    /// Shape: `limit` is of the line with its end. After too_long or bad_end only reset() helps.
    [[nodiscard]] LineStep take(std::string_view& data, std::size_t limit);

    /// The line without its end. Lifetime: until the next call, and as long as the data it was taken from.
    [[nodiscard]] std::string_view line() const noexcept { return line_; }

    /// Bytes of the cut line that wait for its rest.
    [[nodiscard]] std::size_t carried() const noexcept { return is_carried_over_ ? 0 : carry_.size(); }

    void reset() noexcept {
        carry_.clear();
        is_carried_over_ = false;
    }

private:
    [[nodiscard]] LineStep finish(std::string_view with_end) noexcept;

    std::string carry_;             // the line that was cut
    bool is_carried_over_ = false;  // it was given by line() and goes with the next call
    std::string_view line_;
};

}  // namespace skerry::loadgen
