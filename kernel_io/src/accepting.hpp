#pragma once

// What every driver here does when it cannot accept: which errors concern one connection, and how listeners wait for
// descriptors or memory.

#include <skerry/time/instant.hpp>

#include <chrono>
#include <utility>

namespace skerry::kernel_io {

/// Descriptors or memory ran out.
[[nodiscard]] bool is_shortage(int error) noexcept;

/// The connection died in the queue, or the network had an error for it: the next one may be sound.
[[nodiscard]] bool concerns_one_connection(int error) noexcept;

/// Connections in a row that may be unsound before accepting pauses. Each of them left the queue with its error; but a
/// filter that refuses the call itself gives the same EPERM, and then nothing leaves it.
inline constexpr unsigned unsound_max = 64;

/// The listeners of one core that found no descriptor. They try again when one of this core's is closed, and every
/// 10 ms, because other cores and libraries close some too.
///
/// `Listener` has `next_paused`, `is_paused` and resume(), which may pause it again.
template <class Listener>
class PausedListeners {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

    void pause(Listener& listener) noexcept {
        listener.is_paused = true;
        listener.next_paused = std::exchange(first_, &listener);
        next_try_ = time::Instant::now() + interval;
    }

    void forget(Listener& listener) noexcept {
        for (Listener** at = &first_; *at != nullptr; at = &(*at)->next_paused) {
            if (*at != &listener) continue;
            *at = listener.next_paused;
            return;
        }
    }

    void descriptor_closed() noexcept { is_due_ = first_ != nullptr; }

    /// Lets them accept again when it is time; true when one did.
    bool resume(time::Instant now) noexcept {
        if (first_ == nullptr || (!is_due_ && now < next_try_)) return false;
        is_due_ = false;
        Listener* listener = std::exchange(first_, nullptr);
        while (listener != nullptr) {
            Listener* const next = std::exchange(listener->next_paused, nullptr);
            listener->is_paused = false;
            listener->resume();
            listener = next;
        }
        return true;
    }

    /// When it is time next.
    [[nodiscard]] time::Instant due() const noexcept {
        if (first_ == nullptr) return time::Instant::max();
        return is_due_ ? time::Instant{} : next_try_;
    }

private:
    static constexpr auto interval = std::chrono::milliseconds{10};

    Listener* first_ = nullptr;
    bool is_due_ = false;
    time::Instant next_try_;
};

}  // namespace skerry::kernel_io
