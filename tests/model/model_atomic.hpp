#pragma once

// skerry::atomic under the model checker: std::atomic's interface for integers, pointers, bool and enums,
// with every operation a place where the explorer may switch to another thread.
//
// Same size, alignment and triviality as std::atomic, so that layouts and their static_asserts hold; what
// the explorer knows about an atomic it keeps beside it, by address. Outside a model, and in statics before
// main, the operations are plain ones. Values follow sequential consistency whatever memory_order says; the
// orders count for the happens-before relation by which races on plain data are found (README.md).
// Not there: wait and notify, floating point, more than eight bytes, atomic_ref, atomic_thread_fence.

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

namespace skerry::model::detail {

enum class Kind : std::uint8_t {
    load,
    store,
    exchange,
    compare_exchange_weak,
    compare_exchange_strong,
    fetch_add,
    fetch_and,
    fetch_or,
    fetch_xor,
};

struct Operation {
    Kind kind;
    std::uint8_t bytes;
    std::memory_order order;
    std::memory_order failure_order = std::memory_order_relaxed;
    std::uint64_t operand = 0;
    std::uint64_t expected = 0;
    std::source_location where;
};

struct Outcome {
    std::uint64_t old_value;
    bool stored;
};

/// Does `operation` on the `bytes` bytes at `address`, perhaps after other threads have run. Its return
/// address is what tells one loop from another, so the callers are inlined and this is not.
[[gnu::noinline]] Outcome perform(void* address, const Operation& operation) noexcept;

/// An atomic begins its life at `address`.
void constructed(const void* address) noexcept;

}  // namespace skerry::model::detail

namespace skerry {

#define SKERRY_MODEL_INLINE [[gnu::always_inline]]

template <class T>
class atomic {
    static_assert(std::is_integral_v<T> || std::is_pointer_v<T> || std::is_enum_v<T>);
    static_assert(sizeof(T) <= sizeof(std::uint64_t));

    using Kind = model::detail::Kind;
    using Place = std::source_location;

    template <class U>
    struct Difference {
        using type = U;
    };
    template <class U>
    struct Difference<U*> {
        using type = std::ptrdiff_t;
    };

public:
    using value_type = T;
    using difference_type = typename Difference<T>::type;

    static constexpr bool is_always_lock_free = true;

    constexpr atomic() noexcept : atomic(T{}) {}
    constexpr atomic(T value) noexcept : value_(value) {
        if (!std::is_constant_evaluated()) model::detail::constructed(&value_);
    }
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;
    atomic& operator=(const atomic&) volatile = delete;

    [[nodiscard]] bool is_lock_free() const noexcept { return true; }

    SKERRY_MODEL_INLINE T load(std::memory_order order = std::memory_order_seq_cst,
                               Place where = Place::current()) const noexcept {
        return from_bits(run({Kind::load, sizeof(T), order, {}, 0, 0, where}).old_value);
    }

    SKERRY_MODEL_INLINE void store(T value, std::memory_order order = std::memory_order_seq_cst,
                                   Place where = Place::current()) noexcept {
        run({Kind::store, sizeof(T), order, {}, to_bits(value), 0, where});
    }

    SKERRY_MODEL_INLINE T exchange(T value, std::memory_order order = std::memory_order_seq_cst,
                                   Place where = Place::current()) noexcept {
        return modify(Kind::exchange, to_bits(value), order, where);
    }

    SKERRY_MODEL_INLINE bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                                                   std::memory_order failure, Place where = Place::current()) noexcept {
        return compare_exchange(Kind::compare_exchange_weak, expected, desired, success, failure, where);
    }

    SKERRY_MODEL_INLINE bool compare_exchange_weak(T& expected, T desired,
                                                   std::memory_order order = std::memory_order_seq_cst,
                                                   Place where = Place::current()) noexcept {
        return compare_exchange(Kind::compare_exchange_weak, expected, desired, order, without_release(order), where);
    }

    SKERRY_MODEL_INLINE bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                                     std::memory_order failure,
                                                     Place where = Place::current()) noexcept {
        return compare_exchange(Kind::compare_exchange_strong, expected, desired, success, failure, where);
    }

    SKERRY_MODEL_INLINE bool compare_exchange_strong(T& expected, T desired,
                                                     std::memory_order order = std::memory_order_seq_cst,
                                                     Place where = Place::current()) noexcept {
        return compare_exchange(Kind::compare_exchange_strong, expected, desired, order, without_release(order), where);
    }

    SKERRY_MODEL_INLINE T fetch_add(difference_type delta, std::memory_order order = std::memory_order_seq_cst,
                                    Place where = Place::current()) noexcept
        requires(!std::is_same_v<T, bool> && !std::is_enum_v<T>)
    {
        return modify(Kind::fetch_add, scaled(delta), order, where);
    }

    SKERRY_MODEL_INLINE T fetch_sub(difference_type delta, std::memory_order order = std::memory_order_seq_cst,
                                    Place where = Place::current()) noexcept
        requires(!std::is_same_v<T, bool> && !std::is_enum_v<T>)
    {
        return modify(Kind::fetch_add, 0 - scaled(delta), order, where);
    }

    SKERRY_MODEL_INLINE T fetch_and(T bits, std::memory_order order = std::memory_order_seq_cst,
                                    Place where = Place::current()) noexcept
        requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
    {
        return modify(Kind::fetch_and, to_bits(bits), order, where);
    }

    SKERRY_MODEL_INLINE T fetch_or(T bits, std::memory_order order = std::memory_order_seq_cst,
                                   Place where = Place::current()) noexcept
        requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
    {
        return modify(Kind::fetch_or, to_bits(bits), order, where);
    }

    SKERRY_MODEL_INLINE T fetch_xor(T bits, std::memory_order order = std::memory_order_seq_cst,
                                    Place where = Place::current()) noexcept
        requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
    {
        return modify(Kind::fetch_xor, to_bits(bits), order, where);
    }

    // An operator cannot take the caller's place, so a trace shows this header's line for these.
    SKERRY_MODEL_INLINE operator T() const noexcept { return load(); }
    SKERRY_MODEL_INLINE T operator=(T value) noexcept {
        store(value);
        return value;
    }
    SKERRY_MODEL_INLINE T operator+=(difference_type delta) noexcept {
        return static_cast<T>(fetch_add(delta) + delta);
    }
    SKERRY_MODEL_INLINE T operator-=(difference_type delta) noexcept {
        return static_cast<T>(fetch_sub(delta) - delta);
    }
    SKERRY_MODEL_INLINE T operator++() noexcept { return static_cast<T>(fetch_add(1) + 1); }
    SKERRY_MODEL_INLINE T operator--() noexcept { return static_cast<T>(fetch_sub(1) - 1); }
    SKERRY_MODEL_INLINE T operator++(int) noexcept { return fetch_add(1); }
    SKERRY_MODEL_INLINE T operator--(int) noexcept { return fetch_sub(1); }
    SKERRY_MODEL_INLINE T operator&=(T bits) noexcept { return static_cast<T>(fetch_and(bits) & bits); }
    SKERRY_MODEL_INLINE T operator|=(T bits) noexcept { return static_cast<T>(fetch_or(bits) | bits); }
    SKERRY_MODEL_INLINE T operator^=(T bits) noexcept { return static_cast<T>(fetch_xor(bits) ^ bits); }

private:
    static std::uint64_t to_bits(T value) noexcept {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &value, sizeof(T));
        return bits;
    }
    static T from_bits(std::uint64_t bits) noexcept {
        T value{};
        std::memcpy(&value, &bits, sizeof(T));
        return value;
    }
    static std::uint64_t scaled(difference_type delta) noexcept {
        if constexpr (std::is_pointer_v<T>) {
            return static_cast<std::uint64_t>(delta) * sizeof(std::remove_pointer_t<T>);
        } else {
            return static_cast<std::uint64_t>(delta);
        }
    }
    static constexpr std::memory_order without_release(std::memory_order order) noexcept {
        if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
        if (order == std::memory_order_release) return std::memory_order_relaxed;
        return order;
    }

    SKERRY_MODEL_INLINE model::detail::Outcome run(const model::detail::Operation& operation) const noexcept {
        return model::detail::perform(&value_, operation);
    }
    SKERRY_MODEL_INLINE T modify(Kind kind, std::uint64_t operand, std::memory_order order, Place where) noexcept {
        return from_bits(run({kind, sizeof(T), order, {}, operand, 0, where}).old_value);
    }
    SKERRY_MODEL_INLINE bool compare_exchange(Kind kind, T& expected, T desired, std::memory_order success,
                                              std::memory_order failure, Place where) noexcept {
        const auto outcome = run({kind, sizeof(T), success, failure, to_bits(desired), to_bits(expected), where});
        if (!outcome.stored) expected = from_bits(outcome.old_value);
        return outcome.stored;
    }

    alignas(sizeof(T)) mutable T value_;
};

#undef SKERRY_MODEL_INLINE

static_assert(sizeof(atomic<std::uint64_t>) == sizeof(std::atomic<std::uint64_t>));
static_assert(alignof(atomic<std::uint64_t>) == alignof(std::atomic<std::uint64_t>));
static_assert(std::is_trivially_destructible_v<atomic<void*>>);

}  // namespace skerry
