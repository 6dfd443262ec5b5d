#include <skerry/runtime/no_io.hpp>

#include <skerry/runtime/core_loop.hpp>

#include <array>
#include <condition_variable>
#include <mutex>
#include <string_view>

namespace skerry::runtime {

namespace {

/// Polls nothing; parks on a condition variable.
class NoIoDriver {
public:
    static constexpr std::int64_t busy_poll_interval_ns = 0;
    struct Nothing {};

    backend::Work receive(time::Instant) noexcept { return backend::Work::none; }
    backend::Work transmit(time::Instant) noexcept { return backend::Work::none; }
    time::Instant next_deadline() noexcept { return time::Instant::max(); }
    bool arm() noexcept { return true; }
    [[nodiscard]] int wake_fd() const noexcept { return -1; }
    Nothing install() noexcept { return {}; }

    void park(time::Instant wake_at) noexcept {
        std::unique_lock lock(mutex_);
        const auto is_rung = [&] { return rung_; };
        if (wake_at == time::Instant::max())
            changed_.wait(lock, is_rung);
        else
            changed_.wait_until(lock, wake_at.to_steady(), is_rung);
        rung_ = false;
    }

    void unpark() noexcept {
        const std::lock_guard guard(mutex_);
        rung_ = true;
        changed_.notify_one();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool rung_ = false;
};

static_assert(backend::Driver<NoIoDriver>);

class NoIoBackend final : public backend::Backend {
public:
    [[nodiscard]] std::span<const std::string_view> drivers() const noexcept override {
        static constexpr std::array<std::string_view, 1> names{"none"};
        return names;
    }
    [[nodiscard]] backend::Probe probe(std::string_view, const backend::Options&) override {
        return {true, "tasks and timers only, no sockets"};
    }
    [[nodiscard]] Result<std::unique_ptr<backend::Core>, backend::SetupError> make_core(
        std::string_view, const backend::CoreSetup& setup) override {
        return std::unique_ptr<backend::Core>(std::make_unique<CoreLoop<NoIoDriver>>(setup));
    }
};

}  // namespace

std::unique_ptr<backend::Backend> make_no_io_backend() { return std::make_unique<NoIoBackend>(); }

}  // namespace skerry::runtime
