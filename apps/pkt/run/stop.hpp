#pragma once

// Why a script ends before its last event. Thrown within this folder and caught by run_script() alone: whatever is in
// the middle of a packet or an argument has nothing to undo.

#include "../syntax/position.hpp"

#include <exception>
#include <string>
#include <utility>

namespace skerry::pkt {

/// Something was seen that the script does not expect (`is_skip` false), or is asked for that is not understood or not
/// there: then nothing can be said of the stack.
class Stop final : public std::exception {
public:
    Stop(bool is_skip, syntax::Position at, std::string reason)
        : is_skip_(is_skip), at_(at), reason_(std::move(reason)) {}

    [[nodiscard]] bool is_skip() const noexcept { return is_skip_; }
    [[nodiscard]] syntax::Position at() const noexcept { return at_; }
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
    [[nodiscard]] const char* what() const noexcept override { return reason_.c_str(); }

private:
    bool is_skip_;
    syntax::Position at_;
    std::string reason_;
};

[[noreturn]] inline void fail(syntax::Position at, std::string reason) { throw Stop(false, at, std::move(reason)); }
[[noreturn]] inline void skip(syntax::Position at, std::string reason) { throw Stop(true, at, std::move(reason)); }

}  // namespace skerry::pkt
