#include "echo.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace skerry::loadgen {

namespace {

using Number = std::array<std::byte, sizeof(std::uint64_t)>;

}  // namespace

std::span<const std::byte> Echo::requests(std::uint64_t first, std::size_t) noexcept {
    const auto bytes = std::bit_cast<Number>(first);
    std::copy_n(bytes.begin(), std::min(bytes.size(), payload_.size()), payload_.begin());
    return payload_;
}

Taken Echo::take(std::span<const std::byte>& data, std::uint64_t number) noexcept {
    const std::size_t count = std::min(data.size(), payload_.size() - partial_bytes_);
    is_damaged_ |= is_checked_ && !is_expected(data.first(count), number);
    partial_bytes_ += count;
    data = data.subspan(count);
    if (partial_bytes_ < payload_.size()) return Taken::more;
    partial_bytes_ = 0;
    return std::exchange(is_damaged_, false) ? Taken::damaged : Taken::answer;
}

// The payload behind the number is the same in every request.
bool Echo::is_expected(std::span<const std::byte> part, std::uint64_t number) const noexcept {
    const auto bytes = std::bit_cast<Number>(number);
    std::size_t at = partial_bytes_;
    for (; at < bytes.size() && !part.empty(); ++at) {
        if (part.front() != bytes[at]) return false;
        part = part.subspan(1);
    }
    return part.empty() || std::memcmp(part.data(), &payload_[at], part.size()) == 0;
}

}  // namespace skerry::loadgen
