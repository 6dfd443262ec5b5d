// skerry-echo: a TCP or UDP server that answers what it gets. See README.md beside this file.

#include "common/backends.hpp"
#include "common/output_file.hpp"
#include "common/process.hpp"
#include "common/report.hpp"
#include "counters.hpp"
#include "service.hpp"
#include "settings.hpp"

#include <skerry/runtime/builder.hpp>

#include <optional>
#include <string>

int main(int argc, char** argv) {
    using namespace skerry;
    apps::prepare_process();
    auto settings = echo::read_settings(argc, argv);
    if (!settings) return apps::finish(settings.error());
    if (auto plan = runtime::resolve_cores(settings->shared.runtime); !plan) return apps::report(plan.error());
    std::optional<apps::OutputFile> json;
    if (const std::string& path = settings->shared.json_file; !path.empty()) {
        auto file = apps::OutputFile::open(path);
        if (!file) return apps::report(file.error());
        json.emplace(std::move(*file));
    }

    auto runtime = apps::builder_for_sockets(settings->shared.runtime).build();
    if (!runtime) return apps::report(runtime.error());
    echo::Cores cores(runtime->plan().cores.size());
    const echo::Served served = runtime->block_on(echo::serve(*settings, *runtime, cores));
    runtime->shutdown(settings->shared.runtime.grace);
    if (served.exit_code != 0 || !json) return served.exit_code;
    const auto written = json->write(echo::to_json(served.last));
    return written ? 0 : apps::report(written.error());
}
