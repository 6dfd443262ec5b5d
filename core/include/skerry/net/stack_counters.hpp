#pragma once

// What a core's own TCP/IP stack has dropped, by reason: for metrics, and for whoever looks for the reason of a
// silence.

#include "../stack/drop.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skerry::net {

/// How many packets, or messages, were dropped for each reason. A copy, of one moment.
///
/// The names are those of stack/drop.hpp, which says what each means: "tcp_checksum", "udp_no_port". Each begins with
/// the layer that dropped. A name stays what it means; releases add some.
class StackCounters {
public:
    struct Counter {
        std::string_view name;  ///< for good
        std::uint64_t count = 0;
    };

    StackCounters() noexcept = default;
    explicit StackCounters(const stack::DropCounters& drops) noexcept;

    [[nodiscard]] static constexpr std::size_t size() noexcept { return stack::drop_reasons - 1; }
    /// Shape: index < size().
    [[nodiscard]] Counter operator[](std::size_t index) const noexcept;
    /// The count of that name; 0 when there is none such.
    [[nodiscard]] std::uint64_t count_of(std::string_view name) const noexcept;
    /// Of all reasons.
    [[nodiscard]] std::uint64_t total() const noexcept;

    StackCounters& operator+=(const StackCounters& other) noexcept;

private:
    std::array<std::uint64_t, stack::drop_reasons - 1> counts_{};
};

/// Those of the calling core, of all its ports, since its start; all 0 where the kernel has the stack, or nobody. For
/// those of all cores: `on_each_core` with a task that returns them.
///
/// Threads: a core of a runtime.
/// Cost:    a copy of about a kilobyte, no allocation.
[[nodiscard]] StackCounters stack_counters() noexcept;

}  // namespace skerry::net
