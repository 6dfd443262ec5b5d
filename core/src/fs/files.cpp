#include "file_calls.hpp"
#include "runtime/call_on_pool.hpp"
#include "whole_files.hpp"

#include <skerry/fs/files.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace skerry::fs {

using runtime::call_on_pool;

namespace {

Result<> done(int answer) noexcept {
    if (answer != 0) return Error::from_os(errno);
    return {};
}

using Call = int (*)(const char*);
using PairCall = int (*)(const char*, const char*);

Result<> call_with_path(Call call, std::string path) noexcept {
    if (auto checked = detail::check_path(path); !checked) return checked;
    return done(call(path.c_str()));
}

Result<> call_with_paths(PairCall call, std::string from, std::string to) noexcept {
    if (auto checked = detail::check_path(from); !checked) return checked;
    if (auto checked = detail::check_path(to); !checked) return checked;
    return done(call(from.c_str(), to.c_str()));
}

int unlink_file(const char* path) { return ::unlink(path); }
int rename_path(const char* from, const char* to) { return ::rename(from, to); }
int link_path(const char* from, const char* to) { return ::link(from, to); }
int symlink_path(const char* target, const char* link) { return ::symlink(target, link); }

Result<std::string> link_target(std::string path) {
    if (auto checked = detail::check_path(path); !checked) return checked.error();
    std::string target(PATH_MAX, '\0');
    const ssize_t count = ::readlink(path.c_str(), target.data(), target.size());
    if (count < 0) return Error::from_os(errno);
    target.resize(static_cast<std::size_t>(count));
    return target;
}

Result<std::string> real_path(std::string path) {
    if (auto checked = detail::check_path(path); !checked) return checked.error();
    const std::unique_ptr<char, decltype(&::free)> found(::realpath(path.c_str(), nullptr), &::free);
    if (found == nullptr) return Error::from_os(errno);
    return std::string(found.get());
}

Result<Metadata> look_at_path(std::string path, int flags) noexcept {
    if (auto checked = detail::check_path(path); !checked) return checked.error();
    return detail::look_at(AT_FDCWD, path.c_str(), flags);
}

Result<bool> exists(std::string path) noexcept {
    auto found = look_at_path(std::move(path), 0);
    if (found) return true;
    if (found.error() == Errc::not_found) return false;
    return found.error();
}

Result<> permit_path(std::string path, std::uint32_t mode) noexcept {
    if (auto checked = detail::check_path(path); !checked) return checked;
    return done(::chmod(path.c_str(), static_cast<mode_t>(mode)));
}

}  // namespace

Task<Result<std::vector<std::byte>>> read(std::string path) {
    return call_on_pool(&detail::read_whole<std::vector<std::byte>>, std::move(path));
}

Task<Result<std::string>> read_to_string(std::string path) {
    return call_on_pool(&detail::read_whole<std::string>, std::move(path));
}

Task<Result<>> write(std::string path, std::span<const std::byte> data) {
    return call_on_pool(&detail::write_whole, std::move(path), std::vector<std::byte>(data.begin(), data.end()));
}

Task<Result<std::uint64_t>> copy(std::string from, std::string to) {
    return call_on_pool(&detail::copy_whole, std::move(from), std::move(to));
}

Task<Result<>> rename(std::string from, std::string to) {
    return call_on_pool(&call_with_paths, &rename_path, std::move(from), std::move(to));
}

Task<Result<>> remove_file(std::string path) { return call_on_pool(&call_with_path, &unlink_file, std::move(path)); }

Task<Result<>> hard_link(std::string original, std::string link) {
    return call_on_pool(&call_with_paths, &link_path, std::move(original), std::move(link));
}

Task<Result<>> symlink(std::string target, std::string link) {
    return call_on_pool(&call_with_paths, &symlink_path, std::move(target), std::move(link));
}

Task<Result<std::string>> read_link(std::string path) { return call_on_pool(&link_target, std::move(path)); }

Task<Result<std::string>> canonicalize(std::string path) { return call_on_pool(&real_path, std::move(path)); }

Task<Result<Metadata>> metadata(std::string path) { return call_on_pool(&look_at_path, std::move(path), 0); }

Task<Result<Metadata>> symlink_metadata(std::string path) {
    return call_on_pool(&look_at_path, std::move(path), AT_SYMLINK_NOFOLLOW);
}

Task<Result<bool>> try_exists(std::string path) { return call_on_pool(&exists, std::move(path)); }

Task<Result<>> set_permissions(std::string path, Permissions permissions) {
    return call_on_pool(&permit_path, std::move(path), permissions.mode);
}

}  // namespace skerry::fs
