#pragma once

// Hot path. What skerry-echo and sockperf's server speak over a stream: an answer is the request, or almost
// (numbered_message.hpp).

#include "numbered_message.hpp"
#include "stream_protocol.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace skerry::loadgen {

class Echo {
public:
    static constexpr bool reconnects = false;
    static constexpr bool numbers_answers = true;

    /// `is_checked`: false where the server sends by itself, and any bytes of that number are an answer.
    Echo(NumberedMessage message, bool is_checked) : message_(std::move(message)), is_checked_(is_checked) {}

    /// One at a time: a request may be as long as the memory, and is not copied.
    [[nodiscard]] std::span<const std::byte> requests(std::uint64_t first, std::size_t) noexcept {
        return message_.request(first);
    }
    [[nodiscard]] std::size_t batch_max() const noexcept { return 1; }

    [[nodiscard]] Taken take(std::span<const std::byte>& data, std::uint64_t number) noexcept;
    [[nodiscard]] std::string complaint() const { return "an answer is not the request"; }

private:
    NumberedMessage message_;
    bool is_checked_;
    std::size_t partial_bytes_ = 0;  // of the answer that is coming in
    bool is_damaged_ = false;        // it has a byte that was not sent
};

static_assert(StreamProtocol<Echo>);

}  // namespace skerry::loadgen
