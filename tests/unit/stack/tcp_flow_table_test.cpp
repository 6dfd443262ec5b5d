// The table of connections, the hash that feeds it, and the slab behind its numbers.

#include "support/catch.hpp"

#include <skerry/base/huge_pages.hpp>
#include <skerry/stack/tcp/flow_table.hpp>
#include <skerry/stack/siphash.hpp>
#include <skerry/stack/tcp/slab.hpp>
#include <skerry/stack/tcp/tuple.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string_view>

namespace skerry {
namespace {

using stack::tcp::FlowTable;
using stack::tcp::Secrets;
using stack::tcp::Slab;
using stack::tcp::SlabHandle;
using stack::tcp::Tuple;
using stack::wire::Ipv4Addr;

// The values are those of another implementation: CPython 3.11 hashes bytes with SipHash-1-3, and
// PYTHONHASHSEED=0 makes its key zero.
TEST_CASE("SipHash-1-3 gives the values that others give", "[stack][tcp]") {
    const std::string_view text = "0123456789ab";
    std::uint64_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, text.data(), 8);
    std::memcpy(&high, text.data() + 8, 4);
    CHECK(stack::siphash_12({}, low, high) == 0x58ad1e5ac2bf1033U);
    CHECK(stack::siphash_12({}, 0, 0) == 0x21ce683a865794dfU);
    CHECK(stack::siphash_12({1, 0}, 0, 0) != stack::siphash_12({0, 1}, 0, 0));
}

TEST_CASE("what is derived from a tuple differs with the seed, the use and each of its parts", "[stack][tcp]") {
    const Tuple tuple{Ipv4Addr::of(198, 18, 0, 2), Ipv4Addr::of(198, 18, 0, 1), 7000, 5000};
    const Secrets secrets(1);
    const auto now = time::Instant::from_nanos(1'000'000'000);
    std::set<std::uint32_t> seen{static_cast<std::uint32_t>(secrets.hash(tuple)), secrets.isn(tuple, now),
                                 secrets.timestamp_offset(tuple), Secrets(2).isn(tuple, now)};
    for (int part = 0; part < 4; ++part) {
        Tuple other = tuple;
        if (part == 0) other.local.bits ^= 1;
        if (part == 1) other.remote.bits ^= 1;
        if (part == 2) other.local_port ^= 1;
        if (part == 3) other.remote_port ^= 1;
        seen.insert(secrets.isn(other, now));
    }
    CHECK(seen.size() == 8);
}

TEST_CASE("the first sequence numbers of one tuple rise by 250,000 a second", "[stack][tcp]") {
    const Secrets secrets(1);
    const Tuple tuple{Ipv4Addr::of(198, 18, 0, 2), Ipv4Addr::of(198, 18, 0, 1), 7000, 5000};
    const auto now = time::Instant::from_nanos(1'000'000'000);
    CHECK(secrets.isn(tuple, now + std::chrono::seconds{1}) - secrets.isn(tuple, now) == 250'000);
}

TEST_CASE("a number is found under its hash, and not after it was taken out", "[stack][tcp]") {
    FlowTable table;
    const auto any = [](std::uint32_t) { return true; };
    CHECK(table.find(7, any) == FlowTable::none);
    REQUIRE(table.insert(7, 70));
    CHECK(table.find(7, any) == 70);
    table.replace(7, 70, 71);
    CHECK(table.find(7, any) == 71);
    table.erase(7, 71);
    CHECK(table.find(7, any) == FlowTable::none);
    CHECK(table.size() == 0);
}

TEST_CASE("numbers whose tags are equal are told apart by their owner", "[stack][tcp]") {
    FlowTable table;
    for (std::uint32_t i = 0; i < 40; ++i) REQUIRE(table.insert(0xabcd'0000'0000'0005U, i));
    for (std::uint32_t i = 0; i < 40; ++i)
        CHECK(table.find(0x1234'0000'0000'0005U, [i](std::uint32_t number) { return number == i; }) == i);
    table.erase(5, 20);
    CHECK(table.find(5, [](std::uint32_t number) { return number == 20; }) == FlowTable::none);
    for (std::uint32_t i : {0U, 19U, 21U, 39U})
        CHECK(table.find(5, [i](std::uint32_t number) { return number == i; }) == i);
}

TEST_CASE("a table that grows finds everything at each moment and never moves it all at once", "[stack][tcp]") {
    FlowTable table;
    std::size_t grew = 0;
    for (std::uint32_t i = 0; i < 20'000; ++i) {
        const bool was_growing = table.is_growing();
        const std::size_t capacity = table.capacity();
        REQUIRE(table.insert(std::uint64_t{i} * 0x9e3779b97f4a7c15U >> 7U, i));
        if (table.capacity() != capacity) {
            CHECK_FALSE(was_growing);  // it had brought the last ones over long before
            ++grew;
        }
        const std::uint32_t other = i / 2;
        REQUIRE(table.find(std::uint64_t{other} * 0x9e3779b97f4a7c15U >> 7U,
                           [other](std::uint32_t number) { return number == other; }) == other);
    }
    CHECK(grew >= 8);
    CHECK(table.size() == 20'000);
    CHECK(table.size() * 4 <= table.capacity() * 3);
}

TEST_CASE("a table of many asks for pages of 2 MiB, and gives them back", "[stack][tcp]") {
    const std::size_t before = aligned_bytes();
    {
        FlowTable table;
        const auto hash = [](std::uint32_t number) { return std::uint64_t{number} * 0x9e3779b97f4a7c15U >> 7U; };
        for (std::uint32_t i = 0; i < 500'000; ++i) REQUIRE(table.insert(hash(i), i));
        CHECK(aligned_bytes() - before >= table.capacity() * 8);
        for (std::uint32_t i = 0; i < 500'000; i += 97)
            REQUIRE(table.find(hash(i), [i](std::uint32_t number) { return number == i; }) == i);
        for (std::uint32_t i = 0; i < 500'000; ++i) table.erase(hash(i), i);
        CHECK(table.size() == 0);
    }
    CHECK(aligned_bytes() == before);
}

TEST_CASE("a table does what a map does, with few tags", "[stack][tcp]") {
    std::mt19937_64 random(3);
    FlowTable table;
    std::map<std::uint32_t, std::uint64_t> model;  // number to hash
    for (int step = 0; step < 60'000; ++step) {
        const auto number = static_cast<std::uint32_t>(random() % 3000);
        if (model.contains(number)) {
            table.erase(model[number], number);
            model.erase(number);
        } else {
            const std::uint64_t hash = random() % 97 * 13;  // many share a tag, and the tags lie close
            REQUIRE(table.insert(hash, number));
            model[number] = hash;
        }
        REQUIRE(table.size() == model.size());
        const auto asked = static_cast<std::uint32_t>(random() % 3000);
        const auto it = model.find(asked);
        const std::uint64_t hash = it != model.end() ? it->second : random() % 97 * 13;
        const std::uint32_t found = table.find(hash, [asked](std::uint32_t each) { return each == asked; });
        REQUIRE(found == (it != model.end() ? asked : FlowTable::none));
    }
}

struct Thing {
    std::uint32_t index = 0;
    std::uint64_t value = 0;
};

TEST_CASE("a slab's objects stay where they are, and an old handle finds nothing", "[stack][tcp]") {
    Slab<Thing> slab;
    std::vector<Thing*> all;
    for (std::uint64_t i = 0; i < 300; ++i) {
        all.push_back(slab.make());
        REQUIRE(all.back() != nullptr);
        all.back()->value = i;
    }
    for (std::uint64_t i = 0; i < 300; ++i) {
        CHECK(&slab[all[i]->index] == all[i]);
        CHECK(all[i]->value == i);
    }
    const SlabHandle old = slab.handle(*all[5]);
    CHECK(slab.find(old) == all[5]);
    slab.free(*all[5]);
    CHECK(slab.find(old) == nullptr);
    Thing* const next = slab.make();
    CHECK(next == all[5]);  // the place is used again
    CHECK(slab.find(old) == nullptr);
    CHECK(slab.find(SlabHandle{100'000, 0}) == nullptr);
    CHECK(slab.size() == 300);
    for (Thing* thing : all) slab.free(*thing);
    CHECK(slab.size() == 0);
}

}  // namespace
}  // namespace skerry
