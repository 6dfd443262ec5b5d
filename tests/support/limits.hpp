#pragma once

// Real shortages, for as long as a guard lives: of descriptors, of memory, of a privilege.

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <utility>

namespace skerry::tests {

/// A lower soft limit of one resource.
class LowerLimit {
public:
    LowerLimit(__rlimit_resource resource, rlim_t limit) noexcept : resource_(resource) {
        ::getrlimit(resource, &before_);
        rlimit lower = before_;
        lower.rlim_cur = limit;
        ::setrlimit(resource, &lower);
    }
    LowerLimit(const LowerLimit&) = delete;
    LowerLimit& operator=(const LowerLimit&) = delete;
    ~LowerLimit() { ::setrlimit(resource_, &before_); }

private:
    __rlimit_resource resource_;
    rlimit before_{};
};

/// The number that the next descriptor gets.
[[nodiscard]] inline int next_descriptor() noexcept {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(fd);
    return fd;
}

/// Nothing that needs a descriptor gets one.
class NoDescriptors : public LowerLimit {
public:
    NoDescriptors() noexcept : LowerLimit(RLIMIT_NOFILE, static_cast<rlim_t>(next_descriptor())) {}
};

/// The process gets at most `bytes` more address space. Of no use under sanitizers, which need much of it.
class LittleMemory : public LowerLimit {
public:
    explicit LittleMemory(std::uint64_t bytes) : LowerLimit(RLIMIT_AS, used() + bytes) {}

private:
    static std::uint64_t used() {
        std::uint64_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
};

/// Nothing of a kilobyte or more can be had from the heap, or of `smallest` bytes. As LittleMemory.
class NoMemory : public LowerLimit {
public:
    explicit NoMemory(std::size_t smallest = 1024) noexcept : LowerLimit(RLIMIT_AS, 1) {
        for (std::size_t bytes = 1024; bytes >= smallest; bytes /= 2) {
            while (void* const piece = std::malloc(bytes)) {
                *static_cast<void**>(piece) = taken_;
                taken_ = piece;
            }
        }
    }
    ~NoMemory() {
        while (taken_ != nullptr) std::free(std::exchange(taken_, *static_cast<void**>(taken_)));
    }

private:
    void* taken_ = nullptr;
};

/// No thread can be started: one whose stack finds no room is refused like one that is too many, with EAGAIN.
class NoThreads {
public:
    NoThreads() {
        ::pthread_getattr_default_np(&before_);
        pthread_attr_t huge;
        ::pthread_attr_init(&huge);
        ::pthread_attr_setstacksize(&huge, std::size_t{1} << 46U);
        ::pthread_setattr_default_np(&huge);
        ::pthread_attr_destroy(&huge);
    }
    NoThreads(const NoThreads&) = delete;
    NoThreads& operator=(const NoThreads&) = delete;
    ~NoThreads() {
        ::pthread_setattr_default_np(&before_);
        ::pthread_attr_destroy(&before_);
    }

private:
    pthread_attr_t before_{};
};

/// Takes a capability (CAP_...) from the calling thread, if it has it.
class WithoutCapability {
public:
    explicit WithoutCapability(unsigned capability) noexcept {
        ::syscall(SYS_capget, &header_, before_.data());
        std::array<__user_cap_data_struct, 2> less = before_;
        less[capability / 32].effective &= ~(1U << capability % 32);
        ::syscall(SYS_capset, &header_, less.data());
    }
    WithoutCapability(const WithoutCapability&) = delete;
    WithoutCapability& operator=(const WithoutCapability&) = delete;
    ~WithoutCapability() { ::syscall(SYS_capset, &header_, before_.data()); }

private:
    __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> before_{};
};

}  // namespace skerry::tests
