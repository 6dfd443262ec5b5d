#pragma once

// What skerry-loadgen asks an HTTP server for: the same request again and again.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::loadgen {

struct HttpSettings {
    std::string method = "GET";
    std::string path = "/";
    std::string host;                  ///< of the Host field, when `headers` has none
    std::vector<std::string> headers;  ///< each `Name: value`
    std::uint64_t body_bytes = 0;
    std::optional<unsigned> status;    ///< of a good answer; nothing: any 2xx

    [[nodiscard]] bool is_head() const noexcept { return method == "HEAD"; }

    /// Whether asking twice is asking once, so that a request which got no answer may be sent again.
    ///
    /// Source: RFC 9110 section 9.2.2.
    [[nodiscard]] bool is_idempotent() const noexcept;

    /// Why the request cannot be made, as `--option=value: why`; empty when it can.
    [[nodiscard]] std::string refusal() const;
};

/// The request as it is sent. Shape: settings without a refusal().
///
/// A body is letters; its length is told whenever there is one, or the method is of those that have one.
[[nodiscard]] std::string request_text(const HttpSettings& settings);

}  // namespace skerry::loadgen
