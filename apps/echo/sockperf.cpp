#include "sockperf.hpp"

#include <algorithm>
#include <cstring>

namespace skerry::echo::sockperf {

namespace {

constexpr std::size_t flags_offset = 8;
constexpr std::size_t length_offset = 10;

std::uint32_t byte_at(std::span<const std::byte> bytes, std::size_t index) noexcept {
    return std::to_integer<std::uint32_t>(bytes[index]);
}

}  // namespace

Header read_header(std::span<const std::byte> bytes) noexcept {
    Header header;
    header.flags = static_cast<std::uint16_t>(byte_at(bytes, flags_offset) << 8U | byte_at(bytes, flags_offset + 1));
    for (std::size_t i = 0; i < 4; ++i) header.length = header.length << 8U | byte_at(bytes, length_offset + i);
    return header;
}

void mark_answer(std::span<std::byte> bytes) noexcept { bytes[flags_offset + 1] &= ~std::byte{Header::from_client}; }

Verdict answer_datagram(std::span<std::byte> datagram) noexcept {
    if (datagram.size() < header_bytes) return Verdict::garbage;
    const Header header = read_header(datagram);
    if (header.length != datagram.size()) return Verdict::garbage;
    if (!header.wants_answer()) return Verdict::no_answer;
    mark_answer(datagram);
    return Verdict::answer;
}

std::optional<std::size_t> StreamAnswerer::answer(std::span<std::byte> segment) noexcept {
    std::memcpy(segment.data(), carry_.data(), carried_bytes_);
    carried_bytes_ = 0;
    std::size_t at = 0;
    std::size_t kept = 0;
    // Moves the next `count` bytes to the answers, or over them.
    const auto pass = [&](std::size_t count) {
        if (answering_ && kept != at) std::memmove(&segment[kept], &segment[at], count);
        if (answering_) kept += count;
        at += count;
    };
    while (at < segment.size()) {
        if (payload_left_ == 0) {
            const std::span<std::byte> rest = segment.subspan(at);
            if (rest.size() < header_bytes) {
                std::memcpy(carry_.data(), rest.data(), rest.size());
                carried_bytes_ = static_cast<std::uint8_t>(rest.size());
                break;
            }
            const Header header = read_header(rest);
            if (header.length < header_bytes || header.length > message_bytes_max) return std::nullopt;
            answering_ = header.wants_answer();
            if (answering_) mark_answer(rest);
            payload_left_ = header.length - static_cast<std::uint32_t>(header_bytes);
            ++messages_;
            pass(header_bytes);
            continue;
        }
        const std::size_t count = std::min<std::size_t>(payload_left_, segment.size() - at);
        payload_left_ -= static_cast<std::uint32_t>(count);
        pass(count);
    }
    return kept;
}

}  // namespace skerry::echo::sockperf
