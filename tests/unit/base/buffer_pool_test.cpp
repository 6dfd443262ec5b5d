#include <skerry/base/buffer_pool.hpp>

#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/limits.hpp"

#include <algorithm>
#include <atomic>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace {

using skerry::BufferPool;
using skerry::BufferPoolOptions;
using skerry::IoBuf;

BufferPoolOptions pool_of(std::uint32_t buffers, std::uint32_t payload = 2'048) {
    BufferPoolOptions options;
    options.buffers_max = buffers;
    options.payload_bytes = payload;
    return options;
}

void fill(IoBuf& buffer, std::byte with) {
    const auto bytes = buffer.writable();
    std::fill(bytes.begin(), bytes.end(), with);
}

/// Runs `work` on a thread that is not the pool's.
template <class Work>
void elsewhere(Work work) {
    std::thread(std::move(work)).join();
}

/// How many of the addresses lie in the fullest of the 64 sets of an L1 cache.
std::size_t fullest_set(const std::vector<const void*>& addresses) {
    std::array<std::size_t, 64> sets{};
    for (const void* address : addresses) ++sets[reinterpret_cast<std::uintptr_t>(address) / 64 % 64];
    return *std::max_element(sets.begin(), sets.end());
}

}  // namespace

TEST_CASE("a fresh buffer has the pool's payload, headroom and home", "[base][buffer_pool]") {
    BufferPoolOptions options;
    options.home = 3;
    BufferPool pool(options);
    IoBuf buffer = pool.allocate();
    REQUIRE(buffer);
    CHECK(pool.payload_bytes() == 65'536);
    CHECK(buffer.size() == 65'536);
    CHECK(buffer.headroom() == 128);
    CHECK(buffer.tailroom() == 0);
    CHECK(buffer.owner()->home == 3);
    CHECK(buffer.owner()->capacity == 65'536 + 128);
    fill(buffer, std::byte{1});
    static_cast<void>(buffer.prepend(128));
    fill(buffer, std::byte{2});  // every byte is the buffer's own: AddressSanitizer looks on
}

TEST_CASE("the next buffer is the one that came back last, whole again", "[base][buffer_pool]") {
    BufferPool pool(pool_of(4));
    IoBuf first = pool.allocate();
    IoBuf second = pool.allocate();
    const std::byte* const where_first = first.data();
    const std::byte* const where_second = second.data();
    first.trim_front(100);
    first.trim_back(100);
    second.reset();
    first.reset();

    const IoBuf third = pool.allocate();
    CHECK(third.data() == where_first);
    CHECK(third.size() == 2'048);
    CHECK(third.headroom() == 128);
    CHECK(pool.allocate().data() == where_second);
}

TEST_CASE("payloads begin where the options say, behind their headroom", "[base][buffer_pool]") {
    for (const std::uint32_t headroom : {0U, 64U, 4'096U}) {
        for (const std::uint32_t payload : {512U, 4'096U, 65'536U}) {
            BufferPoolOptions options = pool_of(8, payload);
            options.headroom_bytes = headroom;
            options.alignment_bytes = 4'096;
            BufferPool pool(options);
            std::vector<IoBuf> held;
            for (int i = 0; i < 8; ++i) {
                held.push_back(pool.allocate());
                REQUIRE(held.back());
                CHECK(reinterpret_cast<std::uintptr_t>(held.back().data()) % 4'096 == 0);
                static_cast<void>(held.back().prepend(headroom));
                fill(held.back(), std::byte{1});
            }
        }
    }
}

TEST_CASE("the limit gives no buffer and counts a miss", "[base][buffer_pool]") {
    BufferPool pool(pool_of(2));
    IoBuf first = pool.allocate();
    const IoBuf second = pool.allocate();
    CHECK_FALSE(static_cast<bool>(pool.allocate()));
    CHECK_FALSE(static_cast<bool>(pool.allocate()));
    CHECK(pool.stats().misses == 2);
    first.reset();
    CHECK(static_cast<bool>(pool.allocate()));
    CHECK(pool.stats().misses == 2);
}

// Sanitizers end the program where the heap refuses.
#if !SKERRY_ASAN && !SKERRY_TSAN
TEST_CASE("a heap that refuses gives no buffer and counts a miss", "[base][buffer_pool]") {
    BufferPool pool(pool_of(2, 64U << 20U));
    bool allocated = true;
    {
        const skerry::tests::LittleMemory shortage(1U << 20U);
        allocated = static_cast<bool>(pool.allocate());
    }
    CHECK_FALSE(allocated);
    CHECK(pool.stats().misses == 1);
    CHECK(pool.allocate());
}
#endif

TEST_CASE("live counts what is out and high_water what ever was", "[base][buffer_pool]") {
    BufferPool pool(pool_of(8));
    CHECK(pool.stats().live == 0);
    CHECK(pool.stats().high_water == 0);
    {
        const IoBuf first = pool.allocate();
        const IoBuf second = pool.allocate();
        const IoBuf third = pool.allocate();
        CHECK(pool.stats().live == 3);
    }
    const IoBuf again = pool.allocate();
    CHECK(pool.stats().live == 1);
    CHECK(pool.stats().high_water == 3);
}

TEST_CASE("a shared buffer comes back when both handles are gone", "[base][buffer_pool]") {
    BufferPool pool(pool_of(1));
    IoBuf first = pool.allocate();
    IoBuf second = first.share();
    first.reset();
    CHECK_FALSE(static_cast<bool>(pool.allocate()));
    second.reset();
    IoBuf next = pool.allocate();
    CHECK(next);
    CHECK_FALSE(next.is_shared());
}

TEST_CASE("64 large buffers put their first lines into different cache sets", "[base][buffer_pool]") {
    const std::uint32_t payload = GENERATE(64U * 1024U, 64U * 1024U - 192U, 1024U * 1024U);
    BufferPool pool(pool_of(64, payload));
    std::vector<IoBuf> buffers;
    std::vector<const void*> payloads;
    std::vector<const void*> owners;
    for (int i = 0; i < 64; ++i) {
        buffers.push_back(pool.allocate());
        payloads.push_back(buffers.back().data());
        owners.push_back(buffers.back().owner());
    }
    CHECK(fullest_set(payloads) == 2);
    CHECK(fullest_set(owners) == 2);
}

TEST_CASE("payloads start on a cache line, whatever the size", "[base][buffer_pool]") {
    for (const std::uint32_t payload : {1U, 100U, 2'048U, 16'383U, 20'001U}) {
        BufferPool pool(pool_of(8, payload));
        std::vector<IoBuf> buffers;
        for (int i = 0; i < 8; ++i) {
            buffers.push_back(pool.allocate());
            CHECK(reinterpret_cast<std::uintptr_t>(buffers.back().data()) % 64 == 0);
            fill(buffers.back(), std::byte{1});
        }
    }
}

TEST_CASE("a buffer dropped on another thread comes home when the list is empty", "[base][buffer_pool]") {
    BufferPool pool(pool_of(2));
    IoBuf first = pool.allocate();
    IoBuf second = pool.allocate();
    const std::byte* const where = first.data();
    elsewhere([buffer = std::move(first)]() mutable {
        fill(buffer, std::byte{7});
        buffer.reset();
    });
    CHECK(pool.stats().live == 2);  // on the return stack
    const IoBuf third = pool.allocate();
    CHECK(third.data() == where);
    CHECK(third.bytes()[0] == std::byte{7});
    CHECK(pool.stats().high_water == 2);
}

TEST_CASE("returned buffers are used before new ones are made", "[base][buffer_pool]") {
    BufferPool pool(pool_of(100));
    for (int round = 0; round < 50; ++round) {
        elsewhere([a = pool.allocate(), b = pool.allocate()] {});
    }
    CHECK(pool.stats().high_water == 2);
    CHECK(pool.stats().misses == 0);
}

TEST_CASE("many threads return buffers while the owner allocates", "[base][buffer_pool]") {
    constexpr std::size_t slots = 16;
    constexpr int rounds = 20'000;
    BufferPool pool(pool_of(8, 64));
    // Mailboxes of one buffer each: the owner fills the empty ones, two other threads empty the full ones.
    struct Mailbox {
        std::atomic<bool> full{false};
        IoBuf buffer;
    };
    std::array<Mailbox, slots> mailboxes;
    std::atomic<bool> done{false};
    const auto drop_half = [&](std::size_t half) {
        while (!done.load(std::memory_order_acquire)) {
            for (std::size_t i = half; i < slots; i += 2) {
                if (!mailboxes[i].full.load(std::memory_order_acquire)) continue;
                mailboxes[i].buffer.reset();
                mailboxes[i].full.store(false, std::memory_order_release);
            }
            std::this_thread::yield();
        }
    };
    std::thread even(drop_half, 0);
    std::thread odd(drop_half, 1);

    std::uint64_t given = 0;
    bool all_were_distinct = true;
    for (int round = 0; round < rounds; ++round) {
        Mailbox& mailbox = mailboxes[static_cast<std::size_t>(round) % slots];
        IoBuf buffer = pool.allocate();
        if (!buffer) {
            std::this_thread::yield();
            continue;
        }
        // Whoever has a buffer is the only one: what is written is still there.
        fill(buffer, static_cast<std::byte>(round));
        all_were_distinct = all_were_distinct && buffer.bytes().back() == static_cast<std::byte>(round);
        if (mailbox.full.load(std::memory_order_acquire)) continue;  // dropped here, by the owner
        mailbox.buffer = std::move(buffer);
        mailbox.full.store(true, std::memory_order_release);
        ++given;
    }
    done.store(true, std::memory_order_release);
    even.join();
    odd.join();
    for (auto& mailbox : mailboxes) mailbox.buffer.reset();

    CHECK(all_were_distinct);
    CHECK(given > 0);
    CHECK(pool.stats().high_water <= 8);
    // What waits on the return stack is found again: the whole pool can be had at once.
    std::vector<IoBuf> all;
    for (int i = 0; i < 8; ++i) all.push_back(pool.allocate());
    CHECK(std::all_of(all.begin(), all.end(), [](const IoBuf& buffer) { return static_cast<bool>(buffer); }));
}

TEST_CASE("buffers outlive their pool", "[base][buffer_pool]") {
    IoBuf survivor;
    IoBuf other;
    {
        BufferPool pool(pool_of(4));
        survivor = pool.allocate();
        other = pool.allocate();
        IoBuf returned = pool.allocate();
        const IoBuf idle = pool.allocate();
        elsewhere([buffer = std::move(returned)] {});
    }
    fill(survivor, std::byte{5});
    CHECK(survivor.bytes().back() == std::byte{5});
    survivor.reset();
    elsewhere([buffer = std::move(other)] {});  // the last one; LeakSanitizer looks on
}

TEST_CASE("a pool may go away while other threads drop its buffers", "[base][buffer_pool]") {
    for (int round = 0; round < 300; ++round) {
        auto pool = std::make_unique<BufferPool>(pool_of(8, 64));
        std::vector<IoBuf> first_half;
        std::vector<IoBuf> second_half;
        for (int i = 0; i < 4; ++i) {
            first_half.push_back(pool->allocate());
            second_half.push_back(pool->allocate());
        }
        std::thread first([&first_half] { first_half.clear(); });
        std::thread second([&second_half] { second_half.clear(); });
        pool.reset();
        first.join();
        second.join();
    }
    SUCCEED("nothing was freed twice, nothing was left: the sanitizers look on");
}

TEST_CASE("the thread that adopts a pool is its owner", "[base][buffer_pool]") {
    BufferPool pool(pool_of(1));
    elsewhere([&pool] {
        pool.adopt();
        pool.allocate().reset();
        if (!pool.allocate()) std::abort();
    });
    CHECK(pool.stats().live == 0);
    pool.adopt();
    CHECK(static_cast<bool>(pool.allocate()));
}

TEST_CASE("a later thread is not taken for an owner that has ended", "[base][buffer_pool]") {
    BufferPool pool(pool_of(1));
    IoBuf buffer;
    elsewhere([&] {
        pool.adopt();
        buffer = pool.allocate();
    });
    elsewhere([&] { buffer.reset(); });  // gets the other one's stack and thread-local memory
    CHECK(pool.stats().live == 1);       // on the return stack
    pool.adopt();
    CHECK(static_cast<bool>(pool.allocate()));
}

TEST_CASE("a pool of impossible buffers aborts", "[base][buffer_pool]") {
    CHECK(skerry::tests::aborts([] { BufferPool pool(pool_of(1, 0)); }));
    CHECK(skerry::tests::aborts([] { BufferPool pool(pool_of(1, 0xffff'ffff)); }));
}

#if !defined(NDEBUG)
TEST_CASE("a foreign thread that allocates aborts in debug builds", "[base][buffer_pool]") {
    BufferPool pool(pool_of(1));
    CHECK(skerry::tests::aborts([&] { elsewhere([&] { static_cast<void>(pool.allocate()); }); }));
}
#endif
