#pragma once

// An input that is read as a program.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace skerry::fuzz {

/// The input, byte by byte; zeros behind its end.
class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
    [[nodiscard]] bool is_empty() const { return bytes_.empty(); }
    std::uint8_t u8() {
        if (bytes_.empty()) return 0;
        const auto value = static_cast<std::uint8_t>(bytes_.front());
        bytes_ = bytes_.subspan(1);
        return value;
    }
    std::uint16_t u16() {
        const std::uint16_t high = u8();
        return static_cast<std::uint16_t>(high << 8U | u8());
    }
    std::span<const std::byte> bytes(std::size_t most) {
        const auto taken = bytes_.first(std::min(most, bytes_.size()));
        bytes_ = bytes_.subspan(taken.size());
        return taken;
    }

private:
    std::span<const std::byte> bytes_;
};

}  // namespace skerry::fuzz
