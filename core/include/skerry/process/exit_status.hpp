#pragma once

// How a child process has ended.

#include <optional>
#include <string>

namespace skerry::process {

/// Either a code, when it ended by itself, or the signal that ended it.
class ExitStatus {
public:
    [[nodiscard]] static constexpr ExitStatus exited(int code) noexcept { return ExitStatus(code, false, false); }
    [[nodiscard]] static constexpr ExitStatus killed(int signal, bool core_dumped) noexcept {
        return ExitStatus(signal, true, core_dumped);
    }

    [[nodiscard]] constexpr bool success() const noexcept { return !by_signal_ && number_ == 0; }
    /// Nothing, when a signal ended it.
    [[nodiscard]] constexpr std::optional<int> code() const noexcept {
        return by_signal_ ? std::nullopt : std::optional(number_);
    }
    /// Nothing, when it ended by itself.
    [[nodiscard]] constexpr std::optional<int> signal() const noexcept {
        return by_signal_ ? std::optional(number_) : std::nullopt;
    }
    [[nodiscard]] constexpr bool core_dumped() const noexcept { return core_dumped_; }

    /// `exit code 1` or `signal 9`.
    [[nodiscard]] std::string to_string() const {
        return (by_signal_ ? "signal " : "exit code ") + std::to_string(number_) +
               (core_dumped_ ? ", core dumped" : "");
    }

    friend constexpr bool operator==(const ExitStatus&, const ExitStatus&) noexcept = default;

private:
    constexpr ExitStatus(int number, bool by_signal, bool core_dumped) noexcept
        : number_(number), by_signal_(by_signal), core_dumped_(core_dumped) {}

    int number_;
    bool by_signal_;
    bool core_dumped_;
};

}  // namespace skerry::process
