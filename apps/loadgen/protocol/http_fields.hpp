#pragma once

// Hot path. What the header of an answer says about where its body ends and whether the connection goes on. All other
// fields are looked at only as far as they have a name and a colon.
//
// Source: RFC 9110 section 5.6 (lists, tokens) and 8.6 (Content-Length); RFC 9112 sections 5, 6.1 and 9.3.

#include "http_fault.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace skerry::loadgen {

class HttpFields {
public:
    /// Takes one line of a header, without its end.
    [[nodiscard]] HttpFault take(std::string_view line) noexcept;

    /// The value of Content-Length, when there was one.
    [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept { return content_length_; }
    /// Whether there was a Transfer-Encoding, and whether the last one of all was `chunked`.
    [[nodiscard]] bool has_transfer_encoding() const noexcept { return has_transfer_encoding_; }
    [[nodiscard]] bool is_chunked() const noexcept { return is_chunked_; }
    /// Options of Connection.
    [[nodiscard]] bool has_close() const noexcept { return has_close_; }
    [[nodiscard]] bool has_keep_alive() const noexcept { return has_keep_alive_; }

private:
    [[nodiscard]] HttpFault take_content_length(std::string_view value) noexcept;
    void take_transfer_encoding(std::string_view value) noexcept;
    void take_connection(std::string_view value) noexcept;

    std::optional<std::uint64_t> content_length_;
    bool has_transfer_encoding_ = false;
    bool is_chunked_ = false;
    bool has_close_ = false;
    bool has_keep_alive_ = false;
};

/// The longest body whose length is taken, as a length or as the size of a chunk.
inline constexpr std::uint64_t http_length_max = INT64_MAX;

/// A character that the name of a field, or a method, may have (RFC 9110 section 5.6.2).
[[nodiscard]] bool is_http_token(char c) noexcept;

/// Whether two texts are the same but for upper and lower case of ASCII. Shape: `lower` has no upper case letters.
[[nodiscard]] bool equals_ignoring_case(std::string_view text, std::string_view lower) noexcept;

}  // namespace skerry::loadgen
