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

bool destroy_ended(std::coroutine_handle<> frame, std::exception_ptr& thrown) noexcept {
    if (frame.done()) [[likely]]
        return destroy_contained(frame, thrown);
    return destroy_unfinished(frame, thrown);  // it ended in ok(), with its locals alive
}

void PromiseBase::unhandled_exception() noexcept {
    // The value bit stays: a local whose destructor throws after co_return leaves a value to be destroyed.
    const std::uintptr_t kept_bits = word_ & (root_bit | value_bit);
    auto* const caught = new (std::nothrow) ExceptionBox{word_, std::current_exception()};
    if (caught != nullptr)
        word_ = reinterpret_cast<std::uintptr_t>(caught) | exception_bit | kept_bits;
    else if ((word_ & root_bit) != 0)
        word_ = exception_bit | unkept_bit | kept_bits;
    else
        word_ |= exception_bit | unkept_bit;
}

std::exception_ptr PromiseBase::take_exception() noexcept {
    if (!has_thrown()) return nullptr;
    return has_box() ? std::move(box().exception) : std::make_exception_ptr(std::bad_alloc());
}

void PromiseBase::rethrow() const {
    if (has_box()) std::rethrow_exception(box().exception);
    throw std::bad_alloc();
}

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
