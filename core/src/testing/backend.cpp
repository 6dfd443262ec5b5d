#include "driver.hpp"
#include "simulated_backend.hpp"

#include <skerry/testing/backend.hpp>

#include <array>

namespace skerry::testing {

namespace {

using backend::SetupError;

class TestingBackend final : public backend::Backend {
public:
    explicit TestingBackend(std::shared_ptr<World> world) noexcept : world_(std::move(world)) {}

    [[nodiscard]] std::span<const std::string_view> drivers() const noexcept override {
        static constexpr std::array<std::string_view, 1> names{"testing"};
        return names;
    }

    [[nodiscard]] backend::Probe probe(std::string_view, const backend::Options&) override {
        return {true, "virtual time and a network in memory"};
    }

    [[nodiscard]] Result<std::unique_ptr<backend::Core>, SetupError> make_core(
        std::string_view, const backend::CoreSetup& setup) override {
        if (world_->core != nullptr)
            return Unexpected(SetupError{"testing: one core a runtime; use the flavour current_thread"});
        // The timer wheel starts at the time it sees now.
        const time::VirtualTimeScope on_virtual_time(world_->clock.time());
        auto loop = std::make_unique<Loop>(setup, world_, setup.scheduler->home());
        world_->core = loop.get();
        return std::unique_ptr<backend::Core>(std::move(loop));
    }

private:
    std::shared_ptr<World> world_;
};

}  // namespace

std::unique_ptr<backend::Backend> make_simulated_backend(std::shared_ptr<World> world) {
    return std::make_unique<TestingBackend>(std::move(world));
}

std::unique_ptr<backend::Backend> make_memory_backend(const Options& options) {
    const auto standstill = options.woken_from_outside ? OnStandstill::wait : OnStandstill::abort;
    return make_simulated_backend(std::make_shared<World>(options, standstill));
}

}  // namespace skerry::testing
