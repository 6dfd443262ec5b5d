#pragma once

// What a core that polls can sleep on: an eventfd with a timeout.

#include <skerry/base/result.hpp>
#include <skerry/time/instant.hpp>

#include <utility>

namespace skerry::dpdk {

class Doorbell {
public:
    /// Errors: no_descriptors and whatever else eventfd says.
    [[nodiscard]] static Result<Doorbell> make() noexcept;

    Doorbell(Doorbell&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Doorbell& operator=(Doorbell&&) = delete;
    ~Doorbell();

    /// Returns after ring(), which may have come before, or at `wake_at`, or when one of the others, unless it is -1,
    /// is readable; or earlier for a signal.
    void wait(time::Instant wake_at, int other = -1, int another = -1) noexcept;

    /// Threads: any.
    void ring() noexcept;

    /// Readable from ring() to the wait() that takes it.
    [[nodiscard]] int fd() const noexcept { return fd_; }

private:
    explicit Doorbell(int fd) noexcept : fd_(fd) {}

    int fd_;
};

}  // namespace skerry::dpdk
