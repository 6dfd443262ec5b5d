#pragma once

// Result<T, E>: a value or an error, with the interface of std::expected, usable in C++20. Why not
// std::expected: g++ 12.2 has it only in C++23 mode, it is not [[nodiscard]] as a type, and a Result whose
// error is eight bytes costs half of one that carries a std::error_code per awaited child.
//
// A Result of trivial types is trivially copyable, so that Result<std::size_t> is returned in two registers.

#include "assert.hpp"
#include "error.hpp"

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>
#include <version>
#if defined(__cpp_lib_expected)
#include <expected>
#endif

namespace skerry {

/// Wraps an error on its way into a Result: `return Unexpected(Errc::closed);`
template <class E = Error>
class Unexpected {
public:
    constexpr explicit Unexpected(E error) noexcept(std::is_nothrow_move_constructible_v<E>)
        : error_(std::move(error)) {}

    [[nodiscard]] constexpr const E& error() const& noexcept { return error_; }
    [[nodiscard]] constexpr E&& error() && noexcept { return std::move(error_); }

private:
    E error_;
};

Unexpected(Errc) -> Unexpected<Error>;

template <class T = void, class E = Error>
class Result;

template <class R>
inline constexpr bool is_result = false;
template <class T, class E>
inline constexpr bool is_result<Result<T, E>> = true;

template <class U>
inline constexpr bool is_unexpected = false;
template <class E>
inline constexpr bool is_unexpected<Unexpected<E>> = true;

namespace detail {

/// Whether copying `T` as bytes is copying it.
template <class T>
inline constexpr bool is_bytes = std::is_trivially_copy_constructible_v<T> &&
                                 std::is_trivially_move_constructible_v<T> && std::is_trivially_copy_assignable_v<T> &&
                                 std::is_trivially_move_assignable_v<T> && std::is_trivially_destructible_v<T>;

/// a == b, but numbers of different signedness compare by value, and without the warning that the user of
/// `result == 7` could do nothing about.
template <class A, class B>
constexpr bool equal_values(const A& a, const B& b) {
    if constexpr (std::is_integral_v<A> && std::is_integral_v<B> && std::is_signed_v<A> != std::is_signed_v<B>) {
        if constexpr (std::is_signed_v<B>)
            return equal_values(b, a);
        else
            return a >= 0 && static_cast<std::make_unsigned_t<A>>(a) == b;
    } else {
        return a == b;
    }
}

}  // namespace detail

/// A value of `T` or an error of `E`. `[[nodiscard]]` as a type: an ignored Result is a warning.
///
/// value(), operator* and operator-> on an error, and error() on a value, are bugs and assert.
template <class T, class E>
class [[nodiscard]] Result {
    static_assert(!std::is_reference_v<T> && !std::is_reference_v<E>, "a Result holds values");
    static_assert(std::is_nothrow_move_constructible_v<E>, "an error must not fail while it is handed on");

    static constexpr bool is_bytes = detail::is_bytes<T> && detail::is_bytes<E>;

public:
    using value_type = T;
    using error_type = E;

    constexpr Result() noexcept(std::is_nothrow_default_constructible_v<T>)
        requires std::default_initializable<T>
        : value_(), has_value_(true) {}

    template <class U = T>
        requires(std::convertible_to<U, T> && !std::same_as<std::remove_cvref_t<U>, Result> &&
                 !is_unexpected<std::remove_cvref_t<U>> && !std::same_as<std::remove_cvref_t<U>, E> &&
                 !std::same_as<std::remove_cvref_t<U>, Errc>)
    constexpr Result(U&& value) noexcept(std::is_nothrow_constructible_v<T, U>)  // NOLINT(google-explicit-constructor)
        : value_(std::forward<U>(value)), has_value_(true) {}

    template <class G>
        requires std::constructible_from<E, G>
    constexpr Result(Unexpected<G> unexpected) noexcept(  // NOLINT(google-explicit-constructor)
        std::is_nothrow_constructible_v<E, G>)
        : error_(std::move(unexpected).error()), has_value_(false) {}

    constexpr Result(E error) noexcept  // NOLINT(google-explicit-constructor)
        requires(!std::constructible_from<T, E>)
        : error_(std::move(error)), has_value_(false) {}

    constexpr Result(Errc code) noexcept  // NOLINT(google-explicit-constructor)
        requires(std::same_as<E, Error> && !std::constructible_from<T, Errc>)
        : error_(code), has_value_(false) {}

    // The defaulted ones are trivial, or deleted where a member is not; then the constrained ones stand in. This
    // way round, and not with a constraint on the trivial ones, because g++ 12 sees triviality only so.
    constexpr Result(const Result&) = default;
    constexpr Result(const Result& other)
        requires(!is_bytes && std::copy_constructible<T> && std::copy_constructible<E>)
        : has_value_(other.has_value_) {
        copy(other);
    }

    constexpr Result(Result&&) = default;
    constexpr Result(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
        requires(!is_bytes && std::move_constructible<T>)
        : has_value_(other.has_value_) {
        take(std::move(other));
    }

    constexpr Result& operator=(const Result&) = default;
    constexpr Result& operator=(const Result& other)
        requires(!is_bytes && std::copy_constructible<T> && std::copy_constructible<E>)
    {
        return *this = Result(other);  // first the copy, which may throw, then the exchange
    }

    constexpr Result& operator=(Result&&) = default;
    constexpr Result& operator=(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
        requires(!is_bytes && std::move_constructible<T>)
    {
        if (this == &other) return *this;
        if constexpr (std::is_nothrow_move_constructible_v<T>) {
            destroy();
            take(std::move(other));
        } else {
            assign_throwing(std::move(other));
        }
        return *this;
    }

    constexpr ~Result() = default;
    constexpr ~Result()
        requires(!is_bytes)
    {
        destroy();
    }

    [[nodiscard]] constexpr bool has_value() const noexcept { return has_value_; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return has_value_; }

    [[nodiscard]] constexpr T& value() & { return check(), value_; }
    [[nodiscard]] constexpr const T& value() const& { return check(), value_; }
    [[nodiscard]] constexpr T&& value() && { return check(), std::move(value_); }

    [[nodiscard]] constexpr T& operator*() & { return check(), value_; }
    [[nodiscard]] constexpr const T& operator*() const& { return check(), value_; }
    [[nodiscard]] constexpr T&& operator*() && { return check(), std::move(value_); }

    [[nodiscard]] constexpr T* operator->() { return check(), std::addressof(value_); }
    [[nodiscard]] constexpr const T* operator->() const { return check(), std::addressof(value_); }

    [[nodiscard]] constexpr E& error() & { return check_error(), error_; }
    [[nodiscard]] constexpr const E& error() const& { return check_error(), error_; }
    [[nodiscard]] constexpr E&& error() && { return check_error(), std::move(error_); }

    template <class U>
    [[nodiscard]] constexpr T value_or(U&& other) const& {
        return has_value_ ? value_ : static_cast<T>(std::forward<U>(other));
    }
    template <class U>
    [[nodiscard]] constexpr T value_or(U&& other) && {
        return has_value_ ? std::move(value_) : static_cast<T>(std::forward<U>(other));
    }

    /// f(value) when there is one, which returns a Result; the error otherwise.
    template <class F>
    constexpr auto and_then(F&& f) && -> std::remove_cvref_t<std::invoke_result_t<F, T&&>> {
        if (has_value_) return std::forward<F>(f)(std::move(value_));
        return Unexpected<E>(std::move(error_));
    }
    template <class F>
    constexpr auto and_then(F&& f) const& -> std::remove_cvref_t<std::invoke_result_t<F, const T&>> {
        if (has_value_) return std::forward<F>(f)(value_);
        return Unexpected<E>(error_);
    }

    /// A Result of f(value) when there is one; the error otherwise.
    template <class F>
    constexpr auto transform(F&& f) && -> Result<std::remove_cv_t<std::invoke_result_t<F, T&&>>, E> {
        if (!has_value_) return Unexpected<E>(std::move(error_));
        if constexpr (std::is_void_v<std::invoke_result_t<F, T&&>>) {
            std::forward<F>(f)(std::move(value_));
            return {};
        } else {
            return std::forward<F>(f)(std::move(value_));
        }
    }
    template <class F>
    constexpr auto transform(F&& f) const& -> Result<std::remove_cv_t<std::invoke_result_t<F, const T&>>, E> {
        if (!has_value_) return Unexpected<E>(error_);
        if constexpr (std::is_void_v<std::invoke_result_t<F, const T&>>) {
            std::forward<F>(f)(value_);
            return {};
        } else {
            return std::forward<F>(f)(value_);
        }
    }

    /// The value, or what f(error) returns, which is a Result of the same value type.
    template <class F>
    constexpr auto or_else(F&& f) && -> std::remove_cvref_t<std::invoke_result_t<F, E&&>> {
        if (has_value_) return std::move(value_);
        return std::forward<F>(f)(std::move(error_));
    }
    template <class F>
    constexpr auto or_else(F&& f) const& -> std::remove_cvref_t<std::invoke_result_t<F, const E&>> {
        if (has_value_) return value_;
        return std::forward<F>(f)(error_);
    }

    /// The value, or f(error) as the error.
    template <class F, class G = std::remove_cvref_t<std::invoke_result_t<F, E&&>>>
    constexpr auto transform_error(F&& f) && -> Result<T, G> {
        if (has_value_) return std::move(value_);
        return Unexpected<G>(std::forward<F>(f)(std::move(error_)));
    }
    template <class F, class G = std::remove_cvref_t<std::invoke_result_t<F, const E&>>>
    constexpr auto transform_error(F&& f) const& -> Result<T, G> {
        if (has_value_) return value_;
        return Unexpected<G>(std::forward<F>(f)(error_));
    }

    friend constexpr bool operator==(const Result& a, const Result& b)
        requires(std::equality_comparable<T> && std::equality_comparable<E>)
    {
        if (a.has_value_ != b.has_value_) return false;
        return a.has_value_ ? a.value_ == b.value_ : a.error_ == b.error_;
    }
    /// Whether the error is `code`, without making a Result of it.
    friend constexpr bool operator==(const Result& a, Errc code) noexcept
        requires(std::same_as<E, Error> && !std::same_as<T, Errc>)
    {
        return !a.has_value_ && a.error_ == code;
    }
    // The left side is deduced, or every == that looks here (of an iterator over Results, say) would try to make
    // a Result of its own left side and go round in a circle.
    template <std::same_as<Result> R, class U>
        requires(!is_result<U> && !is_unexpected<U> && !std::same_as<U, Errc> &&
                 requires(const T& a, const U& b) { bool(a == b); })
    friend constexpr bool operator==(const R& a, const U& value) {
        return a.has_value_ && detail::equal_values(a.value_, value);
    }
    template <class G>
    friend constexpr bool operator==(const Result& a, const Unexpected<G>& unexpected) {
        return !a.has_value_ && a.error_ == unexpected.error();
    }

#if defined(__cpp_lib_expected)
    constexpr Result(std::expected<T, E> other)  // NOLINT(google-explicit-constructor)
        : has_value_(other.has_value()) {
        if (has_value_)
            std::construct_at(std::addressof(value_), std::move(*other));
        else
            std::construct_at(std::addressof(error_), std::move(other.error()));
    }
    [[nodiscard]] constexpr operator std::expected<T, E>() && {  // NOLINT(google-explicit-constructor)
        if (has_value_) return std::move(value_);
        return std::unexpected(std::move(error_));
    }
    [[nodiscard]] constexpr operator std::expected<T, E>() const&  // NOLINT(google-explicit-constructor)
        requires(std::copy_constructible<T> && std::copy_constructible<E>)
    {
        if (has_value_) return value_;
        return std::unexpected(error_);
    }
#endif

private:
    constexpr void check() const { SKERRY_ASSERT(has_value_, "a Result that holds an error was read as a value"); }
    constexpr void check_error() const {
        SKERRY_ASSERT(!has_value_, "a Result that holds a value was read as an error");
    }

    /// Both build from `other` where nothing is: in a new object, or after destroy().
    constexpr void copy(const Result& other) {
        has_value_ = other.has_value_;
        if (has_value_)
            std::construct_at(std::addressof(value_), other.value_);
        else
            std::construct_at(std::addressof(error_), other.error_);
    }
    constexpr void take(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
        has_value_ = other.has_value_;
        if (has_value_)
            std::construct_at(std::addressof(value_), std::move(other.value_));
        else
            std::construct_at(std::addressof(error_), std::move(other.error_));
    }

    /// Puts an error back when the value that was to replace it threw on the way in. A destructor and not a
    /// catch block: consumers may build without exceptions.
    struct ErrorKeeper {
        Result* result;
        E error;
        constexpr ~ErrorKeeper() {
            if (result != nullptr) std::construct_at(std::addressof(result->error_), std::move(error));
        }
    };

    /// Assignment where moving a value may throw: whatever happens, one of value and error is there.
    constexpr void assign_throwing(Result&& other) {
        if (has_value_ && other.has_value_) {
            value_ = std::move(other.value_);
        } else if (!other.has_value_) {
            destroy();
            take(std::move(other));
        } else {
            ErrorKeeper keeper{this, std::move(error_)};
            std::destroy_at(std::addressof(error_));
            std::construct_at(std::addressof(value_), std::move(other.value_));
            keeper.result = nullptr;
            has_value_ = true;
        }
    }

    constexpr void destroy() noexcept {
        if (has_value_)
            std::destroy_at(std::addressof(value_));
        else
            std::destroy_at(std::addressof(error_));
    }

    union {
        T value_;
        E error_;
    };
    bool has_value_;
};

/// Success without a value, or an error.
template <class E>
class [[nodiscard]] Result<void, E> {
public:
    using value_type = void;
    using error_type = E;

    constexpr Result() noexcept = default;
    template <class G>
        requires std::constructible_from<E, G>
    constexpr Result(Unexpected<G> unexpected) noexcept(  // NOLINT(google-explicit-constructor)
        std::is_nothrow_constructible_v<E, G>)
        : error_(std::move(unexpected).error()), has_value_(false) {}
    constexpr Result(E error) noexcept  // NOLINT(google-explicit-constructor)
        : error_(std::move(error)), has_value_(false) {}
    constexpr Result(Errc code) noexcept  // NOLINT(google-explicit-constructor)
        requires std::same_as<E, Error>
        : error_(code), has_value_(false) {}

    [[nodiscard]] constexpr bool has_value() const noexcept { return has_value_; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return has_value_; }
    constexpr void value() const { SKERRY_ASSERT(has_value_, "a Result that holds an error was read as a value"); }
    constexpr void operator*() const { value(); }
    [[nodiscard]] constexpr E& error() & { return check_error(), error_; }
    [[nodiscard]] constexpr const E& error() const& { return check_error(), error_; }
    [[nodiscard]] constexpr E&& error() && { return check_error(), std::move(error_); }

    /// f() on success, which returns a Result; the error otherwise.
    template <class F>
    constexpr auto and_then(F&& f) const& -> std::remove_cvref_t<std::invoke_result_t<F>> {
        if (has_value_) return std::forward<F>(f)();
        return Unexpected<E>(error_);
    }
    template <class F>
    constexpr auto and_then(F&& f) && -> std::remove_cvref_t<std::invoke_result_t<F>> {
        if (has_value_) return std::forward<F>(f)();
        return Unexpected<E>(std::move(error_));
    }

    /// A Result of f() on success; the error otherwise.
    template <class F>
    constexpr auto transform(F&& f) && -> Result<std::remove_cv_t<std::invoke_result_t<F>>, E> {
        if (!has_value_) return Unexpected<E>(std::move(error_));
        if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
            std::forward<F>(f)();
            return {};
        } else {
            return std::forward<F>(f)();
        }
    }
    template <class F>
    constexpr auto transform(F&& f) const& {
        return Result(*this).transform(std::forward<F>(f));
    }

    /// Success, or what f(error) returns, which is a Result<void>.
    template <class F>
    constexpr auto or_else(F&& f) && -> std::remove_cvref_t<std::invoke_result_t<F, E&&>> {
        if (has_value_) return {};
        return std::forward<F>(f)(std::move(error_));
    }
    template <class F>
    constexpr auto or_else(F&& f) const& -> std::remove_cvref_t<std::invoke_result_t<F, const E&>> {
        if (has_value_) return {};
        return std::forward<F>(f)(error_);
    }

    /// Success, or f(error) as the error.
    template <class F, class G = std::remove_cvref_t<std::invoke_result_t<F, E&&>>>
    constexpr auto transform_error(F&& f) && -> Result<void, G> {
        if (has_value_) return {};
        return Unexpected<G>(std::forward<F>(f)(std::move(error_)));
    }
    template <class F, class G = std::remove_cvref_t<std::invoke_result_t<F, const E&>>>
    constexpr auto transform_error(F&& f) const& -> Result<void, G> {
        if (has_value_) return {};
        return Unexpected<G>(std::forward<F>(f)(error_));
    }

    friend constexpr bool operator==(const Result& a, const Result& b)
        requires std::equality_comparable<E>
    {
        return a.has_value_ == b.has_value_ && (a.has_value_ || a.error_ == b.error_);
    }
    friend constexpr bool operator==(const Result& a, Errc code) noexcept
        requires std::same_as<E, Error>
    {
        return !a.has_value_ && a.error_ == code;
    }
    template <class G>
    friend constexpr bool operator==(const Result& a, const Unexpected<G>& unexpected) {
        return !a.has_value_ && a.error_ == unexpected.error();
    }

#if defined(__cpp_lib_expected)
    constexpr Result(const std::expected<void, E>& other)  // NOLINT(google-explicit-constructor)
        : error_(other.has_value() ? E{} : other.error()), has_value_(other.has_value()) {}
    [[nodiscard]] constexpr operator std::expected<void, E>() const {  // NOLINT(google-explicit-constructor)
        if (has_value_) return {};
        return std::unexpected(error_);
    }
#endif

private:
    constexpr void check_error() const {
        SKERRY_ASSERT(!has_value_, "a Result that holds a value was read as an error");
    }

    E error_{};
    bool has_value_ = true;
};

}  // namespace skerry
