#include "file_calls.hpp"

#include <skerry/base/aligned_buf.hpp>
#include <skerry/base/held_signal.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace skerry::fs::detail {

namespace {

Error last_error() noexcept { return Error::from_os(errno); }

template <class F>
auto uninterrupted(F call) noexcept {
    for (;;) {
        const auto answer = call();
        if (answer >= 0 || errno != EINTR) return answer;
    }
}

Result<> done(int answer) noexcept {
    if (answer != 0) return last_error();
    return {};
}

FileType type_of(std::uint32_t mode) noexcept {
    switch (mode & S_IFMT) {
        case S_IFREG: return FileType::regular;
        case S_IFDIR: return FileType::directory;
        case S_IFLNK: return FileType::symlink;
        case S_IFIFO: return FileType::fifo;
        case S_IFSOCK: return FileType::socket;
        case S_IFBLK: return FileType::block_device;
        case S_IFCHR: return FileType::char_device;
        default: return FileType::unknown;
    }
}

Metadata::Time time_of(const statx_timestamp& at) noexcept {
    const auto since = std::chrono::seconds{at.tv_sec} + std::chrono::nanoseconds{at.tv_nsec};
    return Metadata::Time(std::chrono::duration_cast<Metadata::Time::duration>(since));
}

}  // namespace

Result<> check_path(const std::string& path) noexcept {
    if (path.find('\0') != std::string::npos) return Errc::invalid_argument;
    return {};
}

Result<OwnedFd> open_file(std::string path, int flags, std::uint32_t mode) noexcept {
    if (auto checked = check_path(path); !checked) return checked.error();
    OwnedFd fd(uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode)); }));
    if (!fd) return last_error();
    return fd;
}

bool has_places(int fd) noexcept { return ::lseek(fd, 0, SEEK_CUR) >= 0; }

// No device reads less than 512 bytes at a time, and none asks for more than a page.
IoBuf allocate_aligned_piece(std::size_t bytes) noexcept {
    constexpr std::size_t sector_bytes = 512;
    constexpr std::size_t page_bytes = 4096;
    return bytes < sector_bytes ? IoBuf::allocate(bytes, 0) : allocate_aligned(bytes, page_bytes);
}

Result<IoBuf> read_piece(SharedFd fd, std::uint64_t offset, std::size_t bytes_max) noexcept {
    IoBuf piece = allocate_aligned_piece(bytes_max);
    if (!piece) return Errc::no_buffers;
    const auto count = uninterrupted(
        [&] { return ::pread(fd->get(), piece.writable().data(), bytes_max, static_cast<off_t>(offset)); });
    if (count < 0) return last_error();
    piece.set_size(static_cast<std::size_t>(count));
    return piece;
}

Result<std::size_t> write_some_at(int fd, std::uint64_t offset, const std::byte* data, std::size_t bytes) noexcept {
    skerry::detail::HeldSignal held(SIGXFSZ);
    const auto count = uninterrupted([&] { return ::pwrite(fd, data, bytes, static_cast<off_t>(offset)); });
    if (count >= 0) return static_cast<std::size_t>(count);
    const int error = errno;
    if (error == EFBIG) held.take();
    return Error::from_os(error);
}

Result<Written> write_piece(SharedFd fd, std::uint64_t offset, IoBuf data) noexcept {
    const auto count = write_some_at(fd->get(), offset, data.data(), data.size());
    if (!count) return count.error();
    data.trim_front(*count);
    return Written(*count, std::move(data));
}

Result<> sync_file(SharedFd fd, bool data_only) noexcept {
    return done(uninterrupted([&] { return data_only ? ::fdatasync(fd->get()) : ::fsync(fd->get()); }));
}

Result<> cut_file(SharedFd fd, std::uint64_t size_bytes) noexcept {
    skerry::detail::HeldSignal held(SIGXFSZ);
    const int answer = uninterrupted([&] { return ::ftruncate(fd->get(), static_cast<off_t>(size_bytes)); });
    const int error = errno;
    if (answer != 0 && error == EFBIG) held.take();
    if (answer != 0) return Error::from_os(error);
    return {};
}

Result<Metadata> look_at_file(SharedFd fd) noexcept { return look_at(fd->get(), "", AT_EMPTY_PATH); }

Result<> permit_file(SharedFd fd, std::uint32_t mode) noexcept {
    return done(uninterrupted([&] { return ::fchmod(fd->get(), static_cast<mode_t>(mode)); }));
}

Result<Metadata> look_at(int folder, const char* path, int flags) noexcept {
    struct statx about{};
    if (uninterrupted([&] { return ::statx(folder, path, flags, STATX_BASIC_STATS | STATX_BTIME, &about); }) != 0)
        return last_error();
    Metadata found;
    found.type = type_of(about.stx_mode);
    found.permissions.mode = about.stx_mode & 07777U;
    found.size_bytes = about.stx_size;
    found.allocated_bytes = about.stx_blocks * 512;
    found.modified = time_of(about.stx_mtime);
    found.accessed = time_of(about.stx_atime);
    if ((about.stx_mask & STATX_BTIME) != 0) found.created = time_of(about.stx_btime);
    found.device = ::makedev(about.stx_dev_major, about.stx_dev_minor);
    found.inode = about.stx_ino;
    found.links = about.stx_nlink;
    found.uid = about.stx_uid;
    found.gid = about.stx_gid;
    return found;
}

}  // namespace skerry::fs::detail
