#pragma once

// Whole files, and their names: one trip to the blocking pool each.
//
// Errors of all: not_found, permission_denied, no_descriptors, no_memory, io; invalid_argument, for a path with a zero
// byte in it or too long; runtime_shutdown, when the runtime ends before the call has begun. What a call that was
// cancelled has begun is done to its end.

#include "metadata.hpp"

#include "../base/result.hpp"
#include "../task/task.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace skerry::fs {

/// All of a file.
///
/// Errors: see the head of this file; invalid_argument, when it is a folder.
/// Cancel: safe.
[[nodiscard]] Task<Result<std::vector<std::byte>>> read(std::string path);

/// All of a file as text; the bytes are not looked at.
///
/// Errors: as read.
/// Cancel: safe.
[[nodiscard]] Task<Result<std::string>> read_to_string(std::string path);

/// Makes the file, or cuts the one that is there to nothing, and writes `data`, of which it takes a copy. A fifo takes
/// it too: the call waits for its reader.
///
/// Errors: as read; full: what fitted is in the file; broken_pipe: a fifo's reader has gone.
/// Cancel: partial: it may still be written.
[[nodiscard]] Task<Result<>> write(std::string path, std::span<const std::byte> data);

/// Copies bytes and permissions of a file; one that is there is cut to nothing first, a fifo as write. Returns the
/// bytes. Where the file system can, it shares them.
///
/// Errors: as write; invalid_argument, when `from` is no regular file or
///         `to` is the same one.
/// Cancel: partial: it goes on.
[[nodiscard]] Task<Result<std::uint64_t>> copy(std::string from, std::string to);

/// Gives another name, in the place of what has it.
///
/// Errors: as read; unsupported, from one file system to another.
/// Cancel: partial: it may still be done.
[[nodiscard]] Task<Result<>> rename(std::string from, std::string to);

/// Takes the name of a file away; it is gone when nobody has it open any more.
///
/// Errors: as read; invalid_argument, when it is a folder.
/// Cancel: partial: it may still be done.
[[nodiscard]] Task<Result<>> remove_file(std::string path);

/// A second name for a file.
///
/// Errors: as read; io, with EEXIST as its os_error(); unsupported, from one file system to another.
/// Cancel: partial: it may still be done.
[[nodiscard]] Task<Result<>> hard_link(std::string original, std::string link);

/// A file `link` that stands for `target`, which need not be there.
///
/// Errors: as read; io, with EEXIST as its os_error().
/// Cancel: partial: it may still be done.
[[nodiscard]] Task<Result<>> symlink(std::string target, std::string link);

/// What a symbolic link stands for.
///
/// Errors: as read; invalid_argument, when it is none.
/// Cancel: safe.
[[nodiscard]] Task<Result<std::string>> read_link(std::string path);

/// The path from the root without symbolic links, `.` and `..`.
///
/// Errors: as read.
/// Cancel: safe.
[[nodiscard]] Task<Result<std::string>> canonicalize(std::string path);

/// What is known of a file; of a symbolic link: of what it stands for.
///
/// Errors: as read.
/// Cancel: safe.
[[nodiscard]] Task<Result<Metadata>> metadata(std::string path);

/// The same of the symbolic link itself.
///
/// Errors: as read.
/// Cancel: safe.
[[nodiscard]] Task<Result<Metadata>> symlink_metadata(std::string path);

/// Whether there is something of that name. False says that there is not; an error, that it cannot be known.
///
/// Errors: as read, without not_found.
/// Cancel: safe.
[[nodiscard]] Task<Result<bool>> try_exists(std::string path);

/// Errors: as read.
/// Cancel: partial: it may still be done.
[[nodiscard]] Task<Result<>> set_permissions(std::string path, Permissions permissions);

}  // namespace skerry::fs
