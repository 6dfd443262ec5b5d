#include <skerry/base/block_store.hpp>

#include <skerry/base/cache_line.hpp>
#include <skerry/base/compiler.hpp>

#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/limits.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace {

using skerry::BlockStore;

constexpr std::size_t block_bytes = 192;

std::vector<void*> take_many(BlockStore& store, std::size_t count) {
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < count; ++i) blocks.push_back(store.take());
    return blocks;
}

TEST_CASE("a BlockStore gives out each block once, at a cache line", "[base][block_store]") {
    BlockStore& store = *BlockStore::make(block_bytes);
    const std::vector<void*> blocks = take_many(store, 1'000);
    CHECK(std::set<void*>(blocks.begin(), blocks.end()).size() == blocks.size());
    for (void* const block : blocks) {
        CHECK(reinterpret_cast<std::uintptr_t>(block) % skerry::cache_line_bytes == 0);
        std::memset(block, 0xff, block_bytes);
    }
    CHECK(store.out() == blocks.size());
    for (void* const block : blocks) store.put(block);
    CHECK(store.out() == 0);
    store.leave();
}

TEST_CASE("a block that came home to a BlockStore is the next one out", "[base][block_store]") {
    BlockStore& store = *BlockStore::make(block_bytes);
    std::vector<void*> blocks = take_many(store, 10);
    void* const again = blocks[4];
    store.put(blocks[7]);
    store.put(again);
    CHECK(store.take() == again);
    CHECK(store.take() == blocks[7]);
    for (void* const block : blocks) store.put(block);
    store.leave();
}

TEST_CASE("a BlockStore whose owner left goes with its last block", "[base][block_store]") {
    const std::size_t before = skerry::aligned_bytes();
    BlockStore& store = *BlockStore::make(block_bytes);
    std::vector<void*> blocks = take_many(store, 10'000);  // some lie in a region
    const std::size_t mapped = skerry::aligned_bytes();
    REQUIRE(mapped > before);
    store.put(blocks.back());
    blocks.pop_back();
    store.leave();
    void* const last = blocks.back();
    blocks.pop_back();
    for (void* const block : blocks) store.put(block);
    CHECK(skerry::aligned_bytes() == mapped);
    std::memset(last, 1, block_bytes);
    store.put(last);
    CHECK(skerry::aligned_bytes() == before);
}

TEST_CASE("blocks of a BlockStore whose owner left come home from several threads at once", "[base][block_store]") {
    const std::size_t before = skerry::aligned_bytes();
    BlockStore& store = *BlockStore::make(block_bytes);
    const std::vector<void*> blocks = take_many(store, 10'000);
    store.leave();
    const auto put_half = [&](std::size_t first) {
        for (std::size_t i = first; i < blocks.size(); i += 2) {
            std::memset(blocks[i], 1, block_bytes);
            store.put(blocks[i]);
        }
    };
    std::thread other(put_half, 1);
    put_half(0);
    other.join();
    CHECK(skerry::aligned_bytes() == before);
}

TEST_CASE("a BlockStore finds a block that comes home too often", "[base][block_store]") {
    BlockStore& store = *BlockStore::make(block_bytes);
    void* const block = store.take();
    store.put(block);
    CHECK(skerry::tests::aborts([&] { store.put(block); }));
    store.leave();
    CHECK(skerry::tests::aborts([] { (void)BlockStore::make(block_bytes + 1); }));
}

#if !SKERRY_ASAN && !SKERRY_TSAN
TEST_CASE("a BlockStore without memory answers null, and goes on with what comes home", "[base][block_store][limits]") {
    BlockStore& store = *BlockStore::make(4096);
    std::vector<void*> blocks = take_many(store, 1'000);
    blocks.reserve(10'000);
    void* refused = blocks.front();
    void* again = nullptr;
    BlockStore* none_made = &store;
    {
        const skerry::tests::NoMemory none(16);
        while (refused != nullptr && blocks.size() < 10'000)
            if ((refused = store.take()) != nullptr) blocks.push_back(refused);
        none_made = BlockStore::make(block_bytes);
        store.put(blocks.back());
        again = store.take();
    }
    CHECK(refused == nullptr);
    CHECK(none_made == nullptr);
    CHECK(again == blocks.back());
    CHECK(store.out() == blocks.size());
    for (void* const block : blocks) store.put(block);
    store.leave();
}
#endif

}  // namespace
