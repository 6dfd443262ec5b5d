#pragma once

// Bytes for the parsers, at the end of a heap block of exactly their size, so that AddressSanitizer sees a read of one
// byte more; and the walk over all truncations.

#include <skerry/stack/drop.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <random>
#include <span>
#include <string_view>
#include <vector>

namespace skerry::tests {

using Bytes = std::vector<std::byte>;

/// Bytes from hex digits; blanks are left out.
inline Bytes hex(std::string_view text) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    Bytes bytes;
    int high = -1;
    for (const char c : text) {
        if (c == ' ') continue;
        if (high < 0) {
            high = digit(c);
        } else {
            bytes.push_back(static_cast<std::byte>(high * 16 + digit(c)));
            high = -1;
        }
    }
    return bytes;
}

inline Bytes random_bytes(std::size_t count, std::uint32_t seed) {
    std::mt19937 random{seed};
    Bytes bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    return bytes;
}

/// A copy in a block of exactly that size, which ends where the bytes end.
class Exact {
public:
    explicit Exact(std::span<const std::byte> bytes)
        : block_(std::make_unique<std::byte[]>(bytes.size())), size_(bytes.size()) {
        std::copy(bytes.begin(), bytes.end(), block_.get());
    }
    [[nodiscard]] std::span<const std::byte> span() const noexcept { return {block_.get(), size_}; }

private:
    std::unique_ptr<std::byte[]> block_;
    std::size_t size_;
};

/// Parses a copy of exactly these bytes.
template <class Header, class... Arguments>
stack::Drop parse_exact(std::span<const std::byte> bytes, Header& header, Arguments... arguments) {
    const Exact exact{bytes};
    return parse(exact.span(), header, arguments...);
}

/// The number of truncations that `Header` is read from all the same; the parser sees each of 0 to size - 1 bytes.
template <class Header, class... Arguments>
std::size_t truncations_accepted(std::span<const std::byte> bytes, Arguments... arguments) {
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        Header header;
        if (parse_exact(bytes.first(size), header, arguments...) == stack::Drop::none) ++accepted;
    }
    return accepted;
}

/// `bytes` with the ones from `at` on replaced.
inline Bytes with(Bytes bytes, std::size_t at, std::initializer_list<int> values) {
    for (const int value : values) bytes[at++] = static_cast<std::byte>(value);
    return bytes;
}

}  // namespace skerry::tests
