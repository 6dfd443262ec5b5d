#pragma once

// Hot path. HTTP/1.1 over one connection: requests that are all the same, and their answers.
//
// The end of a connection is part of the protocol: the server may announce it in an answer, or close one that is idle.
// Requests whose answers did not come by then are asked for again on the next connection, if asking twice is asking
// once (RFC 9112 section 9.3.1).

#include "http_request.hpp"
#include "http_response.hpp"
#include "stream_protocol.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace skerry::loadgen {

/// Requests one behind the other in one piece, so that several leave in one write. All connections share it.
///
/// Cost: 32 KiB, or a request that is longer than half of that.
class HttpRequests {
public:
    explicit HttpRequests(const HttpSettings& settings);

    [[nodiscard]] std::span<const std::byte> bytes(std::size_t count) const noexcept {
        return std::as_bytes(std::span(text_)).first(count * request_bytes_);
    }
    [[nodiscard]] std::size_t count_max() const noexcept { return text_.size() / request_bytes_; }
    [[nodiscard]] std::size_t request_bytes() const noexcept { return request_bytes_; }

private:
    std::string text_;
    std::size_t request_bytes_;
};

class Http {
public:
    static constexpr bool reconnects = true;
    static constexpr bool numbers_answers = false;

    /// Lifetime: `settings` and `requests` outlive it.
    Http(const HttpSettings& settings, const HttpRequests& requests) noexcept
        : settings_(&settings), requests_(&requests), response_(settings.is_head()) {}

    [[nodiscard]] std::span<const std::byte> requests(std::uint64_t, std::size_t count) noexcept {
        return requests_->bytes(count);
    }
    [[nodiscard]] std::size_t batch_max() const noexcept { return requests_->count_max(); }

    [[nodiscard]] Taken take(std::span<const std::byte>& data, std::uint64_t);
    [[nodiscard]] Taken take_end() noexcept { return taken(response_.take_end()); }

    /// Of a refusal `status 404`, of a broken answer why it is none.
    [[nodiscard]] std::string complaint() const;

    [[nodiscard]] bool is_last() const noexcept { return !response_.keeps_alive(); }
    [[nodiscard]] bool may_repeat() const noexcept { return settings_->is_idempotent(); }
    void restart() noexcept { response_.restart(); }

private:
    [[nodiscard]] Taken taken(HttpStep step) const noexcept;
    [[nodiscard]] bool is_good(unsigned status) const noexcept;

    const HttpSettings* settings_;
    const HttpRequests* requests_;
    HttpResponse response_;
};

static_assert(ReconnectingProtocol<Http>);

}  // namespace skerry::loadgen
