#pragma once

// Hot path. What skerry-echo speaks over a stream: an answer is the request itself.
//
// A request begins with its own number, as far as its size allows, and is filled with a byte of its connection. So an
// answer that came twice, late, or to somebody else does not pass for the one that is waited for.

#include "stream_protocol.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace skerry::loadgen {

class Echo {
public:
    static constexpr bool reconnects = false;

    /// `is_checked`: false where the server sends by itself, and any `size` bytes are an answer.
    Echo(std::size_t size, std::byte fill, bool is_checked) : payload_(size, fill), is_checked_(is_checked) {}

    /// One at a time: a request may be as long as the memory, and is not copied.
    [[nodiscard]] std::span<const std::byte> requests(std::uint64_t first, std::size_t) noexcept;
    [[nodiscard]] std::size_t batch_max() const noexcept { return 1; }

    [[nodiscard]] Taken take(std::span<const std::byte>& data, std::uint64_t number) noexcept;
    [[nodiscard]] std::string complaint() const { return "an answer is not the request"; }

private:
    [[nodiscard]] bool is_expected(std::span<const std::byte> part, std::uint64_t number) const noexcept;

    std::vector<std::byte> payload_;
    bool is_checked_;
    std::size_t partial_bytes_ = 0;  // of the answer that is coming in
    bool is_damaged_ = false;        // it has a byte that was not sent
};

static_assert(StreamProtocol<Echo>);

}  // namespace skerry::loadgen
