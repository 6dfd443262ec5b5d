#include "file_calls.hpp"
#include "operations.hpp"
#include "runtime/call_on_pool.hpp"

#include <skerry/fs/file.hpp>
#include <skerry/fs/open_options.hpp>

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace skerry::fs {

using runtime::call_on_pool;

Result<int> OpenOptions::flags() const noexcept {
    const bool may_write = write_ || append_;
    if (!read_ && !may_write) return Errc::invalid_argument;
    if (!may_write && (truncate_ || create_ || create_new_)) return Errc::invalid_argument;
    if (append_ && truncate_ && !create_new_) return Errc::invalid_argument;
    int flags = may_write ? (read_ ? O_RDWR : O_WRONLY) : O_RDONLY;
    if (append_) flags |= O_APPEND;
    if (create_new_)
        flags |= O_CREAT | O_EXCL;
    else
        flags |= (create_ ? O_CREAT : 0) | (truncate_ ? O_TRUNC : 0);
    return flags | (custom_flags_ & ~O_ACCMODE);
}

namespace {

Task<Result<File>> open_with(std::string path, int flags, std::uint32_t mode) {
    auto fd = co_await call_on_pool(&detail::open_file, std::move(path), flags, mode);
    if (!fd) co_return fd.error();
    co_return File(std::move(*fd));
}

Task<Result<File>> refuse(Error error) { co_return error; }

}  // namespace

Task<Result<File>> OpenOptions::open(std::string path) const {
    const auto how = flags();
    if (!how) return refuse(how.error());
    return open_with(std::move(path), *how, mode_);
}

File::File(OwnedFd fd)
    : fd_(std::make_shared<const OwnedFd>(std::move(fd))), has_places_(detail::has_places(fd_->get())) {}

Task<Result<File>> File::open(std::string path) { return OpenOptions().read(true).open(std::move(path)); }

Task<Result<File>> File::create(std::string path) {
    return OpenOptions().write(true).create(true).truncate(true).open(std::move(path));
}

Task<Result<std::size_t>> File::read_at(std::uint64_t offset, std::span<std::byte> out) {
    if (out.empty()) co_return std::size_t{0};
    auto piece = co_await read_buf_at(offset, std::min(out.size(), detail::copied_bytes_max));
    if (!piece) co_return piece.error();
    if (!piece->empty()) std::memcpy(out.data(), piece->data(), piece->size());
    co_return piece->size();
}

Task<Result<IoBuf>> File::read_buf_at(std::uint64_t offset, std::size_t bytes_max) {
    return detail::read_at(detail::Target(fd_, has_places_), offset, bytes_max);
}

Task<Result<std::size_t>> File::write_at(std::uint64_t offset, std::span<const std::byte> data) {
    if (data.empty()) co_return std::size_t{0};
    IoBuf copy = detail::copy_piece(data.first(std::min(data.size(), detail::copied_bytes_max)));
    if (!copy) co_return Errc::no_buffers;
    auto written = co_await write_buf_at(offset, std::move(copy));
    co_return written;
}

Task<Result<std::size_t>> File::write_buf_at(std::uint64_t offset, IoBuf data) {
    auto written = co_await detail::write_at(detail::Target(fd_, has_places_), offset, std::move(data));
    if (!written) co_return written.error();
    co_return written->bytes;
}

Task<Result<std::size_t>> File::read(std::span<std::byte> out) {
    auto count = co_await read_at(position_, out);
    if (count) position_ += *count;
    co_return count;
}

Task<Result<IoBuf>> File::read_buf() {
    constexpr std::size_t piece_bytes = 64 * 1024;
    auto piece = co_await read_buf_at(position_, piece_bytes);
    if (piece) position_ += piece->size();
    co_return piece;
}

Task<Result<>> File::read_exact(std::span<std::byte> out) {
    while (!out.empty()) {
        auto count = co_await read(out);
        if (!count) co_return count.error();
        if (*count == 0) co_return Errc::unexpected_eof;
        out = out.subspan(*count);
    }
    co_return Result<>();
}

Task<Result<std::size_t>> File::write(std::span<const std::byte> data) {
    auto count = co_await write_at(position_, data);
    if (count) position_ += *count;
    co_return count;
}

Task<Result<>> File::write_all(std::span<const std::byte> data) {
    while (!data.empty()) {
        const auto piece = data.first(std::min(data.size(), detail::copied_bytes_max));
        IoBuf copy = detail::copy_piece(piece);
        if (!copy) co_return Errc::no_buffers;
        auto written = co_await write_buf(std::move(copy));
        if (!written) co_return written.error();
        data = data.subspan(piece.size());
    }
    co_return Result<>();
}

Task<Result<>> File::write_buf(IoBuf data) {
    while (!data.empty()) {
        auto written = co_await detail::write_at(detail::Target(fd_, has_places_), position_, std::move(data));
        if (!written) co_return written.error();
        position_ += written->bytes;
        data = std::move(written->rest);
    }
    co_return Result<>();
}

Task<Result<std::uint64_t>> File::seek(SeekFrom from, std::int64_t offset) {
    std::uint64_t base = from == SeekFrom::current ? position_ : 0;
    if (from == SeekFrom::end) {
        auto about = co_await metadata();
        if (!about) co_return about.error();
        base = about->size_bytes;
    }
    constexpr auto last = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const std::uint64_t target = base + static_cast<std::uint64_t>(offset);  // modulo 2^64 when it goes back
    const bool goes_back = offset < 0;
    if (target > last || (goes_back && target > base)) co_return Errc::invalid_argument;
    position_ = target;
    co_return position_;
}

Task<Result<>> File::sync_all() { return detail::sync(detail::Target(fd_, has_places_), false); }

Task<Result<>> File::sync_data() { return detail::sync(detail::Target(fd_, has_places_), true); }

Task<Result<>> File::set_len(std::uint64_t size_bytes) { return call_on_pool(&detail::cut_file, fd_, size_bytes); }

Task<Result<Metadata>> File::metadata() const { return call_on_pool(&detail::look_at_file, fd_); }

Task<Result<>> File::set_permissions(Permissions permissions) {
    return call_on_pool(&detail::permit_file, fd_, permissions.mode);
}

}  // namespace skerry::fs
