#include "file_calls.hpp"
#include "runtime/call_on_pool.hpp"
#include "runtime/turn.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/fs/directories.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace skerry::fs {

using runtime::call_on_pool;

namespace {

Result<> make(std::string path, std::uint32_t mode) noexcept {
    if (auto checked = detail::check_path(path); !checked) return checked;
    if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) != 0) return Error::from_os(errno);
    return {};
}

bool is_folder(const std::string& path) noexcept {
    const auto about = detail::look_at(AT_FDCWD, path.c_str(), 0);
    return about && about->is_dir();
}

// From the first that is missing downwards; others may make the same ones at the same time.
Result<> make_all(std::string path, std::uint32_t mode) {
    if (path.empty()) return Errc::not_found;
    if (auto checked = detail::check_path(path); !checked) return checked;
    if (is_folder(path)) return {};
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        auto made = make(part, mode);
        const bool is_last = end == std::string::npos;
        if (!made && !is_folder(part)) {
            const bool stands_in_the_way = made.error().os_error() == EEXIST && !is_last;
            return stands_in_the_way ? Error::from_os(ENOTDIR) : made.error();
        }
        if (is_last) return {};
    }
}

Result<> remove_empty(std::string path) noexcept {
    if (auto checked = detail::check_path(path); !checked) return checked;
    if (::rmdir(path.c_str()) != 0) return Error::from_os(errno);
    return {};
}

Result<> remove_tree(std::string path) {
    if (auto checked = detail::check_path(path); !checked) return checked;
    const auto about = detail::look_at(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW);
    if (!about) return about.error();
    if (!about->is_dir()) return Error::from_os(ENOTDIR);
    std::error_code failure;
    std::filesystem::remove_all(path, failure);  // by descriptors: a folder that becomes a link meanwhile is not left
    if (failure) return Error::from_os(failure.value());
    return {};
}

FileType type_of(unsigned char os) noexcept {
    switch (os) {
        case DT_REG: return FileType::regular;
        case DT_DIR: return FileType::directory;
        case DT_LNK: return FileType::symlink;
        case DT_FIFO: return FileType::fifo;
        case DT_SOCK: return FileType::socket;
        case DT_BLK: return FileType::block_device;
        case DT_CHR: return FileType::char_device;
        default: return FileType::unknown;
    }
}

}  // namespace

/// Used by one call at a time.
struct ReadDir::Open {
    explicit Open(DIR* from, std::string path) noexcept : folder(from), prefix(std::move(path)) {}
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;
    ~Open() { ::closedir(folder); }

    static Result<std::shared_ptr<Open>> make(std::string path) {
        auto fd = detail::open_file(path, O_RDONLY | O_DIRECTORY, 0);
        if (!fd) return fd.error();
        DIR* const folder = ::fdopendir(fd->get());
        if (folder == nullptr) return Error::from_os(errno);
        (void)fd->release();  // closedir() closes it
        if (path.back() != '/') path += '/';
        return std::make_shared<Open>(folder, std::move(path));
    }

    /// The next ones, the first of them last; none at the end. What stops it behind some is for the next call to say.
    static Result<Names> next(std::shared_ptr<Open> open) {
        if (const int failure = std::exchange(open->failure, 0); failure != 0) return Error::from_os(failure);
        constexpr std::size_t at_once = 64;
        Names names;
        while (names.size() < at_once) {
            errno = 0;
            const dirent* const entry = ::readdir(open->folder);
            if (entry == nullptr && errno != 0 && names.empty()) return Error::from_os(errno);
            if (entry == nullptr) {
                open->failure = errno;
                break;
            }
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..") continue;
            names.push_back({std::string(name), open->prefix + entry->d_name, type_of(entry->d_type)});
        }
        std::reverse(names.begin(), names.end());
        return names;
    }

    DIR* folder;
    std::string prefix;
    int failure = 0;  // an errno that is not told yet
};

Task<Result<>> create_dir(std::string path, std::uint32_t mode) { return call_on_pool(&make, std::move(path), mode); }

Task<Result<>> create_dir_all(std::string path, std::uint32_t mode) {
    return call_on_pool(&make_all, std::move(path), mode);
}

Task<Result<>> remove_dir(std::string path) { return call_on_pool(&remove_empty, std::move(path)); }

Task<Result<>> remove_dir_all(std::string path) { return call_on_pool(&remove_tree, std::move(path)); }

Task<Result<ReadDir>> read_dir(std::string path) {
    auto open = co_await call_on_pool(&ReadDir::Open::make, std::move(path));
    if (!open) co_return open.error();
    co_return ReadDir(std::move(*open));
}

Task<Result<std::optional<DirEntry>>> ReadDir::next_entry() {
    if (names_.empty() && !is_over_) {
        SKERRY_ASSERT(!is_awaited_, "two tasks read one folder at a time");
        if (!more_) more_.emplace(spawn_blocking(&Open::next, open_));
        const runtime::Turn turn(is_awaited_);
        auto outcome = co_await *more_;
        more_.reset();
        if (!outcome) co_return runtime::pool_failure(outcome.error());
        if (!*outcome) co_return outcome->error();
        names_ = std::move(**outcome);
        is_over_ = names_.empty();
    }
    if (is_over_) co_return std::optional<DirEntry>();
    std::optional<DirEntry> next(std::move(names_.back()));
    names_.pop_back();
    co_return next;
}

}  // namespace skerry::fs
