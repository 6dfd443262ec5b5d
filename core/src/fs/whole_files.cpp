#include "whole_files.hpp"

#include "../io/fd_calls.hpp"

#include <skerry/base/held_signal.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <span>
#include <utility>

namespace skerry::fs::detail {

namespace {

// Where the last write ended, so that a fifo or a terminal takes it too: they have no places.
Result<> write_all(int fd, std::span<const std::byte> data) noexcept {
    skerry::detail::HeldSignal held(SIGXFSZ);
    while (!data.empty()) {
        const auto count = io::detail::write_some(fd, data);
        if (!count && count.error().os_error() == EFBIG) held.take();
        if (!count) return count.error();
        data = data.subspan(*count);
    }
    return {};
}

Result<std::uint64_t> copy_by_hand(int from, int to, std::uint64_t offset) {
    std::vector<std::byte> piece(256 * 1024);
    for (;;) {
        const ssize_t count = ::pread(from, piece.data(), piece.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error::from_os(errno);
        if (count == 0) return offset;
        if (auto written = write_all(to, std::span(piece).first(static_cast<std::size_t>(count))); !written)
            return written.error();
        offset += static_cast<std::uint64_t>(count);
    }
}

// One copy by the kernel: how much it was, 0 for nothing. The signal is held back for this call alone: a write of
// copy_by_hand() sees to its own, and could not if it found it held back already.
Result<std::uint64_t> copy_by_kernel(int from, int to, std::uint64_t offset) noexcept {
    constexpr std::size_t at_once = std::size_t{1} << 30U;
    skerry::detail::HeldSignal held(SIGXFSZ);
    auto source = static_cast<off_t>(offset);
    for (;;) {
        const ssize_t count = ::copy_file_range(from, &source, to, nullptr, at_once, 0);
        if (count >= 0) return static_cast<std::uint64_t>(count);
        const int error = errno;
        if (error == EINTR) continue;
        if (error == EFBIG) held.take();
        return Error::from_os(error);
    }
}

bool is_final(int error) noexcept { return error == ENOSPC || error == EDQUOT || error == EIO || error == EFBIG; }

// The kernel copies where it can. What it cannot, and files that have more than they say (of /proc), are copied here.
Result<std::uint64_t> copy_bytes(int from, int to) {
    for (std::uint64_t copied = 0;;) {
        const auto count = copy_by_kernel(from, to, copied);
        if (!count && is_final(count.error().os_error())) return count.error();
        if (!count || *count == 0) return copy_by_hand(from, to, copied);
        copied += *count;
    }
}

}  // namespace

Result<> write_whole(std::string path, std::vector<std::byte> data) {
    auto fd = open_file(std::move(path), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (!fd) return fd.error();
    return write_all(fd->get(), data);
}

Result<std::uint64_t> copy_whole(std::string from, std::string to) {
    auto source = open_file(std::move(from), O_RDONLY | O_NONBLOCK, 0);  // of a fifo it would wait for a writer
    if (!source) return source.error();
    const auto about = look_at(source->get(), "", AT_EMPTY_PATH);
    if (!about) return about.error();
    if (!about->is_file()) return Errc::invalid_argument;
    // Not cut by opening it: it may be the source under another name.
    auto target = open_file(std::move(to), O_WRONLY | O_CREAT, about->permissions.mode);
    if (!target) return target.error();
    const auto about_target = look_at(target->get(), "", AT_EMPTY_PATH);
    if (!about_target) return about_target.error();
    if (about_target->device == about->device && about_target->inode == about->inode) return Errc::invalid_argument;
    if (about_target->is_file()) {
        if (::ftruncate(target->get(), 0) != 0 || ::fchmod(target->get(), about->permissions.mode) != 0)
            return Error::from_os(errno);
    }
    return copy_bytes(source->get(), target->get());
}

}  // namespace skerry::fs::detail
