#pragma once

// Whose turn it is with what takes one call at a time, also while its call waits.

namespace skerry::runtime {

/// Raises `is_taken` until a call ends or is given up.
class Turn {
public:
    explicit Turn(bool& is_taken) noexcept : is_taken_(is_taken) { is_taken_ = true; }
    ~Turn() { is_taken_ = false; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

private:
    bool& is_taken_;
};

}  // namespace skerry::runtime
