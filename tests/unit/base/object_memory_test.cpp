#include <skerry/base/object_memory.hpp>

#include <skerry/base/cache_line.hpp>
#include <skerry/base/compiler.hpp>

#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/limits.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using skerry::ObjectMemory;

// What is cut before the first region: the heap's blocks, each twice as long as the one before.
constexpr std::size_t from_heap = 2 * ObjectMemory::heap_block_bytes_max - ObjectMemory::first_block_bytes;

/// Cuts pieces until that many bytes are out.
std::vector<std::byte*> cut_many(ObjectMemory& memory, std::size_t piece, std::size_t bytes) {
    std::vector<std::byte*> pieces;
    for (std::size_t cut = 0; cut < bytes; cut += piece) pieces.push_back(memory.cut(piece));
    return pieces;
}

TEST_CASE("each piece of an ObjectMemory begins at a cache line and shares none", "[base][object_memory]") {
    const std::size_t before = skerry::aligned_bytes();
    ObjectMemory memory;
    std::vector<std::byte*> pieces;
    for (std::size_t i = 0; i < 20'000; ++i) {  // heap and regions
        pieces.push_back(memory.cut(1 + i % 300));
        REQUIRE(pieces.back() != nullptr);
        REQUIRE(reinterpret_cast<std::uintptr_t>(pieces.back()) % skerry::cache_line_bytes == 0);
        std::memset(pieces.back(), static_cast<int>(i % 251), 1 + i % 300);
    }
    REQUIRE(skerry::aligned_bytes() > before);
    for (std::size_t i = 0; i < pieces.size(); ++i)
        REQUIRE(std::all_of(pieces[i], pieces[i] + 1 + i % 300,
                            [&](std::byte each) { return each == std::byte(i % 251); }));
}

TEST_CASE("an ObjectMemory with a few objects asks for a few kilobytes", "[base][object_memory][limits]") {
    const std::size_t before = skerry::aligned_bytes();
    ObjectMemory memory;
    CHECK(memory.bytes() == 0);
    (void)cut_many(memory, 192, 2'000);
    CHECK(memory.bytes() <= ObjectMemory::first_block_bytes + skerry::cache_line_bytes);
    (void)cut_many(memory, 192, 98'000);
    CHECK(memory.bytes() <= 3 * 100'000);
    CHECK(skerry::aligned_bytes() == before);
}

TEST_CASE("an ObjectMemory with many objects takes regions of 2 MiB, and gives them back", "[base][object_memory]") {
    const std::size_t before = skerry::aligned_bytes();
    {
        ObjectMemory memory;
        constexpr std::size_t cut = 5'000'000;
        const std::vector<std::byte*> pieces = cut_many(memory, 448, cut);
        const std::size_t mapped = skerry::aligned_bytes() - before;
        CHECK(mapped >= cut - from_heap - skerry::huge_page_bytes);
        CHECK(mapped % skerry::huge_page_bytes == 0);
        CHECK(memory.bytes() <= cut + from_heap + skerry::huge_page_bytes);
        // A region is one huge page: the piece in front of a region's last one lies in the same.
        CHECK(reinterpret_cast<std::uintptr_t>(pieces.back()) / skerry::huge_page_bytes ==
              reinterpret_cast<std::uintptr_t>(pieces[pieces.size() - 2]) / skerry::huge_page_bytes);
    }
    CHECK(skerry::aligned_bytes() == before);
}

TEST_CASE("the longest piece of an ObjectMemory can be cut at any time", "[base][object_memory][limits]") {
    ObjectMemory memory;
    for (int i = 0; i < 40; ++i) {
        std::byte* const piece = memory.cut(ObjectMemory::piece_bytes_max);
        REQUIRE(piece != nullptr);
        std::memset(piece, i, ObjectMemory::piece_bytes_max);
    }
    CHECK(skerry::tests::aborts([&] { (void)memory.cut(ObjectMemory::piece_bytes_max + 1); }));
    CHECK(skerry::tests::aborts([&] { (void)memory.cut(0); }));
}

#if !SKERRY_ASAN && !SKERRY_TSAN
TEST_CASE("an ObjectMemory without memory answers null, and keeps what it has", "[base][object_memory][limits]") {
    ObjectMemory memory;
    std::vector<std::byte*> pieces = cut_many(memory, 4096, 3'000'000);  // in regions
    pieces.reserve(10'000);
    std::byte* refused = pieces.front();
    {
        const skerry::tests::NoMemory none;
        while (refused != nullptr && pieces.size() < 10'000)
            if ((refused = memory.cut(4096)) != nullptr) pieces.push_back(refused);
    }
    CHECK(refused == nullptr);
    for (std::byte* const piece : pieces) std::memset(piece, 1, 4096);
    CHECK(memory.cut(4096) != nullptr);
}

TEST_CASE("where nothing can be mapped an ObjectMemory goes on with the heap", "[base][object_memory][limits]") {
    ObjectMemory memory;
    (void)cut_many(memory, 4096, 1'500'000);  // in the first region
    std::array<void*, 8> spare{};  // each below what malloc() maps by itself, all together room for a block
    for (void*& each : spare) each = std::malloc(ObjectMemory::heap_block_bytes_max / 4);
    void* const behind = std::malloc(64);  // or what is freed went back
    const std::size_t mapped = skerry::aligned_bytes();
    const std::size_t bytes = memory.bytes();
    {
        const skerry::tests::LowerLimit none(RLIMIT_AS, 1);
        for (void* const each : spare) std::free(each);
        for (std::size_t cut = 0; cut < 1'000 && memory.cut(4096) != nullptr;) ++cut;
    }
    CHECK(memory.bytes() > bytes);
    CHECK(skerry::aligned_bytes() == mapped);
    std::free(behind);
}
#endif

}  // namespace
