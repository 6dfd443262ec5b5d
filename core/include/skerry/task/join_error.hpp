#pragma once

#include <exception>
#include <string>
#include <utility>

namespace skerry {

/// Why a task gave no value: it was aborted, or it threw.
///
/// Cost: eight bytes.
class [[nodiscard]] JoinError {
public:
    /// The task was aborted.
    JoinError() noexcept = default;
    /// The task, or a destructor in it, threw.
    explicit JoinError(std::exception_ptr exception) noexcept : exception_(std::move(exception)) {}

    [[nodiscard]] bool is_cancelled() const noexcept { return exception_ == nullptr; }
    [[nodiscard]] bool is_exception() const noexcept { return exception_ != nullptr; }
    [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

    /// Throws what the task threw. Only when is_exception().
    [[noreturn]] void rethrow() const { std::rethrow_exception(exception_); }

    /// One line for a log: "cancelled", or what() of the exception.
    [[nodiscard]] std::string message() const;

private:
    std::exception_ptr exception_;
};

}  // namespace skerry
