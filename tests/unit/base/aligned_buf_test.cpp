#include <skerry/base/aligned_buf.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace {

using skerry::IoBuf;

TEST_CASE("aligned memory begins where it was asked to, and is whole", "[base][aligned_buf]") {
    for (const std::size_t alignment : {1U, 64U, 512U, 4096U, 65'536U}) {
        for (const std::size_t size : {0U, 1U, 512U, 4096U, 100'000U}) {
            IoBuf buffer = skerry::allocate_aligned(size, alignment);
            REQUIRE(buffer);
            CHECK(buffer.size() == size);
            CHECK(buffer.headroom() == 0);
            CHECK(buffer.tailroom() == 0);
            CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % alignment == 0);
            std::ranges::fill(buffer.writable(), std::byte{1});  // AddressSanitizer looks on
        }
    }
}

}  // namespace
