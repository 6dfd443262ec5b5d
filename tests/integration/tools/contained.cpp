// Runs a program as a container runtime would: in name spaces of its own, below a root file system that it cannot write
// to, without capabilities or a way to get some, behind a seccomp filter. It needs no rights, as the name spaces belong
// to one of users:
//
//     contained ROOT PROFILE.json PROGRAM [ARGUMENTS]
//
// The program is process 1 there, its user is 65532, its network has a loopback interface only. Signals that end or ask
// are passed on to it. Exit code: the program's; 77 where this machine lets nobody make name spaces; 125 for everything
// else that goes wrong before the program runs.

#include "seccomp_profile.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

namespace {

constexpr int cannot = 125;
constexpr int skipped = 77;
volatile std::sig_atomic_t inner_process = 0;

[[noreturn]] void fail(const std::string& what, int code = cannot) {
    std::fprintf(stderr, "contained: %s: %s\n", what.c_str(), std::strerror(errno));
    std::_Exit(code);
}

void must(bool done, const std::string& what) {
    if (!done) fail(what);
}

void write_file(const char* path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    must(file.good(), path);
}

void mount_at(const std::string& point, const char* type, unsigned long flags, const char* options = nullptr) {
    must(::mount(type, point.c_str(), type, flags, options) == 0, "mount " + point);
}

void bind_device(const std::string& root, const std::string& device) {
    std::ofstream(root + device);
    must(::mount(device.c_str(), (root + device).c_str(), nullptr, MS_BIND, nullptr) == 0, "bind " + device);
}

// Each hierarchy that this machine has where the programs of a container find it: its own group is the root there.
void mount_groups(const std::string& folder) {
    mount_at(folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC);
    if (::mount("cgroup2", folder.c_str(), "cgroup2", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0 &&
        ::access((folder + "/cpu.max").c_str(), F_OK) == 0)
        return;
    ::umount2(folder.c_str(), MNT_DETACH);
    mount_at(folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC);
    for (const char* controller : {"cpu", "cpuset"}) {
        const std::string point = folder + "/" + controller;
        ::mkdir(point.c_str(), 0755);
        if (::mount("cgroup", point.c_str(), "cgroup", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, controller) != 0)
            ::rmdir(point.c_str());
    }
}

void enter_root(const std::string& root) {
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "own mounts");
    must(::mount(root.c_str(), root.c_str(), nullptr, MS_BIND, nullptr) == 0, "bind " + root);
    mount_at(root + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
    mount_at(root + "/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    mount_groups(root + "/sys/fs/cgroup");
    mount_at(root + "/dev", "tmpfs", MS_NOSUID, "mode=755");
    for (const char* device : {"/dev/null", "/dev/zero", "/dev/urandom"}) bind_device(root, device);
    must(::mount(nullptr, root.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, nullptr) == 0,
         "read-only");
    must(::chdir(root.c_str()) == 0, "chdir " + root);
    must(::syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
    must(::umount2(".", MNT_DETACH) == 0, "leave the old root");
    must(::chdir("/") == 0, "chdir /");
}

void start_loopback() {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    must(::ioctl(socket, SIOCSIFFLAGS, &request) == 0, "lo");
    ::close(socket);
}

void drop_rights() {
    for (int capability = 0; ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; ++capability) {
    }
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2]{};
    must(::syscall(SYS_capset, &header, none) == 0, "capset");
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
}

[[noreturn]] void run_inside(char** argv, const skerry::tests::SeccompProfile& profile) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    enter_root(argv[1]);
    start_loopback();
    drop_rights();
    if (const std::string wrong = profile.enforce(); !wrong.empty()) fail(wrong);
    ::execv(argv[3], argv + 3);
    fail(argv[3]);
}

void pass_on(int number) {
    if (inner_process > 0) ::kill(static_cast<pid_t>(inner_process), number);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return std::fprintf(stderr, "usage: contained ROOT PROFILE.json PROGRAM [ARGUMENTS]\n"), 2;
    skerry::tests::SeccompProfile profile;
    if (const std::string wrong = profile.read(argv[2]); !wrong.empty())
        return std::fprintf(stderr, "contained: %s\n", wrong.c_str()), cannot;
    const std::string user = "65532 " + std::to_string(::geteuid()) + " 1\n";
    const std::string group = "65532 " + std::to_string(::getegid()) + " 1\n";
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                  CLONE_NEWCGROUP) != 0)
        fail("no name spaces for this user; see /proc/sys/user/max_user_namespaces", skipped);
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", user);
    write_file("/proc/self/gid_map", group);
    const pid_t child = ::fork();
    must(child >= 0, "fork");
    if (child == 0) run_inside(argv, profile);
    inner_process = child;
    for (const int number : {SIGTERM, SIGINT, SIGUSR1}) std::signal(number, &pass_on);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
