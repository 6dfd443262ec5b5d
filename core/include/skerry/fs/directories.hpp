#pragma once

// Folders. Errors and cancelling are those of files.hpp.

#include "metadata.hpp"

#include "../base/result.hpp"
#include "../task/join_handle.hpp"
#include "../task/task.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace skerry::fs {

/// Errors: io, with EEXIST as its os_error(), when there is something; not_found, when the folder it is to be in is not
///         there; full.
/// Cancel: partial: it may still be done.
[[nodiscard]] Task<Result<>> create_dir(std::string path, std::uint32_t mode = 0777);

/// Makes a folder and those that it is to be in. One that is there is no error.
///
/// Errors: io, with EEXIST as its os_error(), when it is something else; not_found, when something on the way is; full.
/// Cancel: partial: it may still be done.
[[nodiscard]] Task<Result<>> create_dir_all(std::string path, std::uint32_t mode = 0777);

/// Errors: io, with ENOTEMPTY as its os_error(), when there is something in it; not_found, also when it is no folder.
/// Cancel: partial: it may still be done.
[[nodiscard]] Task<Result<>> remove_dir(std::string path);

/// Removes a folder and everything in it; symbolic links are removed and not followed.
///
/// Errors: not_found; what stopped it: the rest is still there.
/// Cancel: partial: it goes on.
[[nodiscard]] Task<Result<>> remove_dir_all(std::string path);

/// One name in a folder.
struct DirEntry {
    std::string name;
    std::string path;  ///< with the folder's in front
    FileType type = FileType::unknown;  ///< unknown, where the file system does not say; metadata() does
};

/// The names in a folder, without `.` and `..`, in no order.
///
/// Lifetime: outlives every await on it.
/// Threads:  one core at a time.
class ReadDir {
public:
    /// The next name; nothing behind the last. One call at a time; asserted.
    ///
    /// Errors: io, behind the names that were read before it; runtime_shutdown.
    /// Cancel: safe: no name is lost.
    /// Cost:   a trip to the blocking pool every 64 names.
    [[nodiscard]] Task<Result<std::optional<DirEntry>>> next_entry();

private:
    struct Open;
    using Names = std::vector<DirEntry>;
    /// Cancel: safe.
    friend Task<Result<ReadDir>> read_dir(std::string path);
    explicit ReadDir(std::shared_ptr<Open> open) noexcept : open_(std::move(open)) {}

    std::shared_ptr<Open> open_;
    Names names_;  // the last is the next
    std::optional<JoinHandle<Result<Names>>> more_;  // asked for, and stays when its await is cancelled
    bool is_over_ = false;
    bool is_awaited_ = false;
};

/// Errors: not_found, also when it is no folder; permission_denied, no_descriptors.
/// Cancel: safe: a folder that is opened nevertheless is closed.
[[nodiscard]] Task<Result<ReadDir>> read_dir(std::string path);

}  // namespace skerry::fs
