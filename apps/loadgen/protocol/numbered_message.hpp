#pragma once

// Hot path. A request that carries its own number, and what the answer to it looks like. The rest of it is the same in
// every request: a byte of its connection. So an answer that came twice, late, or to somebody else does not pass for
// the one that is waited for.
//
// Two formats. Plain: the number in the host's order, as far as the size allows; the answer is the request itself.
// sockperf's, so that its unmodified server can be measured: a header of 14 bytes in network order and a payload,
//
//     sequence number u64 | flags u16 | length u32, header included | payload
//
// where flag bit 0 says "from the client" and bit 1 "answer me"; the answer is the message with bit 0 cleared.
//
// Source: sockperf 3.7 on the wire.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace skerry::loadgen {

enum class MessageFormat : std::uint8_t { plain, sockperf };

class NumberedMessage {
public:
    static constexpr std::size_t sockperf_header_bytes = 14;

    /// Shape: `size` is 1 or more, of sockperf's sockperf_header_bytes or more; asserted.
    NumberedMessage(MessageFormat format, std::size_t size, std::byte fill);

    /// Writes `mark` behind the number, or the header, of all requests, as far as there is room.
    void mark(std::span<const std::byte> mark) noexcept;

    /// The request of that number. Lifetime: until the next call.
    [[nodiscard]] std::span<const std::byte> request(std::uint64_t number) noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return message_.size(); }

    /// Whether `part` is what the answer to `number` has from byte `at` on. Shape: at + part.size() <= size().
    [[nodiscard]] bool is_answer(std::span<const std::byte> part, std::size_t at, std::uint64_t number) const noexcept;

    /// The number that an answer carries. Shape: eight bytes or more.
    [[nodiscard]] std::uint64_t number_in(std::span<const std::byte> answer) const noexcept;

private:
    MessageFormat format_;
    std::vector<std::byte> message_;
};

}  // namespace skerry::loadgen
