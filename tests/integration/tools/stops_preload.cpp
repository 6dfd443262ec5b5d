// In front of a program (LD_PRELOAD): each thread but the first and DPDK's own stops again and again for a millisecond,
// at whatever instruction it is, as where more threads than CPUs run. What holds only while nobody stops at the wrong
// moment breaks.

#include <dirent.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

void stop(int) noexcept {
    const timespec nap{0, 1'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);  // leaves errno alone
}

bool is_to_stop(int thread) noexcept {
    if (thread == 0 || thread == ::getpid() || thread == ::gettid()) return false;
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/comm", thread);
    std::FILE* const file = std::fopen(path, "r");
    if (file == nullptr) return false;
    char name[32] = {};
    const bool is_read = std::fgets(name, sizeof name, file) != nullptr;
    std::fclose(file);
    return is_read && std::strncmp(name, "eal-", 4) != 0;
}

void* stop_others(void*) noexcept {
    for (;;) {
        ::usleep(2'000);
        DIR* const threads = ::opendir("/proc/self/task");
        if (threads == nullptr) std::abort();
        while (const dirent* const thread = ::readdir(threads)) {
            const int id = std::atoi(thread->d_name);
            if (is_to_stop(id)) ::syscall(SYS_tgkill, ::getpid(), id, SIGUSR2);
        }
        ::closedir(threads);
    }
}

[[gnu::constructor]] void begin() noexcept {
    struct sigaction action{};
    action.sa_handler = &stop;
    action.sa_flags = SA_RESTART;
    pthread_t thread;
    if (::sigaction(SIGUSR2, &action, nullptr) != 0 || ::pthread_create(&thread, nullptr, &stop_others, nullptr) != 0)
        std::abort();  // else a test would see a program that nobody stops, and pass
}

}  // namespace
