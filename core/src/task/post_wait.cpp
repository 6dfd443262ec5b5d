#include <skerry/task/post_wait.hpp>

#include <skerry/time/spin.hpp>

#include <utility>

namespace skerry::task {

bool PostWait::look(const skerry::atomic<TaskHeader*>& inbox, bool has_worked) noexcept {
    if (looks_left_ == not_begun) {
        looks_left_ = guess_.tries() ? looks_before_sleep : 0;
        looks_ = 0;
        if (looks_left_ == 0) return false;
    }
    if (has_worked) return true;
    // Relaxed: the drain, which takes what is there, is what acquires it. It may be something else that was posted.
    if (!time::spin_until(look_interval, [&] { return inbox.load(std::memory_order_relaxed) != nullptr; }))
        --looks_left_;
    if (++looks_ < looks_before_sleep_max && looks_left_ != 0) return true;
    give_up();
    return false;
}

void PostWait::give_up() noexcept {
    guess_.wrong();
    late_ += std::exchange(fresh_, 0);
    looks_left_ = 0;
    ++waits_;
}

}  // namespace skerry::task
