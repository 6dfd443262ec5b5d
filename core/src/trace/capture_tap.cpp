#include <skerry/trace/capture_tap.hpp>

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace skerry::trace {

CaptureTap::CaptureTap(std::uint32_t number, std::string name, std::size_t ring_bytes, std::uint32_t snap_bytes,
                       std::int64_t epoch_ns)
    : number_(number), snap_bytes_(snap_bytes), epoch_ns_(epoch_ns), name_(std::move(name)), ring_(ring_bytes) {
    SKERRY_ASSERT(std::has_single_bit(ring_bytes), "a ring's length is a power of two");
}

void CaptureTap::put(std::uint64_t at, const void* from, std::size_t count) noexcept {
    const std::size_t begin = at & (ring_.size() - 1);
    const std::size_t first = std::min(count, ring_.size() - begin);
    std::memcpy(ring_.data() + begin, from, first);
    std::memcpy(ring_.data(), static_cast<const std::byte*>(from) + first, count - first);
}

bool CaptureTap::stage(std::span<const std::byte> frame, std::int64_t at_ns, Direction direction,
                       const Amended& amended) noexcept {
    const std::size_t captured = snap_bytes_ == 0 ? frame.size() : std::min<std::size_t>(frame.size(), snap_bytes_);
    const std::size_t block = sizeof(pcapng::PacketHead) + pcapng::padded(captured) + sizeof(pcapng::PacketTail);
    if (is_stopped_.load(std::memory_order_relaxed)) return false;
    if (staged_ + block - consumed_seen_ > ring_.size()) {
        consumed_seen_ = consumed_.load(std::memory_order_acquire);
        if (staged_ + block - consumed_seen_ > ring_.size()) return false;
    }
    const pcapng::PacketHead head = pcapng::packet_head(number_, at_ns + epoch_ns_, captured, frame.size(), block);
    const std::uint64_t data = staged_ + sizeof head;
    put(staged_, &head, sizeof head);
    put(data, frame.data(), captured);
    if (amended.at != 0 && amended.at + amended.bytes.size() <= captured)
        put(data + amended.at, amended.bytes.data(), amended.bytes.size());
    constexpr std::array<std::byte, 4> zeros{};
    put(data + captured, zeros.data(), pcapng::padded(captured) - captured);
    pcapng::PacketTail tail;
    tail.direction = direction;
    tail.block_bytes = head.block_bytes;
    put(data + pcapng::padded(captured), &tail, sizeof tail);
    staged_ += block;
    return true;
}

void CaptureTap::publish(std::uint64_t end, std::uint64_t passed, std::uint64_t missing) noexcept {
    staged_ = end;
    passed_.store(passed_.load(std::memory_order_relaxed) + passed, std::memory_order_relaxed);
    missing_.store(missing_.load(std::memory_order_relaxed) + missing, std::memory_order_relaxed);
    published_.store(end, std::memory_order_release);
}

CaptureTap::Pending CaptureTap::pending() const noexcept {
    return {consumed_.load(std::memory_order_relaxed), published_.load(std::memory_order_acquire)};
}

std::uint32_t CaptureTap::block_bytes(std::uint64_t at) const noexcept {
    // Blocks begin at multiples of 4, so this number does not go round the end.
    std::uint32_t length = 0;
    std::memcpy(&length, ring_.data() + ((at + sizeof length) & (ring_.size() - 1)), sizeof length);
    return length;
}

std::uint64_t CaptureTap::whole_blocks(const Pending& what, std::uint64_t bytes_max) const noexcept {
    std::uint64_t end = what.begin;
    while (end != what.end && end - what.begin + block_bytes(end) <= bytes_max) end += block_bytes(end);
    return end;
}

std::array<std::span<const std::byte>, 2> CaptureTap::bytes(const Pending& what) const noexcept {
    const std::size_t begin = what.begin & (ring_.size() - 1);
    const std::size_t count = what.end - what.begin;
    const std::size_t first = std::min(count, ring_.size() - begin);
    return {std::span(ring_).subspan(begin, first), std::span(ring_).first(count - first)};
}

void CaptureTap::consume(std::uint64_t end) noexcept { consumed_.store(end, std::memory_order_release); }

}  // namespace skerry::trace
