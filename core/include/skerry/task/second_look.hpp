#pragma once

// A wait that may have to go on when its turn comes. A wake grants a claim and await_resume() cannot wait again, so
// an awaiter that gives way without having what it waits for is not resumed at once: the run loop calls it first.
//
// The loop only knows coroutine handles. Both compilers call through the first word of the frame that a handle
// points to, and SecondLook is such a frame with a function of ours in it, as BranchFrame (branch.hpp) is. It is no
// BranchFrame, because that writes its two words when it is made: here each lock of an open mutex would pay for them.

#include "scheduler.hpp"

#include <coroutine>

namespace skerry::task {

/// Base of an awaiter that can give way: a WaitNode with `bool look() noexcept`, which takes what the awaiter is for
/// and says true, or makes it wait somewhere and says false.
template <class Awaiter>
class SecondLook {
public:
    SecondLook() noexcept {}  // the fields are set when they are needed
    SecondLook(const SecondLook&) = delete;
    SecondLook& operator=(const SecondLook&) = delete;

protected:
    /// Queues the awaiter, which is bound and waits nowhere, behind everything that is ready. When its turn has come
    /// it looks, and only then its coroutine goes on.
    void give_way() noexcept {
        WaitNode& node = static_cast<Awaiter&>(*this);
        resume_ = &take_turn;
        coroutine_ = node.continuation;
        node.continuation = std::coroutine_handle<>::from_address(this);
        current_scheduler->enqueue(node);
    }

private:
    static void take_turn(SecondLook* self) noexcept {
        auto& awaiter = static_cast<Awaiter&>(*self);
        const std::coroutine_handle<> coroutine = self->coroutine_;
        static_cast<WaitNode&>(awaiter).continuation = coroutine;
        if (awaiter.look()) coroutine.resume();
    }

    void (*resume_)(SecondLook*) noexcept;  // the first word: what resuming the handle calls
    std::coroutine_handle<> coroutine_;
};

}  // namespace skerry::task
