#include <skerry/stack/steering/group_members.hpp>

#include <mutex>
#include <new>

namespace skerry::stack {

bool GroupMembers::join(std::uint64_t group, std::uint16_t core) noexcept try {
    const std::lock_guard guard(lock_);
    groups_[group] |= core_bit(core);
    publish();
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

bool GroupMembers::leave(std::uint64_t group, std::uint16_t core) noexcept {
    const std::lock_guard guard(lock_);
    const auto found = groups_.find(group);
    if (found == groups_.end()) return true;
    found->second &= ~core_bit(core);
    const bool is_empty = found->second == 0;
    if (is_empty) groups_.erase(found);
    publish();
    return is_empty;
}

// All words each time, which only a socket that joins or leaves pays for. Each goes from its old value to the new one.
void GroupMembers::publish() noexcept {
    std::array<CoreSet, slots> words{};
    CoreSet any = 0;
    for (const auto& [group, cores] : groups_) {
        words[slot(group)] |= cores;
        any |= cores;
    }
    for (std::size_t i = 0; i < slots; ++i)
        if (words_[i].load(std::memory_order_relaxed) != words[i]) words_[i].store(words[i], std::memory_order_relaxed);
    any_.store(any, std::memory_order_relaxed);
}

}  // namespace skerry::stack
