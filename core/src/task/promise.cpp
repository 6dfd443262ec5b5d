#include <skerry/task/promise.hpp>

#include <new>

namespace skerry {

namespace task {

bool destroy_contained(std::coroutine_handle<> frame, std::exception_ptr& thrown) noexcept {
    try {
        frame.destroy();
        return true;
    } catch (...) {
        thrown = std::current_exception();
        return false;
    }
}

bool destroy_unfinished(std::coroutine_handle<> frame, std::exception_ptr& thrown) noexcept {
    auto& promise = std::coroutine_handle<PromiseBase>::from_address(frame.address()).promise();
    promise.abandon();
    Scheduler* const scheduler = current_scheduler;
    const bool clean = destroy_contained(frame, thrown);
    if (scheduler == nullptr || !scheduler->take_finish()) return clean;
    thrown = promise.take_exception();
    std::exception_ptr second;
    (void)destroy_contained(frame, second);
    return false;
}

namespace {

// Apart, so that its variables do not lie on the stack once for each await of a chain.
SKERRY_COLD void destroy_ended_meanwhile(std::coroutine_handle<> frame) noexcept {
    std::exception_ptr lost;
    (void)destroy_contained(frame, lost);
}

}  // namespace

void destroy_abandoned(std::coroutine_handle<> frame) noexcept {
    std::coroutine_handle<PromiseBase>::from_address(frame.address()).promise().abandon();
    try {
        frame.destroy();
    } catch (...) {  // lost
    }
    if (Scheduler* const scheduler = current_scheduler; scheduler != nullptr && scheduler->take_finish()) [[unlikely]]
        destroy_ended_meanwhile(frame);
}

bool destroy_ended(std::coroutine_handle<> frame, std::exception_ptr& thrown) noexcept {
    if (frame.done()) [[likely]]
        return destroy_contained(frame, thrown);
    return destroy_unfinished(frame, thrown);  // it ended in ok(), with its locals alive
}

namespace {

// One for all, and made while there is memory: the reserve that exceptions are made of without it is soon used up.
const std::exception_ptr out_of_memory = std::make_exception_ptr(std::bad_alloc());

}  // namespace

void PromiseBase::unhandled_exception() noexcept {
    // The value bit stays: a local whose destructor throws after co_return leaves a value to be destroyed.
    auto* const caught = new (std::nothrow) ExceptionBox{word_, std::current_exception()};
    if (caught != nullptr)
        word_ = reinterpret_cast<std::uintptr_t>(caught) | exception_bit | (word_ & (root_bit | value_bit));
    else
        word_ |= exception_bit | unkept_bit;
}

std::exception_ptr PromiseBase::take_exception() noexcept {
    if (!has_thrown()) return nullptr;
    return has_box() ? std::move(box().exception) : out_of_memory;
}

Unexpected<JoinError> PromiseBase::take_join_error() noexcept { return Unexpected(JoinError(take_exception())); }

std::uintptr_t PromiseBase::displaced_by_exception() const noexcept {
    return has_box() ? box().displaced : word_ & ~(exception_bit | unkept_bit);
}

void PromiseBase::rethrow() const { std::rethrow_exception(has_box() ? box().exception : out_of_memory); }

void PromiseBase::drop_box() noexcept {
    if (has_box()) delete &box();
}

}  // namespace task

std::string JoinError::message() const {
    if (is_cancelled()) return "cancelled";
    try {
        std::rethrow_exception(exception_);
    } catch (const std::exception& thrown) {
        return thrown.what();
    } catch (...) {
        return "an exception of unknown type";
    }
}

}  // namespace skerry
