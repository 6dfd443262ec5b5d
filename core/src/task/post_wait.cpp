#include <skerry/task/post_wait.hpp>

#include <skerry/base/compiler.hpp>
#include <skerry/time/clock.hpp>

namespace skerry::task {

bool PostWait::look(const skerry::atomic<TaskHeader*>& inbox, bool has_worked) noexcept {
    if (looks_left_ == not_begun) {
        looks_left_ = guess_.tries() ? looks_before_sleep : 0;
        if (looks_left_ == 0) return false;
    }
    if (has_worked) return true;
    const std::uint64_t start = time::Clock::cycles();
    const std::uint64_t interval = time::Clock::cycles_from(look_interval);
    do {
        // Relaxed: the drain, which takes what is there, is what acquires it.
        if (inbox.load(std::memory_order_relaxed) != nullptr) {
            guess_.right();
            looks_left_ = looks_before_sleep;
            return true;
        }
        cpu_relax();
    } while (time::Clock::cycles() - start < interval);
    if (--looks_left_ != 0) return true;
    guess_.wrong();
    late_ = expected_;
    return false;
}

}  // namespace skerry::task
