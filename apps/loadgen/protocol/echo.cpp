#include "echo.hpp"

#include <algorithm>

namespace skerry::loadgen {

Taken Echo::take(std::span<const std::byte>& data, std::uint64_t number) noexcept {
    const std::size_t count = std::min(data.size(), message_.size() - partial_bytes_);
    is_damaged_ |= is_checked_ && !message_.is_answer(data.first(count), partial_bytes_, number);
    partial_bytes_ += count;
    data = data.subspan(count);
    if (partial_bytes_ < message_.size()) return Taken::more;
    partial_bytes_ = 0;
    return std::exchange(is_damaged_, false) ? Taken::damaged : Taken::answer;
}

}  // namespace skerry::loadgen
