#include <skerry/fs/directories.hpp>

#include "unit/runtime/runtime_support.hpp"

#include "support/catch.hpp"
#include "support/death.hpp"
#include "support/temp_tree.hpp"

#include <skerry/runtime/spawn_blocking.hpp>
#include <skerry/task/spawn.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <semaphore>
#include <string>
#include <utility>

using namespace skerry;
using namespace skerry::tests;

namespace {

// With names so long the kernel gives so many files in several pieces.
void fill(TempTree& tree) {
    for (int i = 0; i < 600; ++i) tree.write(std::string(190, 'n') + std::to_string(i), "");
}

/// The descriptor under which this process has the folder open.
int descriptor_of(const std::string& folder) {
    struct stat wanted{};
    REQUIRE(::stat(folder.c_str(), &wanted) == 0);
    for (int fd = 3; fd < 1024; ++fd) {
        struct stat about{};
        if (::fstat(fd, &about) == 0 && about.st_dev == wanted.st_dev && about.st_ino == wanted.st_ino) return fd;
    }
    return -1;
}

/// From now on whatever reads the folder there fails with ENOTDIR.
void spoil(int fd) {
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(::dup2(null, fd) == fd);
    ::close(null);
}

/// How many names readdir() itself gives of a folder that is spoilt behind the first.
std::size_t names_before_failure(const std::string& folder) {
    DIR* const open = ::opendir(folder.c_str());
    REQUIRE(open != nullptr);
    std::size_t names = 0;
    while (const dirent* const entry = ::readdir(open)) {
        if (names == 0) spoil(::dirfd(open));
        const std::string name = entry->d_name;
        if (name != "." && name != "..") ++names;
    }
    ::closedir(open);
    return names;
}

}  // namespace

TEST_CASE("names that were read before a folder failed come before the error", "[fs][error]") {
    struct Work {
        static Task<std::size_t> read(const std::string* folder, int* error) {
            auto names = co_await fs::read_dir(*folder);
            std::size_t count = 0;
            for (;;) {
                auto entry = co_await names->next_entry();
                if (!entry) *error = entry.error().os_error();
                if (!entry || !*entry) co_return count;
                if (count++ == 0) spoil(descriptor_of(*folder));
            }
        }
    };
    TempTree tree;
    fill(tree);
    const std::string folder = tree.root().string();
    const std::size_t expected = names_before_failure(folder);
    REQUIRE(expected < 600);
    int error = 0;
    auto runtime = make(runtime::Flavour::current_thread);
    CHECK(runtime.block_on(Work::read(&folder, &error)) == expected);
    CHECK(error == ENOTDIR);
}

#if !SKERRY_TSAN  // it does not let a forked child start threads
TEST_CASE("two tasks that read one folder at a time are asserted", "[fs]") {
    struct Work {
        static Task<> next(fs::ReadDir* names, int* begun) {
            ++*begun;
            (void)co_await names->next_entry();
        }
        static Task<> read(const std::string* folder) {
            auto names = co_await fs::read_dir(*folder);
            // The pool's only thread is busy: what the first one waits for is not there before the second one asks.
            std::atomic<bool> is_busy = false;
            std::binary_semaphore is_free(0);
            auto busy = spawn_blocking([&] {
                is_busy = true;
                is_free.acquire();
            });
            while (!is_busy) co_await yield_now();
            int begun = 0;
            auto one = spawn(next(&*names, &begun));
            auto other = spawn(next(&*names, &begun));
            while (begun != 2) co_await yield_now();
            is_free.release();
            (void)co_await busy;
            (void)co_await one;
            (void)co_await other;
        }
    };
    const TempTree tree;
    const std::string folder = tree.root().string();
    CHECK(aborts([&] {
        runtime::Config config = config_of(runtime::Flavour::current_thread);
        config.blocking_threads_max = 1;
        auto runtime = runtime::Builder(config).build();
        REQUIRE(runtime);
        runtime->block_on(Work::read(&folder));
    }));
}
#endif
