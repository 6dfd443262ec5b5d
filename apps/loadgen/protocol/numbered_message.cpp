#include "numbered_message.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace skerry::loadgen {

namespace {

using Number = std::array<std::byte, sizeof(std::uint64_t)>;

constexpr std::size_t flags_at = 9;  // their lower byte
constexpr std::size_t length_at = 10;
constexpr std::byte from_client{1};
constexpr std::byte answer_wanted{2};

Number in_network_order(std::uint64_t number) noexcept {
    Number bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(number >> (56 - 8 * i));
    return bytes;
}

Number bytes_of(MessageFormat format, std::uint64_t number) noexcept {
    return format == MessageFormat::plain ? std::bit_cast<Number>(number) : in_network_order(number);
}

}  // namespace

NumberedMessage::NumberedMessage(MessageFormat format, std::size_t size, std::byte fill)
    : format_(format), message_(size, fill) {
    if (format == MessageFormat::plain) return;
    SKERRY_ASSERT(size >= sockperf_header_bytes, "a message of sockperf has a header");
    message_[flags_at - 1] = std::byte{0};
    message_[flags_at] = from_client | answer_wanted;
    for (std::size_t i = 0; i < 4; ++i) message_[length_at + i] = static_cast<std::byte>(size >> (24 - 8 * i));
}

void NumberedMessage::mark(std::span<const std::byte> mark) noexcept {
    const std::size_t at = format_ == MessageFormat::plain ? sizeof(std::uint64_t) : sockperf_header_bytes;
    if (at >= message_.size()) return;
    std::copy_n(mark.begin(), std::min(mark.size(), message_.size() - at),
                message_.begin() + static_cast<std::ptrdiff_t>(at));
}

std::span<const std::byte> NumberedMessage::request(std::uint64_t number) noexcept {
    const Number bytes = bytes_of(format_, number);
    std::copy_n(bytes.begin(), std::min(bytes.size(), message_.size()), message_.begin());
    return message_;
}

bool NumberedMessage::is_answer(std::span<const std::byte> part, std::size_t at, std::uint64_t number) const noexcept {
    const Number bytes = bytes_of(format_, number);
    // The number, the flags of sockperf, and all the rest, which is in the message as it was sent.
    for (; at < bytes.size() && !part.empty(); ++at, part = part.subspan(1))
        if (part.front() != bytes[at]) return false;
    if (format_ == MessageFormat::sockperf)
        for (; at <= flags_at && !part.empty(); ++at, part = part.subspan(1))
            if (part.front() != (at == flags_at ? answer_wanted : std::byte{0})) return false;
    return part.empty() || std::memcmp(part.data(), &message_[at], part.size()) == 0;
}

std::uint64_t NumberedMessage::number_in(std::span<const std::byte> answer) const noexcept {
    Number bytes{};
    std::copy_n(answer.begin(), bytes.size(), bytes.begin());
    const auto number = std::bit_cast<std::uint64_t>(bytes);
    return format_ == MessageFormat::plain ? number : std::bit_cast<std::uint64_t>(in_network_order(number));
}

}  // namespace skerry::loadgen
