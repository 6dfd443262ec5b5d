// In front of a program (LD_PRELOAD): each thread but the first and DPDK's own stops again and again, at whatever
// instruction it is, as where more threads than CPUs run; for a millisecond, and for twenty where it is within
// net_memif. So a peer that leaves finds a core there.

#include <dirent.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

/// Where the driver's code lies, once it is there.
std::atomic<std::uintptr_t> driver_begin{0};
std::atomic<std::uintptr_t> driver_end{0};

bool is_in_driver([[maybe_unused]] const void* context) noexcept {
#ifdef __x86_64__
    const auto at = static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
    return at >= driver_begin.load() && at < driver_end.load();
#else
    return false;
#endif
}

std::int64_t now_ns() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

[[gnu::tls_model("initial-exec")]] thread_local std::int64_t went_on_at = 0;

// Not again at once: what was sent meanwhile comes before the next instruction.
void stop(int, siginfo_t*, void* context) noexcept {
    if (now_ns() - went_on_at < 1'000'000) return;
    const timespec nap{0, is_in_driver(context) ? 20'000'000 : 1'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);  // leaves errno alone
    went_on_at = now_ns();
}

void find_driver() noexcept {
    std::FILE* const file = std::fopen("/proc/self/maps", "r");
    if (file == nullptr) std::abort();
    char line[512];
    while (std::fgets(line, sizeof line, file) != nullptr) {
        unsigned long begin = 0;
        unsigned long end = 0;
        char rights[5] = {};
        if (std::sscanf(line, "%lx-%lx %4s", &begin, &end, rights) != 3 || rights[2] != 'x' ||
            std::strstr(line, "librte_net_memif.so") == nullptr)
            continue;
        driver_end = end;
        driver_begin = begin;
    }
    std::fclose(file);
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
        if (driver_begin == 0) find_driver();
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
    action.sa_sigaction = &stop;
    action.sa_flags = SA_RESTART | SA_SIGINFO;
    pthread_t thread;
    if (::sigaction(SIGUSR2, &action, nullptr) != 0 || ::pthread_create(&thread, nullptr, &stop_others, nullptr) != 0)
        std::abort();  // else a test would see a program that nobody stops, and pass
}

}  // namespace
