#include <skerry/base/io_buf.hpp>

#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/limits.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using skerry::BufferMemory;
using skerry::BufferOwner;
using skerry::IoBuf;
using skerry::tests::aborts;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text_of(const IoBuf& buffer) {
    return {reinterpret_cast<const char*>(buffer.bytes().data()), buffer.size()};
}

void fill(std::span<std::byte> bytes, char with) {
    std::fill(bytes.begin(), bytes.end(), static_cast<std::byte>(with));
}

/// A buffer of its own kind, as a backend makes one, which counts how often it came back.
struct TestOwner : BufferOwner {
    TestOwner() {
        release = [](BufferOwner* owner) noexcept { ++static_cast<TestOwner*>(owner)->released; };
        capacity = static_cast<std::uint32_t>(memory_bytes.size());
    }
    IoBuf buffer(std::uint32_t offset = 16, std::uint32_t length = 32) {
        handles = 1;
        return {*this, memory_bytes.data(), capacity, offset, length};
    }
    std::array<std::byte, 64> memory_bytes{};
    int released = 0;
};

}  // namespace

static_assert(sizeof(IoBuf) == 32);
static_assert(!std::is_copy_constructible_v<IoBuf> && !std::is_copy_assignable_v<IoBuf>);
static_assert(std::is_nothrow_move_constructible_v<IoBuf> && std::is_nothrow_move_assignable_v<IoBuf>);

TEST_CASE("a default IoBuf is false, empty and without room", "[base][io_buf]") {
    const IoBuf buffer;
    CHECK_FALSE(static_cast<bool>(buffer));
    CHECK(buffer.empty());
    CHECK(buffer.bytes().empty());
    CHECK(buffer.headroom() == 0);
    CHECK(buffer.tailroom() == 0);
    CHECK_FALSE(buffer.is_shared());
    CHECK(buffer.owner() == nullptr);
    CHECK_FALSE(static_cast<bool>(buffer.clone()));
    CHECK_FALSE(static_cast<bool>(buffer.share()));
}

TEST_CASE("an allocated IoBuf has the size and the headroom that were asked for", "[base][io_buf]") {
    IoBuf buffer = IoBuf::allocate(100, 20);
    REQUIRE(buffer);
    CHECK(buffer.size() == 100);
    CHECK(buffer.headroom() == 20);
    CHECK(buffer.tailroom() == 0);
    CHECK(IoBuf::allocate(1).headroom() == IoBuf::default_headroom);
    fill(buffer.writable(), 'x');
    CHECK(text_of(buffer) == std::string(100, 'x'));
    CHECK(reinterpret_cast<std::uintptr_t>(IoBuf::allocate(8).data()) % alignof(std::max_align_t) == 0);
}

TEST_CASE("a buffer of no bytes holds memory all the same", "[base][io_buf]") {
    IoBuf buffer = IoBuf::allocate(0, 8);
    CHECK(buffer);
    CHECK(buffer.empty());
    fill(buffer.prepend(8), 'h');
    CHECK(text_of(buffer) == "hhhhhhhh");
    CHECK(IoBuf::copy_of({}).empty());
}

TEST_CASE("trimming takes bytes off the front and the end", "[base][io_buf]") {
    IoBuf buffer = IoBuf::copy_of(bytes_of("headBODYtail"));
    buffer.trim_front(4);
    CHECK(text_of(buffer) == "BODYtail");
    buffer.trim_back(4);
    CHECK(text_of(buffer) == "BODY");
    CHECK(buffer.headroom() == IoBuf::default_headroom + 4);
    CHECK(buffer.tailroom() == 4);
    buffer.trim_front(4);
    CHECK(buffer.empty());
}

TEST_CASE("prepend and append give the new bytes and keep the old ones", "[base][io_buf]") {
    IoBuf buffer = IoBuf::copy_of(bytes_of("BODY--"));
    buffer.trim_back(2);
    const auto head = buffer.prepend(3);
    CHECK(head.data() == buffer.data());
    fill(head, 'h');
    const auto tail = buffer.append(2);
    CHECK(tail.size() == 2);
    fill(tail, 't');
    CHECK(text_of(buffer) == "hhhBODYtt");
    CHECK(buffer.tailroom() == 0);
}

TEST_CASE("set_size moves the end both ways within the memory", "[base][io_buf]") {
    IoBuf buffer = IoBuf::copy_of(bytes_of("0123456789"));
    buffer.set_size(3);
    CHECK(text_of(buffer) == "012");
    CHECK(buffer.tailroom() == 7);
    buffer.set_size(10);
    CHECK(text_of(buffer) == "0123456789");
    CHECK(buffer.tailroom() == 0);
}

TEST_CASE("going beyond a buffer's edges aborts", "[base][io_buf]") {
    IoBuf buffer = IoBuf::copy_of(bytes_of("0123456789"));
    CHECK_FALSE(aborts([&] { buffer.trim_front(10); }));
    CHECK(aborts([&] { buffer.trim_front(11); }));
    CHECK(aborts([&] { buffer.trim_back(11); }));
    CHECK(aborts([&] { static_cast<void>(buffer.prepend(IoBuf::default_headroom + 1)); }));
    CHECK(aborts([&] { static_cast<void>(buffer.append(1)); }));
    CHECK(aborts([&] { buffer.set_size(11); }));
    CHECK(aborts([&] { buffer.set_size(static_cast<std::size_t>(-1)); }));
    CHECK(aborts([] { static_cast<void>(IoBuf::allocate(IoBuf::capacity_max, 1)); }));
    CHECK(aborts([] { static_cast<void>(IoBuf().append(1)); }));
}

TEST_CASE("a moved-from IoBuf is empty and the memory stays where it was", "[base][io_buf]") {
    IoBuf from = IoBuf::copy_of(bytes_of("text"));
    const std::byte* const where = from.data();
    IoBuf to = std::move(from);
    CHECK(to.data() == where);
    CHECK_FALSE(static_cast<bool>(from));
    CHECK(from.empty());
    CHECK(from.headroom() == 0);
    CHECK(from.tailroom() == 0);

    IoBuf& same = to;
    to = std::move(same);
    CHECK(text_of(to) == "text");
}

TEST_CASE("the last handle sends the memory to its owner, once", "[base][io_buf]") {
    TestOwner owner;
    {
        IoBuf buffer = owner.buffer();
        IoBuf moved = std::move(buffer);
        CHECK(moved.owner() == &owner);
        CHECK(owner.released == 0);
    }
    CHECK(owner.released == 1);

    TestOwner other;
    IoBuf buffer = owner.buffer();
    buffer = other.buffer();
    CHECK(owner.released == 2);
    buffer.reset();
    CHECK(other.released == 1);
    CHECK_FALSE(static_cast<bool>(buffer));
}

TEST_CASE("a share reads the same bytes and keeps them", "[base][io_buf]") {
    TestOwner owner;
    IoBuf first = owner.buffer();
    fill(first.writable(), 's');
    IoBuf second = first.share();
    CHECK(second.data() == first.data());
    CHECK(first.is_shared());
    CHECK(second.is_shared());
    first.reset();
    CHECK(owner.released == 0);
    CHECK(text_of(second) == std::string(32, 's'));
    CHECK_FALSE(second.is_shared());
    second.reset();
    CHECK(owner.released == 1);
}

TEST_CASE("each share has its own window", "[base][io_buf]") {
    IoBuf first = IoBuf::copy_of(bytes_of("headBODY"));
    IoBuf second = first.share();
    first.trim_back(4);
    second.trim_front(4);
    CHECK(text_of(first) == "head");
    CHECK(text_of(second) == "BODY");
}

TEST_CASE("nobody writes while a buffer is shared", "[base][io_buf]") {
    IoBuf first = IoBuf::copy_of(bytes_of("head    "));
    first.trim_back(4);
    IoBuf second = first.share();
    CHECK(first.headroom() == 0);
    CHECK(first.tailroom() == 0);
    CHECK(aborts([&] { static_cast<void>(first.writable()); }));
    CHECK(aborts([&] { static_cast<void>(first.prepend(1)); }));
    CHECK(aborts([&] { static_cast<void>(first.append(1)); }));
    CHECK(aborts([&] { first.set_size(5); }));
    second.reset();
    CHECK(first.headroom() == IoBuf::default_headroom);
    CHECK(first.tailroom() == 4);
    CHECK_FALSE(aborts([&] { static_cast<void>(first.writable()); }));
}

TEST_CASE("a clone has the same bytes in memory of its own", "[base][io_buf]") {
    TestOwner owner;
    IoBuf original = owner.buffer();
    fill(original.writable(), 'o');
    IoBuf copy = original.clone();
    CHECK(copy.owner() != &owner);
    CHECK(copy.headroom() == IoBuf::default_headroom);
    fill(copy.writable(), 'c');
    CHECK(text_of(original) == std::string(32, 'o'));
    original.reset();
    CHECK(owner.released == 1);
    CHECK(text_of(copy) == std::string(32, 'c'));
}

TEST_CASE("device memory travels but is not copied by the CPU", "[base][io_buf]") {
    TestOwner owner;
    CHECK_FALSE(owner.buffer().is_device_memory());
    owner.memory = BufferMemory::device;
    const IoBuf buffer = owner.buffer();
    CHECK(buffer.is_device_memory());
    CHECK(buffer.share().is_device_memory());
    CHECK(aborts([&] { static_cast<void>(buffer.clone()); }));
}

// Sanitizers end the program where the heap refuses.
#if !SKERRY_ASAN && !SKERRY_TSAN
TEST_CASE("a heap that refuses gives no buffer, and no copy and no clone", "[base][io_buf]") {
    constexpr std::size_t large = 64U << 20U;
    const IoBuf buffer = IoBuf::allocate(large);
    REQUIRE(buffer);
    bool allocated = true;
    bool copied = true;
    bool cloned = true;
    {
        const skerry::tests::LittleMemory shortage(1U << 20U);
        allocated = static_cast<bool>(IoBuf::allocate(large));
        copied = static_cast<bool>(IoBuf::copy_of(buffer.bytes()));
        cloned = static_cast<bool>(buffer.clone());
    }
    CHECK_FALSE(allocated);
    CHECK_FALSE(copied);
    CHECK_FALSE(cloned);
    CHECK(IoBuf::allocate(large));
}
#endif
