#pragma once

// Whether a core that would sleep waits awake for a post that may come sooner than a sleep and a wake would be over.
// Of a call on another thread that takes one microsecond those are all but one: on a virtual machine of two CPUs,
// where a wake of a CPU that sleeps takes 15 us, 39 us went by between such a call and its answer, and 17 with the
// core awake. As long as that proves right every other time; after wrong guesses in a row before each 33rd such sleep.

#include "header.hpp"

#include "../base/atomic.hpp"
#include "../base/guess.hpp"

#include <chrono>
#include <cstdint>

namespace skerry::task {

class PostWait {
public:
    /// Another thread was asked for something whose end it will post. Gives the wait that is made for it, to name when
    /// the end has come.
    [[nodiscard]] std::uint32_t expect() noexcept {
        ++fresh_;
        looks_left_ = has_begun() ? looks_before_sleep : not_begun;
        return waits_;
    }
    /// That has come, or nobody waits for it any more. The core goes on to wait for what was asked for since it last
    /// waited in vain.
    void expect_no_more(std::uint32_t wait) noexcept {
        if (wait != waits_) {
            --late_;
            return;
        }
        --fresh_;
        if (has_begun()) begin_anew();
        if (fresh_ == 0) looks_left_ = 0;
    }
    [[nodiscard]] bool expects_any() const noexcept { return fresh_ != 0 || late_ != 0; }

    /// Whether the core is to make another turn before it sleeps. Takes up to look_interval to say so, less when
    /// something is in the inbox; none when the turn before has worked: what its tasks asked the driver for may go in
    /// with the next.
    [[nodiscard]] bool lingers(const skerry::atomic<TaskHeader*>& inbox, bool has_worked) noexcept {
        return looks_left_ != 0 && look(inbox, has_worked);
    }

    /// How often a core looks at its driver meanwhile.
    static constexpr auto look_interval = std::chrono::microseconds{5};
    static constexpr std::uint32_t looks_before_sleep = 10;
    /// Also when more is asked for meanwhile, or something else is posted.
    static constexpr std::uint32_t looks_before_sleep_max = 2 * looks_before_sleep;

private:
    static constexpr std::uint32_t not_begun = looks_before_sleep + 1;

    [[nodiscard]] bool has_begun() const noexcept { return looks_left_ != 0 && looks_left_ != not_begun; }
    void begin_anew() noexcept {
        guess_.right();
        looks_left_ = looks_before_sleep;
        looks_ = 0;
    }
    bool look(const skerry::atomic<TaskHeader*>& inbox, bool has_worked) noexcept;
    void give_up() noexcept;

    std::uint32_t fresh_ = 0;  // expected, and not yet waited for in vain
    std::uint32_t late_ = 0;  // the others
    std::uint32_t looks_left_ = 0;
    std::uint32_t looks_ = 0;  // since something expected has come
    std::uint32_t waits_ = 0;  // that were in vain
    Guess guess_;
};

/// While it lives a post is expected; `wait` is null where that is in vain.
///
/// Threads: the core's.
class ExpectedPost {
public:
    explicit ExpectedPost(PostWait* wait) noexcept : post_wait_(wait), wait_(wait != nullptr ? wait->expect() : 0) {}
    ~ExpectedPost() {
        if (post_wait_ != nullptr) post_wait_->expect_no_more(wait_);
    }
    ExpectedPost(const ExpectedPost&) = delete;
    ExpectedPost& operator=(const ExpectedPost&) = delete;

private:
    PostWait* post_wait_;
    std::uint32_t wait_;
};

}  // namespace skerry::task
