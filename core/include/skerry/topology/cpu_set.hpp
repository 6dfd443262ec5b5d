#pragma once

// A set of CPUs by their Linux number, and the questions a runtime asks before it places its threads: which
// CPUs exist, which may this thread use, which does its cgroup leave.
//
// Our own bit set instead of glibc's cpu_set_t: that one has no value semantics beyond its macros, and its
// name stands for two sizes (static and CPU_ALLOC).

#include "../base/result.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::topology {

/// Why a text is not a list of CPUs, in one line.
struct CpuListError {
    std::string message;
};

/// A set of CPU numbers below `max_cpus`. A value: 128 bytes, copied freely, never allocates.
class CpuSet {
public:
    static constexpr unsigned max_cpus = 1024;

    class Iterator;

    constexpr CpuSet() noexcept = default;

    /// Reads the kernel's list format: `0,2-4`, blanks and a newline at the ends allowed. A CPU that is named
    /// twice is in the set once.
    ///
    /// Errors: an empty text, anything that is not a number or a range, a range that runs backwards, a number
    ///         of `max_cpus` or more. The message quotes the part that is wrong.
    static Result<CpuSet, CpuListError> parse(std::string_view text);

    /// The CPUs first, first + 1, ... up to but without `end`.
    static constexpr CpuSet range(unsigned first, unsigned end) {
        CpuSet set;
        for (unsigned cpu = first; cpu < end; ++cpu) set.insert(cpu);
        return set;
    }

    constexpr void insert(unsigned cpu) {
        SKERRY_ASSERT(cpu < max_cpus, "a CPU number is below 1024");
        words_[cpu / word_bits] |= bit(cpu);
    }
    constexpr void erase(unsigned cpu) noexcept {
        if (cpu < max_cpus) words_[cpu / word_bits] &= ~bit(cpu);
    }

    [[nodiscard]] constexpr bool contains(unsigned cpu) const noexcept {
        return cpu < max_cpus && (words_[cpu / word_bits] & bit(cpu)) != 0;
    }
    [[nodiscard]] constexpr unsigned count() const noexcept {
        unsigned sum = 0;
        for (const std::uint64_t word : words_) sum += static_cast<unsigned>(std::popcount(word));
        return sum;
    }
    [[nodiscard]] constexpr bool empty() const noexcept { return next(0) == max_cpus; }

    [[nodiscard]] constexpr CpuSet intersect(const CpuSet& other) const noexcept {
        CpuSet result;
        for (std::size_t i = 0; i < words_.size(); ++i) result.words_[i] = words_[i] & other.words_[i];
        return result;
    }
    /// The CPUs of this set that `other` has not.
    [[nodiscard]] constexpr CpuSet minus(const CpuSet& other) const noexcept {
        CpuSet result;
        for (std::size_t i = 0; i < words_.size(); ++i) result.words_[i] = words_[i] & ~other.words_[i];
        return result;
    }
    /// The `count` CPUs with the lowest numbers, or all when there are fewer.
    [[nodiscard]] constexpr CpuSet lowest(unsigned count) const noexcept {
        CpuSet result;
        for (unsigned cpu = next(0); cpu < max_cpus && count > 0; cpu = next(cpu + 1), --count)
            result.words_[cpu / word_bits] |= bit(cpu);
        return result;
    }

    /// `0,2-4`; an empty set is an empty text. parse() reads it back.
    [[nodiscard]] std::string to_string() const;

    /// The CPU numbers, lowest first.
    [[nodiscard]] constexpr Iterator begin() const noexcept;
    [[nodiscard]] constexpr Iterator end() const noexcept;

    friend constexpr bool operator==(const CpuSet&, const CpuSet&) noexcept = default;

private:
    static constexpr unsigned word_bits = 64;

    static constexpr std::uint64_t bit(unsigned cpu) noexcept { return std::uint64_t{1} << (cpu % word_bits); }

    // The lowest member that is `from` or more; max_cpus when there is none.
    [[nodiscard]] constexpr unsigned next(unsigned from) const noexcept {
        while (from < max_cpus) {
            const std::uint64_t rest = words_[from / word_bits] >> (from % word_bits);
            if (rest != 0) return from + static_cast<unsigned>(std::countr_zero(rest));
            from = (from / word_bits + 1) * word_bits;
        }
        return max_cpus;
    }

    std::array<std::uint64_t, max_cpus / word_bits> words_{};
};

/// Walks a CpuSet upwards.
///
/// Lifetime: the set outlives the iterator.
class CpuSet::Iterator {
public:
    using value_type = unsigned;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;
    using reference = unsigned;
    using pointer = const unsigned*;

    constexpr Iterator() noexcept = default;
    constexpr Iterator(const CpuSet& set, unsigned cpu) noexcept : set_(&set), cpu_(cpu) {}

    constexpr unsigned operator*() const noexcept { return cpu_; }
    constexpr Iterator& operator++() noexcept {
        cpu_ = set_->next(cpu_ + 1);
        return *this;
    }
    constexpr Iterator operator++(int) noexcept {
        Iterator old = *this;
        ++*this;
        return old;
    }
    friend constexpr bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.cpu_ == b.cpu_; }

private:
    const CpuSet* set_ = nullptr;
    unsigned cpu_ = max_cpus;
};

constexpr CpuSet::Iterator CpuSet::begin() const noexcept { return {*this, next(0)}; }
constexpr CpuSet::Iterator CpuSet::end() const noexcept { return {*this, max_cpus}; }

/// The CPUs the scheduler may put the calling thread on. CPUs numbered 1024 and above are left out.
///
/// Errors: what sched_getaffinity reports, which no ordinary process meets.
/// Cost:   one system call.
Result<CpuSet> current_affinity();

/// The CPUs that are running, from /sys/devices/system/cpu/online below `sysroot`.
///
/// Errors: not_found, when the file is missing; invalid_argument, when it is no list.
Result<CpuSet> online_cpus(const std::filesystem::path& sysroot = "/");

/// The affinity as `sysroot` tells it: current_affinity() for "/", else the Cpus_allowed_list of the recorded
/// proc/self/status, or the online CPUs of a tree that has none.
///
/// Errors: as current_affinity() and online_cpus().
Result<CpuSet> affinity(const std::filesystem::path& sysroot = "/");

/// What the cpuset controller leaves to this process's cgroup, versions 1 and 2; the nearest ancestor speaks
/// for a group that has no cpuset of its own. Nothing when no controller is there or its file is unreadable:
/// the kernel enforces a cpuset through the affinity anyway.
std::optional<CpuSet> cgroup_cpus(const std::filesystem::path& sysroot = "/");

/// The CPUs this process may use: affinity() ∩ cgroup_cpus(). Two sets without a common CPU mean that the
/// group that was read is not the one that binds (a container sees the host's paths): then the affinity stands.
///
/// Errors:  as affinity().
/// Threads: ask before threads are pinned; a pinned thread sees its own CPU only.
Result<CpuSet> available_cpus(const std::filesystem::path& sysroot = "/");

/// Binds the calling thread to one CPU.
///
/// Errors: invalid_argument, when that CPU does not exist, is off or is not allowed to this process;
///         permission_denied, when a filter forbids the call.
Result<> pin_current_thread(unsigned cpu);

}  // namespace skerry::topology
