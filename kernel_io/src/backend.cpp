#include <skerry/kernel_io/backend.hpp>

#include "epoll/driver.hpp"
#include "epoll/poller.hpp"
#include "frame/backend.hpp"
#if SKERRY_HAS_LIBURING
#include "uring/backend.hpp"
#endif

#include <skerry/runtime/core_loop.hpp>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace skerry::kernel_io {

namespace {

using backend::SetupError;

backend::Probe probe_epoll(std::string_view standing) {
    auto poller = epoll::Poller::make();
    if (!poller) return {false, epoll::refusal(poller.error())};
    return {true, "the kernel's sockets, readiness by epoll" + std::string(standing)};
}

/// Readiness of descriptors for a loop whose driver is not of this folder.
class CarriedLane final : public backend::CarriedSlowLane {
public:
    explicit CarriedLane(epoll::Poller poller) noexcept : poller_(std::move(poller)), lane_(poller_, *this) {}

    [[nodiscard]] Result<> add(backend::WatchedFd& fd) noexcept override { return lane_.add(fd); }
    void remove(backend::WatchedFd& fd) noexcept override { lane_.remove(fd); }
    int poll() noexcept override {
        int count = 0;
        do count += poller_.dispatch();
        while (poller_.has_harvested());
        return count;
    }
    [[nodiscard]] int fd() const noexcept override { return poller_.fd(); }

private:
    epoll::Poller poller_;
    epoll::EpollSlowLane lane_;
};

class KernelBackend final : public backend::Backend {
public:
    [[nodiscard]] std::span<const std::string_view> drivers() const noexcept override { return epoll_first; }

    [[nodiscard]] std::span<const std::string_view> ladder(const backend::Options& options) const override {
#if SKERRY_HAS_LIBURING
        static constexpr std::array<std::string_view, 4> uring_first{"io_uring", "epoll", "tap", "xdp"};
        if (uring::standing(options) == uring::Standing::ahead) return uring_first;
#endif
        (void)options;
        return epoll_first;
    }

    [[nodiscard]] backend::Probe probe(std::string_view driver, const backend::Options& options) override {
        if (driver == "tap") return frame::probe_tap(options);
        if (driver == "xdp") return frame::probe_xdp(options);
#if SKERRY_HAS_LIBURING
        if (driver == "io_uring") return uring::probe(options);
        if (options.by_ladder) return probe_epoll(uring::why_epoll(uring::standing(options)));
#endif
        return probe_epoll("");
    }

    [[nodiscard]] bool has_slow_lanes() const noexcept override { return true; }

    [[nodiscard]] Result<std::unique_ptr<backend::CarriedSlowLane>, SetupError> make_slow_lane() override {
        auto poller = epoll::Poller::make();
        if (!poller) return Unexpected(SetupError{"slow lane: " + epoll::refusal(poller.error())});
        return std::unique_ptr<backend::CarriedSlowLane>(std::make_unique<CarriedLane>(std::move(*poller)));
    }

    [[nodiscard]] Result<std::unique_ptr<backend::Core>, SetupError> make_core(
        std::string_view driver, const backend::CoreSetup& setup) override {
        if (driver == "tap") return frame::make_tap_core(setup);
        if (driver == "xdp") return frame::make_xdp_core(setup);
#if SKERRY_HAS_LIBURING
        if (driver == "io_uring") return uring::make_core(setup);
#endif
        auto poller = epoll::Poller::make();
        if (!poller) return Unexpected(SetupError{"epoll: " + epoll::refusal(poller.error())});
        return std::unique_ptr<backend::Core>(
            std::make_unique<runtime::CoreLoop<epoll::Driver>>(setup, std::move(*poller), setup.scheduler->home()));
    }

private:
#if SKERRY_HAS_LIBURING
    static constexpr std::array<std::string_view, 4> epoll_first{"epoll", "io_uring", "tap", "xdp"};
#else
    static constexpr std::array<std::string_view, 3> epoll_first{"epoll", "tap", "xdp"};
#endif
};

}  // namespace

std::unique_ptr<backend::Backend> make_backend() { return std::make_unique<KernelBackend>(); }

}  // namespace skerry::kernel_io
