#include <skerry/task/post_wait.hpp>

#include <skerry/time/spin.hpp>

namespace skerry::task {

bool PostWait::look(const skerry::atomic<TaskHeader*>& inbox, bool has_worked) noexcept {
    if (looks_left_ == not_begun) {
        looks_left_ = guess_.tries() ? looks_before_sleep : 0;
        if (looks_left_ == 0) return false;
    }
    if (has_worked) return true;
    // Relaxed: the drain, which takes what is there, is what acquires it.
    if (time::spin_until(look_interval, [&] { return inbox.load(std::memory_order_relaxed) != nullptr; })) {
        guess_.right();
        looks_left_ = looks_before_sleep;
        return true;
    }
    if (--looks_left_ != 0) return true;
    guess_.wrong();
    late_ = expected_;
    return false;
}

}  // namespace skerry::task
