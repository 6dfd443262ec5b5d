#include "support/catch.hpp"
#include "support/limits.hpp"

#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/no_io.hpp>
#include <skerry/topology/cpu_set.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {
namespace {

using backend::Probe;
using backend::SetupError;
using runtime::Builder;
using runtime::Config;
using runtime::Flavour;

/// One driver, which runs where `probe` says so, and refuses the core with the number `refused_core`.
class FakeBackend final : public backend::Backend {
public:
    FakeBackend(std::string_view driver, Probe probe, unsigned refused_core = ~0U)
        : driver_{driver}, probe_(std::move(probe)), refused_core_(refused_core) {}

    [[nodiscard]] std::span<const std::string_view> drivers() const noexcept override { return driver_; }
    [[nodiscard]] Probe probe(std::string_view, const backend::Options&) override { return probe_; }
    [[nodiscard]] backend::Idle default_idle(std::string_view) const noexcept override { return idle; }
    [[nodiscard]] Result<std::unique_ptr<backend::Core>, SetupError> make_core(
        std::string_view, const backend::CoreSetup& setup) override {
        if (setup.core.index == refused_core_) return Unexpected(SetupError{"no port for this core"});
        return real_->make_core("none", setup);
    }

    backend::Idle idle = backend::Idle::sleep;

private:
    std::array<std::string_view, 1> driver_;
    Probe probe_;
    unsigned refused_core_;
    std::unique_ptr<backend::Backend> real_ = runtime::make_no_io_backend();
};

std::unique_ptr<backend::Backend> fake(std::string_view driver, bool usable, std::string reason,
                                       unsigned refused_core = ~0U) {
    return std::make_unique<FakeBackend>(driver, Probe{usable, std::move(reason)}, refused_core);
}

Config config_for(std::string backend, Flavour flavour = Flavour::current_thread) {
    Config config;
    config.backend = std::move(backend);
    config.flavour = flavour;
    config.pin = false;
    return config;
}

TEST_CASE("auto takes the first driver that can run, and says why it passed over the others", "[runtime][builder]") {
    std::vector<std::string> log;
    auto runtime = Builder(config_for("auto"))
                       .offer(fake("fast", false, "no such card"))
                       .offer(fake("slow", true, "always there"))
                       .offer(fake("slower", true, "never asked"))
                       .on_log([&log](std::string_view line) { log.emplace_back(line); })
                       .build();
    REQUIRE(runtime);
    CHECK(runtime->driver() == "slow");
    CHECK(runtime->reason() == "always there");
    REQUIRE(log.size() >= 3);
    CHECK(log[0] == "backend fast: passed over: no such card");
    CHECK(log[1] == "backend slow: taken: always there");
    CHECK(log[2] == "backend slower: not tried: slow comes first");
    CHECK(runtime->ladder() == std::vector<std::string>(log.begin(), log.begin() + 3));
}

TEST_CASE("a driver that was named leaves no ladder", "[runtime][builder]") {
    std::vector<std::string> log;
    auto runtime = Builder(config_for("slow"))
                       .offer(fake("fast", true, "never asked"))
                       .offer(fake("slow", true, "always there"))
                       .offer(fake("slower", true, "never asked"))
                       .on_log([&log](std::string_view line) { log.emplace_back(line); })
                       .build();
    REQUIRE(runtime);
    CHECK(runtime->ladder().empty());
    CHECK(log.front() == "backend slow: taken: always there");
    CHECK(std::none_of(log.begin(), log.end(), [](const std::string& line) { return line.find("fast") != line.npos; }));
}

TEST_CASE("cores idle as their backend does unless the configuration says it", "[runtime][builder]") {
    const auto idle_of = [](Config config) {
        auto spinning = std::make_unique<FakeBackend>("fast", Probe{true, "here"});
        spinning->idle = backend::Idle::spin;
        return Builder(std::move(config)).offer(std::move(spinning)).build().value().plan().cores.front().idle;
    };
    CHECK(idle_of(config_for("auto")) == runtime::IdlePolicy::spin);
    Config told = config_for("auto");
    told.idle = runtime::IdlePolicy::sleep;
    CHECK(idle_of(told) == runtime::IdlePolicy::sleep);
}

TEST_CASE("a denied driver is passed over by auto and taken when it is named", "[runtime][builder]") {
    Config config = config_for("auto");
    config.deny = {"fast"};
    const auto build = [](const Config& with) {
        return Builder(with).offer(fake("fast", true, "here")).offer(fake("slow", true, "there")).build();
    };
    CHECK(build(config).value().driver() == "slow");
    config.backend = "fast";
    CHECK(build(config).value().driver() == "fast");
}

TEST_CASE("a denied driver behind the one that was taken is called denied", "[runtime][builder]") {
    Config config = config_for("auto");
    config.deny = {"slow"};
    auto runtime = Builder(config).offer(fake("fast", true, "here")).offer(fake("slow", true, "there")).build().value();
    REQUIRE(runtime.ladder().size() == 2);
    CHECK(runtime.ladder()[1] == "backend slow: passed over: denied by SKERRY_DENY");
}

TEST_CASE("a denied name that no backend has is told", "[runtime][builder]") {
    Config config = config_for("auto");
    config.deny = {"SLOW", "slow", "low"};
    auto runtime = Builder(config).offer(fake("fast", true, "here")).offer(fake("slow", true, "there")).build().value();
    REQUIRE(runtime.ladder().size() == 4);
    CHECK(runtime.ladder()[2] == "denied SLOW: no backend of this build; it has: fast, slow");
    CHECK(runtime.ladder()[3] == "denied low: no backend of this build; it has: fast, slow");
}

TEST_CASE("no driver that can run is an error with the reason of each", "[runtime][builder][error]") {
    Config config = config_for("auto");
    config.deny = {"denied"};
    const auto runtime = Builder(config)
                             .offer(fake("fast", false, "no such card"))
                             .offer(fake("slow", false, "no permission"))
                             .offer(fake("denied", true, ""))
                             .build();
    REQUIRE_FALSE(runtime);
    CHECK(runtime.error().message ==
          "no backend can run here: fast: no such card; slow: no permission; denied: denied by SKERRY_DENY");
}

TEST_CASE("a named driver that cannot run is an error, whatever else could", "[runtime][builder][error]") {
    const auto runtime = Builder(config_for("fast"))
                             .offer(fake("fast", false, "no such card"))
                             .offer(fake("slow", true, "always there"))
                             .build();
    REQUIRE_FALSE(runtime);
    CHECK(runtime.error().message == "fast: no such card");
}

TEST_CASE("a named driver that nobody offers is an error that lists those there are", "[runtime][builder][error]") {
    const auto runtime =
        Builder(config_for("dpdk")).offer(fake("fast", true, "")).offer(fake("slow", true, "")).build();
    REQUIRE_FALSE(runtime);
    CHECK(runtime.error().message == "backend dpdk is not in this build; it has: fast, slow");
}

TEST_CASE("cores that cannot be had are an error", "[runtime][builder][error]") {
    Config config = config_for("auto");
    config.cores = topology::CpuSet::parse("1023").value();
    const auto runtime = Builder(config).build();
    REQUIRE_FALSE(runtime);
    CHECK_THAT(runtime.error().message, Catch::StartsWith("cores: CPU 1023 "));
}

TEST_CASE("a core whose driver cannot be made fails the build and stops the others", "[runtime][builder][error]") {
    const auto flavour = GENERATE(Flavour::current_thread, Flavour::per_core);
    Config config = config_for("fast", flavour);
    unsigned refused = 0;
    if (flavour == Flavour::per_core) {
        config.cores = topology::available_cpus().value().lowest(2);
        refused = config.cores->count() - 1;
    }
    const auto runtime = Builder(config).offer(fake("fast", true, "", refused)).build();
    REQUIRE_FALSE(runtime);
    CHECK(runtime.error().message == "no port for this core");
}

TEST_CASE("auto takes the next driver when one does not start that was said to run", "[runtime][builder][error]") {
    const auto flavour = GENERATE(Flavour::current_thread, Flavour::per_core);
    std::vector<std::string> log;
    Config config = config_for("auto", flavour);
    unsigned refused = 0;
    if (flavour == Flavour::per_core) {
        config.cores = topology::available_cpus().value().lowest(2);
        refused = config.cores->count() - 1;
    }
    const auto build = [&](std::unique_ptr<backend::Backend> second) {
        log.clear();
        return Builder(config)
            .offer(fake("fast", true, "here", refused))
            .offer(std::move(second))
            .on_log([&log](std::string_view line) { log.emplace_back(line); })
            .build();
    };
    {
        auto runtime = build(fake("slow", true, "always there"));
        REQUIRE(runtime);
        CHECK(runtime->driver() == "slow");
        REQUIRE(log.size() >= 2);
        CHECK(log[0] == "backend fast: passed over: does not start: no port for this core");
        CHECK(log[1] == "backend slow: taken: always there");
        CHECK(runtime->block_on([]() -> Task<int> { co_return 7; }()) == 7);
    }
    // The last error is told that one can do something about.
    const auto none = build(fake("slow", false, "no permission"));
    REQUIRE_FALSE(none);
    CHECK(none.error().message == "no port for this core");
}

TEST_CASE("a machine that has no thread left is an error that names the core", "[runtime][builder][error]") {
    Config config = config_for("auto", Flavour::per_core);
    config.cores = topology::available_cpus().value().lowest(1);
    std::string message;
    {
        const tests::NoThreads shortage;
        const auto runtime = Builder(config).build();
        if (!runtime) message = runtime.error().message;
    }
    CHECK_THAT(message, Catch::StartsWith("core 0: cannot start a thread: "));
    CHECK(Builder(config).build());
}

}  // namespace
}  // namespace skerry
