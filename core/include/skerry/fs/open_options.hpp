#pragma once

// How a file is opened.

#include "file.hpp"

#include "../base/result.hpp"
#include "../task/task.hpp"

#include <cstdint>
#include <string>

namespace skerry::fs {

/// Words and rules are those of Rust's OpenOptions. Nothing is on by default.
class OpenOptions {
public:
    OpenOptions& read(bool on) noexcept { return read_ = on, *this; }
    OpenOptions& write(bool on) noexcept { return write_ = on, *this; }
    /// Each write goes to what is the end then.
    OpenOptions& append(bool on) noexcept { return append_ = on, *this; }
    /// Cuts what is there to nothing.
    OpenOptions& truncate(bool on) noexcept { return truncate_ = on, *this; }
    /// Makes the file where there is none.
    OpenOptions& create(bool on) noexcept { return create_ = on, *this; }
    /// Makes the file, and fails with EEXIST where there is one. create and truncate say nothing beside it.
    OpenOptions& create_new(bool on) noexcept { return create_new_ = on, *this; }
    /// Who may do what with a file that is made, less the umask.
    OpenOptions& mode(std::uint32_t bits) noexcept { return mode_ = bits, *this; }
    /// More O_... flags of open(); of O_DIRECT, see file.hpp.
    OpenOptions& custom_flags(int flags) noexcept { return custom_flags_ = flags, *this; }

    /// Opens `path`.
    ///
    /// Errors: not_found, permission_denied, no_descriptors, full; io, with EEXIST as its os_error(); invalid_argument,
    /// for options
    ///         that contradict each other, a zero byte in the path and a folder that is to be written;
    ///         runtime_shutdown.
    /// Cancel: safe: a file that is opened nevertheless is closed; one that it made stays.
    /// Cost:   a trip to the blocking pool.
    [[nodiscard]] Task<Result<File>> open(std::string path) const;

private:
    [[nodiscard]] Result<int> flags() const noexcept;

    std::uint32_t mode_ = 0666;
    int custom_flags_ = 0;
    bool read_ = false;
    bool write_ = false;
    bool append_ = false;
    bool truncate_ = false;
    bool create_ = false;
    bool create_new_ = false;
};

}  // namespace skerry::fs
