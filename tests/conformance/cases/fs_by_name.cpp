// Files and folders by name: written and copied whole, linked, listed and removed.

#include "slow_lane.hpp"

#include "support/limits.hpp"
#include "support/temp_tree.hpp"

#include <skerry/fs/directories.hpp>
#include <skerry/fs/files.hpp>
#include <skerry/runtime/spawn_blocking.hpp>
#include <skerry/task/spawn.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <string>

namespace skerry::conformance {
namespace {

std::string in(const tests::TempTree& tree, const std::string& name) { return (tree.root() / name).string(); }

// What has more than it says is copied by hand, not by the kernel.
TEST_CASE("a copy that grows too long says full, however it is made", "[fs][error]") {
    run([]() -> Task<> {
        tests::TempTree tree;
        const auto sent = pattern(5'000);
        auto made = co_await fs::write(in(tree, "file"), sent);
        REQUIRE(made);
        const tests::LowerLimit small(RLIMIT_FSIZE, 100);
        for (const std::string& from : {in(tree, "file"), std::string("/proc/self/status")}) {
            auto copied = co_await fs::copy(from, in(tree, "copy"));
            CHECK(copied == Errc::full);
            auto about = co_await fs::metadata(in(tree, "copy"));
            REQUIRE(about);
            CHECK(about->size_bytes == 100);
        }
    });
}

TEST_CASE("a fifo takes whole files, and says when its reader goes", "[fs]") {
    run([]() -> Task<> {
        const tests::TempTree tree;
        const std::string fifo = in(tree, "fifo");
        REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
        const auto sent = pattern(300'000);  // more than a fifo holds
        auto reading = spawn(fs::read(fifo));
        auto written = co_await fs::write(fifo, sent);
        CHECK(written);
        auto read = co_await reading;
        REQUIRE(read);
        REQUIRE(*read);
        CHECK(text_of(**read) == text_of(sent));

        reading = spawn(fs::read(fifo));
        auto copied = co_await fs::copy("/proc/self/status", fifo);
        REQUIRE(copied);
        read = co_await reading;
        REQUIRE(read);
        REQUIRE(*read);
        CHECK((*read)->size() == *copied);
        CHECK(*copied != 0);

        auto leaving = spawn_blocking([fifo] {
            const int fd = ::open(fifo.c_str(), O_RDONLY | O_CLOEXEC);
            ::close(fd);
        });
        written = co_await fs::write(fifo, sent);
        CHECK(written == Errc::broken_pipe);
        auto left = co_await leaving;
        CHECK(left);
    });
}

TEST_CASE("files are copied, renamed, linked and removed by name", "[fs]") {
    run([]() -> Task<> {
        tests::TempTree tree;
        const std::string path = tree.write("file", "text");
        auto done = co_await fs::set_permissions(path, fs::Permissions(0400));
        CHECK(done);
        auto copied = co_await fs::copy(path, in(tree, "copy"));
        CHECK(copied == 4u);
        auto about = co_await fs::metadata(in(tree, "copy"));
        REQUIRE(about);
        CHECK(about->permissions.is_readonly());
        copied = co_await fs::copy(path, path);
        CHECK(copied.error() == Errc::invalid_argument);
        auto text = co_await fs::read_to_string(path);
        CHECK(text == std::string("text"));
        copied = co_await fs::copy(tree.root(), in(tree, "no"));
        CHECK(copied.error() == Errc::invalid_argument);
        copied = co_await fs::copy("/proc/self/stat", in(tree, "stat"));  // says that it is empty
        REQUIRE(copied);
        CHECK(*copied > 0);

        done = co_await fs::rename(in(tree, "copy"), in(tree, "renamed"));
        CHECK(done);
        auto exists = co_await fs::try_exists(in(tree, "copy"));
        CHECK(exists == false);
        exists = co_await fs::try_exists(in(tree, "renamed"));
        CHECK(exists == true);
        done = co_await fs::hard_link(path, in(tree, "second"));
        CHECK(done);
        about = co_await fs::metadata(path);
        REQUIRE(about);
        CHECK(about->links == 2);
        done = co_await fs::symlink("file", in(tree, "link"));
        CHECK(done);
        done = co_await fs::symlink("file", in(tree, "link"));
        REQUIRE_FALSE(done);
        CHECK(done.error().os_error() == EEXIST);
        about = co_await fs::symlink_metadata(in(tree, "link"));
        REQUIRE(about);
        CHECK(about->is_symlink());
        about = co_await fs::metadata(in(tree, "link"));
        REQUIRE(about);
        CHECK(about->is_file());
        auto target = co_await fs::read_link(in(tree, "link"));
        CHECK(target == std::string("file"));
        target = co_await fs::read_link(path);
        CHECK(target.error() == Errc::invalid_argument);
        auto real = co_await fs::canonicalize(in(tree, "./link"));
        REQUIRE(real);
        CHECK(*real == std::filesystem::canonical(path).string());
        done = co_await fs::remove_file(path);
        CHECK(done);
        done = co_await fs::remove_file(path);
        CHECK(done == Errc::not_found);
        done = co_await fs::remove_file(tree.root());
        CHECK(done == Errc::invalid_argument);
    });
}

TEST_CASE("folders are made, listed and removed, and no name is lost to a cancelled wait", "[fs][cancel]") {
    run([]() -> Task<> {
        tests::TempTree tree;
        auto done = co_await fs::create_dir_all(in(tree, "a/b//c/"));
        CHECK(done);
        done = co_await fs::create_dir_all(in(tree, "a/b/c"));
        CHECK(done);
        done = co_await fs::create_dir_all(in(tree, "a") + '\0' + "/b");
        CHECK(done == Errc::invalid_argument);
        done = co_await fs::create_dir(in(tree, "a"));
        REQUIRE_FALSE(done);
        CHECK(done.error().os_error() == EEXIST);
        done = co_await fs::create_dir(in(tree, "x/y"));
        CHECK(done == Errc::not_found);
        done = co_await fs::create_dir_all(tree.write("a/file", "") + "/below");
        CHECK(done == Errc::not_found);
        std::set<std::string> expected{"b", "file"};
        for (int i = 0; i < 200; ++i) {
            const std::string name = "n" + std::to_string(i);
            tree.write("a/" + name, "");
            expected.insert(name);
        }
        const std::size_t before = open_descriptors();
        for (unsigned round = 0; round < 50; ++round) {  // which finds the pool at another point each time
            auto names = co_await fs::read_dir(in(tree, "a"));
            REQUIRE(names);
            std::set<std::string> found;
            for (unsigned i = 0;; ++i) {
                auto event = co_await select_biased(names->next_entry(), yields((i + round) % 50));
                if (event.index() != 0) continue;
                auto& entry = std::get<0>(event);
                REQUIRE(entry);
                if (!*entry) break;
                const fs::DirEntry& one = **entry;
                CHECK(one.path == in(tree, "a/" + one.name));
                CHECK(one.type == (one.name == "b" ? fs::FileType::directory : fs::FileType::regular));
                CHECK(found.insert(one.name).second);
            }
            CHECK(found == expected);
        }
        while (open_descriptors() != before) co_await yield_to_driver();
        auto no_folder = co_await fs::read_dir(in(tree, "a/file"));
        CHECK(no_folder.error() == Errc::not_found);

        done = co_await fs::remove_dir(in(tree, "a"));
        REQUIRE_FALSE(done);
        CHECK(done.error().os_error() == ENOTEMPTY);
        done = co_await fs::symlink(tree.write("kept/file", "x"), in(tree, "a/link"));
        CHECK(done);
        done = co_await fs::symlink(in(tree, "kept"), in(tree, "a/folder"));
        CHECK(done);
        done = co_await fs::remove_dir_all(in(tree, "a"));
        CHECK(done);
        auto exists = co_await fs::try_exists(in(tree, "a"));
        CHECK(exists == false);
        exists = co_await fs::try_exists(in(tree, "kept/file"));
        CHECK(exists == true);
        done = co_await fs::remove_dir_all(in(tree, "a"));
        CHECK(done == Errc::not_found);
        done = co_await fs::remove_dir_all(in(tree, "kept/file"));
        CHECK(done == Errc::not_found);
    });
}

}  // namespace
}  // namespace skerry::conformance
