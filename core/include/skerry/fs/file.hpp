#pragma once

// A file. There is no buffer behind it: a write that has succeeded is in the kernel, where every reader sees it, and
// what failed is told by the operation that failed, not by a later one, and not by a destructor.
//
// Each operation is one system call, and owns all that it touches: the descriptor, which stays open until the call has
// returned, and the bytes. So an operation that is cancelled hurts nobody. Nobody can take back a call that has begun:
// a cancelled write may still be made. Bytes that are handed over as an IoBuf are not copied; a span is copied once,
// because it is the caller's and may be gone.
//
// Reads, writes and syncs are made by the core's driver where it takes files: io_uring does, for what can be read at
// places. Those of one turn reach the kernel together. Everything else is made on a thread of the blocking pool.
//
// O_DIRECT, by OpenOptions::custom_flags(), goes past the kernel's cache. Then the place and the size must be multiples
// of what the device reads at once, 512 bytes or 4 KiB; the memory of a span need not, since the copy is aligned, nor
// that of a read_buf. A buffer that is handed over to be written must: skerry::allocate_aligned(size, 4096). What is
// not so is the kernel's invalid_argument.
//
// The position of read() and write() is the File's own and moves when the operation completes. A cancelled read has
// moved nothing.

#include "metadata.hpp"

#include "../base/io_buf.hpp"
#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../task/task.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace skerry::fs {

/// Where seek() counts from.
enum class SeekFrom : std::uint8_t { start, current, end };

/// An open file. Several operations may be under way, at places of their own (read_at, write_at); those that use the
/// position come one at a time.
///
/// Lifetime: outlives every await on it. Dropping it closes the descriptor once no operation uses it; what was written
///           stays, and is safe from a crash of the machine only after sync_all() or sync_data().
/// Threads:  one core at a time; it may move to another.
class File {
public:
    /// Opens for reading.
    ///
    /// Errors: as OpenOptions::open.
    /// Cancel: safe: a file that is opened nevertheless is closed.
    [[nodiscard]] static Task<Result<File>> open(std::string path);

    /// Opens for writing; makes the file, or cuts the one that is there to nothing.
    ///
    /// Errors: as OpenOptions::open.
    /// Cancel: safe: a file that is opened nevertheless is closed, and made or cut.
    [[nodiscard]] static Task<Result<File>> create(std::string path);

    /// Takes over a descriptor that can be read or written at places: of a file or a block device.
    explicit File(OwnedFd fd);

    /// Reads at a place, and leaves the position alone.
    ///
    /// Shape:  returns n, 0 < n <= out.size(); 0 at the end of the file, or when `out` is empty. At most 1 MiB.
    /// Errors: invalid_argument, when it was not opened for reading, or cannot be read at places; io; no_buffers, when
    ///         memory is short; runtime_shutdown.
    /// Cancel: safe.
    /// Cost:   by the driver or by a trip to the blocking pool, and a copy; read_buf_at() copies nothing.
    [[nodiscard]] Task<Result<std::size_t>> read_at(std::uint64_t offset, std::span<std::byte> out);

    /// read_at() into a buffer of up to `bytes_max`; an empty one at the end of the file.
    ///
    /// Shape:  returns a buffer of n bytes, n <= bytes_max; at most 1 GiB, whatever `bytes_max` is.
    /// Errors: as read_at.
    /// Cancel: safe.
    [[nodiscard]] Task<Result<IoBuf>> read_buf_at(std::uint64_t offset, std::size_t bytes_max);

    /// Writes at a place, and leaves the position alone. What was opened to append goes to the end nevertheless.
    ///
    /// Shape:  returns n, 0 < n <= data.size(): fewer, when there was no room for more, and never more than 1 MiB; 0
    ///         when `data` is empty.
    /// Errors: full, when the disk, the quota or the limit of a file's size is reached and nothing was written;
    ///         invalid_argument, when it was not opened for writing; io; no_buffers, runtime_shutdown.
    /// Cancel: partial: it may still be written.
    [[nodiscard]] Task<Result<std::size_t>> write_at(std::uint64_t offset, std::span<const std::byte> data);

    /// write_at() from a buffer that is handed over, of any size. It must be host memory and not shared.
    ///
    /// Errors: as write_at.
    /// Cancel: partial: it may still be written.
    [[nodiscard]] Task<Result<std::size_t>> write_buf_at(std::uint64_t offset, IoBuf data);

    /// Reads at the position and moves it.
    ///
    /// Shape:  as read_at.
    /// Errors: as read_at.
    /// Cancel: safe: the position has not moved.
    [[nodiscard]] Task<Result<std::size_t>> read(std::span<std::byte> out);

    /// Reads up to 64 KiB at the position and moves it; an empty buffer at the end of the file.
    ///
    /// Errors: as read_at.
    /// Cancel: safe: the position has not moved.
    [[nodiscard]] Task<Result<IoBuf>> read_buf();

    /// Fills `out` whole.
    ///
    /// Errors: as read_at; unexpected_eof, when the file ends before. The position is behind what was read.
    /// Cancel: partial: the position is behind what was read.
    [[nodiscard]] Task<Result<>> read_exact(std::span<std::byte> out);

    /// Writes at the position and moves it.
    ///
    /// Shape:  as write_at.
    /// Errors: as write_at.
    /// Cancel: partial: it may still be written; the position has not moved.
    [[nodiscard]] Task<Result<std::size_t>> write(std::span<const std::byte> data);

    /// Writes all of `data`.
    ///
    /// Errors: as write_at: how much was written before, position() tells.
    /// Cancel: partial: the position is behind what was written for certain.
    [[nodiscard]] Task<Result<>> write_all(std::span<const std::byte> data);

    /// write_all() from a buffer that is handed over. As write_buf_at.
    ///
    /// Errors: as write_all.
    /// Cancel: partial, as write_all.
    [[nodiscard]] Task<Result<>> write_buf(IoBuf data);

    /// Where read() and write() go on.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

    /// Moves the position, also behind the end. Returns where it is.
    ///
    /// Errors: invalid_argument, for a place before the start; as metadata, from the end.
    /// Cancel: safe: the position has not moved.
    /// Cost:   a trip to the blocking pool only from the end.
    [[nodiscard]] Task<Result<std::uint64_t>> seek(SeekFrom from, std::int64_t offset);

    /// Waits until what was written, and what the file system knows of it, is on the disk.
    ///
    /// Errors: io, full: what could not be kept is told here once; runtime_shutdown.
    /// Cancel: safe.
    [[nodiscard]] Task<Result<>> sync_all();

    /// sync_all() without what is not needed to find the data again, such as the time of the last change.
    ///
    /// Errors: as sync_all.
    /// Cancel: safe.
    [[nodiscard]] Task<Result<>> sync_data();

    /// Cuts the file, or makes it longer by zeroes that take no room.
    ///
    /// Errors: invalid_argument, when it was not opened for writing; full; runtime_shutdown.
    /// Cancel: partial: it may still be done.
    [[nodiscard]] Task<Result<>> set_len(std::uint64_t size_bytes);

    /// Errors: io, runtime_shutdown.
    /// Cancel: safe.
    [[nodiscard]] Task<Result<Metadata>> metadata() const;

    /// Errors: permission_denied, runtime_shutdown.
    /// Cancel: partial: it may still be done.
    [[nodiscard]] Task<Result<>> set_permissions(Permissions permissions);

    [[nodiscard]] int fd() const noexcept { return fd_->get(); }

private:
    std::shared_ptr<const OwnedFd> fd_;  // shared with the calls that are under way
    std::uint64_t position_ = 0;
    bool has_places_;  // and the driver may read it
};

}  // namespace skerry::fs
