#pragma once

#include <deque>
#include <memory>
#include <new>
#include <utility>

namespace skerry::net::detail {

/// Puts what a cancelled operation gives back in front of what was given back before; `queue` is made when there is
/// none. False when there is no memory for it: then `value` is left as it was.
template <class T>
[[nodiscard]] bool put_in_front(std::deque<T>*& queue, T& value) noexcept try {
    if (queue != nullptr) {
        queue->push_front(std::move(value));
        return true;
    }
    auto fresh = std::make_unique<std::deque<T>>();
    fresh->push_front(std::move(value));
    queue = fresh.release();
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

}  // namespace skerry::net::detail
