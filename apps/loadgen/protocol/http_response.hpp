#pragma once

// Hot path. Where the answers of HTTP/1.1 end, in a stream that is cut anywhere, and what status each has.
//
// A body is counted and dropped: whoever measures a server has no use for it, and nothing of it is copied. Its end is
// found as RFC 9112 section 6.3 says: none after HEAD, 204 and 304; else the chunks; else Content-Length; else the end
// of the connection. Interim answers (1xx) belong to the answer that follows them.
//
// Strict where a mistake would shift the ends of all answers that follow: lines end with CR LF, lengths are numbers
// that fit, Content-Length and Transfer-Encoding exclude each other (RFC 9112 section 6.3 calls both together an
// attack). Lenient where it does not matter: a status line may lack its reason and the blank in front of it.
//
// Source: RFC 9112 sections 4 to 7 and 9.3; RFC 9110 sections 15.2 and 15.4.5.

#include "http_fault.hpp"
#include "http_fields.hpp"
#include "line_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skerry::loadgen {

/// What HttpResponse::take found.
enum class HttpStep : std::uint8_t {
    more,      ///< the data is used up
    complete,  ///< an answer ends here
    fault,     ///< see fault()
};

/// The answers of one connection, one after the other.
///
/// Threads: one.
/// Cost:    a pass over the header and nothing for the body; no allocation, but for one when a line is cut.
class HttpResponse {
public:
    static constexpr std::size_t head_bytes_max = 65'536;
    static constexpr std::size_t chunk_line_bytes_max = 1'024;

    /// `is_head`: the requests are HEAD, so the answers have no bodies, whatever their headers say.
    explicit HttpResponse(bool is_head) noexcept : is_head_(is_head) {}

    /// Takes bytes from the front of `data` up to the end of an answer. After `complete` the next call begins the next
    /// answer; after `fault` only restart() helps.
    [[nodiscard]] HttpStep take(std::string_view& data);

    /// The stream has ended: `complete` for a body that goes on to the end, `more` between two answers.
    [[nodiscard]] HttpStep take_end() noexcept;

    /// Forgets what was under way.
    void restart() noexcept;

    /// Of the answer that has ended: its status, whether the connection may be used again, how long its body was.
    [[nodiscard]] unsigned status() const noexcept { return status_; }
    [[nodiscard]] bool keeps_alive() const noexcept { return keeps_alive_; }
    [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }

    [[nodiscard]] HttpFault fault() const noexcept { return fault_; }

private:
    enum class State : std::uint8_t {
        status_line,
        header,
        body,  // of body_left_ bytes
        body_to_end,
        chunk_line,
        chunk,  // of body_left_ bytes
        chunk_end,
        trailer,
        over,
    };

    void begin_answer() noexcept;
    void fail(HttpFault fault) noexcept;
    void take_line(std::string_view& data, std::size_t limit, HttpFault too_long);
    void skip_body(std::string_view& data) noexcept;
    HttpFault use_line(std::string_view line) noexcept;
    HttpFault use_trailer_line(std::string_view line) noexcept;
    HttpFault use_status_line(std::string_view line) noexcept;
    HttpFault end_head() noexcept;
    HttpFault begin_body() noexcept;
    HttpFault use_chunk_line(std::string_view line) noexcept;
    [[nodiscard]] bool has_no_body() const noexcept;

    bool is_head_;
    State state_ = State::status_line;
    HttpFault fault_ = HttpFault::none;
    bool is_1_0_ = false;
    bool keeps_alive_ = true;
    unsigned status_ = 0;
    std::size_t head_bytes_ = 0;  // lines of the head, or of the trailer, that are over
    std::uint64_t body_left_ = 0;
    std::uint64_t body_bytes_ = 0;
    HttpFields fields_;
    LineReader lines_;
};

}  // namespace skerry::loadgen
