#include <skerry/stack/steering/flow_owners.hpp>

#include <skerry/base/cache_line.hpp>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <memory>
#include <new>

namespace skerry::stack {

void FlowOwners::Free::operator()(std::uint64_t* words) const noexcept { std::free(words); }

FlowOwners::FlowOwners(std::size_t flows_max, const SipKey& key)
    : key_(key), mask_(std::bit_ceil(std::max(flows_max + flows_max / 2, bucket_words)) / bucket_words - 1) {
    // Zeros of the system: pages that nobody touches do not exist. A bucket is one cache line.
    const std::size_t bytes = (mask_ + 1) * cache_line_bytes;
    std::size_t space = bytes + cache_line_bytes;
    memory_.reset(static_cast<std::uint64_t*>(std::calloc(space, 1)));
    void* at = memory_.get();
    if (at == nullptr) throw std::bad_alloc();
    words_ = static_cast<std::uint64_t*>(std::align(cache_line_bytes, bytes, at, space));
}

FlowOwners::Place FlowOwners::place_of(const FlowKey& flow) const noexcept {
    const std::uint64_t hash = siphash_12(key_, flow.hosts, flow.ports);
    const std::size_t first = hash & mask_;
    const std::size_t second = (hash >> 40U) & mask_;
    return {words_ + first * bucket_words, words_ + second * bucket_words, hash & ~core_mask};
}

// A word says all that a reader wants to know, so none of the three needs an order.

bool FlowOwners::insert(const FlowKey& flow, std::uint16_t core) noexcept {
    const Place place = place_of(flow);
    const std::uint64_t wanted = place.print | (core + 1U);
    for (std::size_t i = 0; i < bucket_words; ++i)
        for (std::uint64_t* const bucket : {place.first, place.second}) {
            std::uint64_t empty = 0;
            std::atomic_ref word(bucket[i]);
            if (word.load(std::memory_order_relaxed) == 0 &&
                word.compare_exchange_strong(empty, wanted, std::memory_order_relaxed))
                return true;
        }
    return false;
}

void FlowOwners::erase(const FlowKey& flow, std::uint16_t core) noexcept {
    const Place place = place_of(flow);
    const std::uint64_t wanted = place.print | (core + 1U);
    for (std::uint64_t* const bucket : {place.first, place.second})
        for (std::size_t i = 0; i < bucket_words; ++i) {
            std::atomic_ref word(bucket[i]);
            if (word.load(std::memory_order_relaxed) == wanted) return word.store(0, std::memory_order_relaxed);
        }
}

std::uint16_t FlowOwners::find(const FlowKey& flow) const noexcept {
    const Place place = place_of(flow);
    for (std::uint64_t* const bucket : {place.first, place.second})
        for (std::size_t i = 0; i < bucket_words; ++i) {
            const std::uint64_t word = std::atomic_ref(bucket[i]).load(std::memory_order_relaxed);
            if (word != 0 && (word & ~core_mask) == place.print)
                return static_cast<std::uint16_t>((word & core_mask) - 1);
        }
    return nobody;
}

}  // namespace skerry::stack
