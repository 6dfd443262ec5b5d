#include <skerry/kernel_io/backend.hpp>

#include "epoll/driver.hpp"
#include "epoll/poller.hpp"
#include "frame/backend.hpp"

#include <skerry/runtime/core_loop.hpp>

#include <array>
#include <string>

namespace skerry::kernel_io {

namespace {

using backend::SetupError;

std::string refusal(const Error& error) {
    const bool too_few = error == Errc::no_descriptors;
    return "cannot make an epoll instance: " + error.message() + (too_few ? "; raise the limit with ulimit -n" : "");
}

class KernelBackend final : public backend::Backend {
public:
    [[nodiscard]] std::span<const std::string_view> drivers() const noexcept override {
        static constexpr std::array<std::string_view, 2> names{"epoll", "tap"};
        return names;
    }

    [[nodiscard]] backend::Probe probe(std::string_view driver, const backend::Options& options) override {
        if (driver == "tap") return frame::probe_tap(options);
        auto poller = epoll::Poller::make();
        if (!poller) return {false, refusal(poller.error())};
        return {true, "the kernel's sockets, readiness by epoll"};
    }

    [[nodiscard]] Result<std::unique_ptr<backend::Core>, SetupError> make_core(
        std::string_view driver, const backend::CoreSetup& setup) override {
        if (driver == "tap") return frame::make_tap_core(setup);
        auto poller = epoll::Poller::make();
        if (!poller) return Unexpected(SetupError{"epoll: " + refusal(poller.error())});
        return std::unique_ptr<backend::Core>(
            std::make_unique<runtime::CoreLoop<epoll::Driver>>(setup, std::move(*poller), setup.scheduler->home()));
    }
};

}  // namespace

std::unique_ptr<backend::Backend> make_backend() { return std::make_unique<KernelBackend>(); }

}  // namespace skerry::kernel_io
