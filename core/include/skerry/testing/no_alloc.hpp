#pragma once

#include <cstddef>
#include <cstdint>

namespace skerry::testing {

/// Counts the heap allocations of this thread while it lives:
///
///     NoAlloc guard;
///     ... the steady state ...
///     CHECK(guard.allocations() == 0);
///
/// It sees malloc and its family, and through them operator new. For programs that link
/// skerry::testing_no_alloc, which puts counters in front of the C library's allocator, or asks the
/// sanitizer's to call them; nothing else of skerry does.
///
/// Threads: counts the one it was made on. Guards nest: each counts from its own beginning.
class NoAlloc {
public:
    NoAlloc() noexcept;
    NoAlloc(const NoAlloc&) = delete;
    NoAlloc& operator=(const NoAlloc&) = delete;
    ~NoAlloc() = default;

    /// Allocations since this guard was made.
    [[nodiscard]] std::uint64_t allocations() const noexcept;
    /// The bytes they asked for.
    [[nodiscard]] std::uint64_t bytes() const noexcept;

private:
    std::uint64_t allocations_before_;
    std::uint64_t bytes_before_;
};

}  // namespace skerry::testing
