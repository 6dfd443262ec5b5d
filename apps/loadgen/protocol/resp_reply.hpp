#pragma once

// Hot path. Where the replies of RESP2, the protocol of Redis, end in a stream that is cut anywhere, and what kind each
// is.
//
//     +OK  -ERR why  :123  $5 and 5 bytes  $-1 (nothing)  *2 and two replies  *-1 (nothing)
//
// Every line ends with CR LF, and so does what `$` counts. Values are counted and dropped. Arrays may lie in arrays,
// down to a limit, since each open one must be remembered; how many of its elements are still to come is all that is
// kept.
//
// Source: the RESP specification, protocol version 2; Redis's own limit of 512 MiB for a value.

#include "line_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace skerry::loadgen {

/// Why a stream can be no reply of RESP2.
enum class RespFault : std::uint8_t {
    none,
    type,  ///< a reply begins with none of + - : $ *
    line_end,  ///< a line, or a value, does not end with CR LF
    line_too_long,
    number,  ///< no number, or one that does not fit into 64 bits
    value_length,  ///< below -1 or above 512 MiB
    array_length,  ///< below -1 or above 1,048,576
    nested_too_deep,
};

/// A few words for a person.
[[nodiscard]] std::string_view to_string(RespFault fault) noexcept;

enum class RespKind : std::uint8_t { text, error, integer, value, nothing, array };

/// What RespReply::take found.
enum class RespStep : std::uint8_t {
    more,  ///< the data is used up
    complete,  ///< a reply ends here
    fault,  ///< see fault()
};

/// The replies of one connection, one after the other.
///
/// Threads: one.
/// Cost:    a pass over the lines and nothing for values; no allocation, but for one when a line is cut, and for the
/// text
///          of an error.
class RespReply {
public:
    static constexpr std::size_t line_bytes_max = 65'536;
    static constexpr std::int64_t value_bytes_max = std::int64_t{512} << 20;
    static constexpr std::int64_t array_length_max = std::int64_t{1} << 20;
    static constexpr std::size_t nesting_max = 32;

    /// Takes bytes from the front of `data` up to the end of a reply. After `complete` the next call begins the next
    /// one; after `fault` the stream is of no more use.
    [[nodiscard]] RespStep take(std::string_view& data);

    /// Of the reply that has ended, the outermost one: its kind, the bytes of its value (or text), what it said if it
    /// was an error.
    [[nodiscard]] RespKind kind() const noexcept { return kind_; }
    [[nodiscard]] std::uint64_t value_bytes() const noexcept { return value_bytes_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    /// Whether its text, of kind text, was this.
    [[nodiscard]] bool is_ok() const noexcept { return is_ok_; }
    [[nodiscard]] bool is_pong() const noexcept { return is_pong_; }

    [[nodiscard]] RespFault fault() const noexcept { return fault_; }

private:
    enum class State : std::uint8_t { line, value, value_end };

    void use_line();
    void use_number(std::string_view line);
    void begin_value(std::int64_t length);
    void begin_array(std::int64_t length);
    void begin_reply(RespKind kind) noexcept;
    void end_reply() noexcept;
    void fail(RespFault fault) noexcept { fault_ = fault; }
    [[nodiscard]] bool is_outermost() const noexcept { return depth_ == 0; }

    State state_ = State::line;
    RespFault fault_ = RespFault::none;
    bool is_complete_ = false;
    bool is_ok_ = false;
    bool is_pong_ = false;
    RespKind kind_ = RespKind::text;
    std::uint64_t value_bytes_ = 0;
    std::uint64_t value_left_ = 0;  // of the value that is coming in
    std::size_t depth_ = 0;  // arrays that are open
    std::array<std::uint32_t, nesting_max> elements_left_{};
    std::string error_;
    LineReader lines_;
};

}  // namespace skerry::loadgen
