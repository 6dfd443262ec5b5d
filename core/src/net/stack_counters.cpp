#include <skerry/net/stack_counters.hpp>

#include <skerry/backend/socket_ops.hpp>
#include <skerry/base/assert.hpp>
#include <skerry/stack/ports/ports_sockets.hpp>
#include <skerry/stack/sockets.hpp>

#include <numeric>

namespace skerry::net {

namespace {

// Reasons from 1 on: 0 is none.
constexpr stack::Drop reason(std::size_t index) noexcept { return static_cast<stack::Drop>(index + 1); }

}  // namespace

StackCounters::StackCounters(const stack::DropCounters& drops) noexcept {
    for (std::size_t i = 0; i < size(); ++i) counts_[i] = drops[reason(i)];
}

StackCounters::Counter StackCounters::operator[](std::size_t index) const noexcept {
    SKERRY_ASSERT(index < size(), "a counter that there is not");
    return {stack::to_string(reason(index)), counts_[index]};
}

std::uint64_t StackCounters::count_of(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < size(); ++i)
        if (stack::to_string(reason(i)) == name) return counts_[i];
    return 0;
}

std::uint64_t StackCounters::total() const noexcept {
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

StackCounters& StackCounters::operator+=(const StackCounters& other) noexcept {
    for (std::size_t i = 0; i < size(); ++i) counts_[i] += other.counts_[i];
    return *this;
}

// Asked once in a while: so what offers sockets has no entry for it, which those of the kernel could not answer.
StackCounters stack_counters() noexcept {
    if (const auto* const sockets = dynamic_cast<const stack::Sockets*>(backend::current_sockets))
        return StackCounters(sockets->drops());
    StackCounters sum;
    if (const auto* const ports = dynamic_cast<const stack::PortsSockets*>(backend::current_sockets))
        for (std::size_t at = 0; at < ports->count(); ++at) sum += StackCounters(ports->port(at).drops());
    return sum;
}

}  // namespace skerry::net
