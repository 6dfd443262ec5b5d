// skerry-echo: a TCP or UDP server that answers what it gets. See README.md beside this file.

#include "common/descriptors.hpp"
#include "common/report.hpp"
#include "counters.hpp"
#include "service.hpp"
#include "settings.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/runtime/builder.hpp>

#include <fstream>
#include <string>

namespace {

using namespace skerry;

int write_json(const std::string& path, const echo::CoreState& total) {
    if (path.empty()) return 0;
    std::ofstream file(path);
    file << echo::to_json(total);
    file.close();
    return file ? 0 : apps::report("cannot write " + path);
}

}  // namespace

int main(int argc, char** argv) {
    auto settings = echo::read_settings(argc, argv);
    if (!settings) return apps::finish(settings.error());
    if (auto plan = runtime::resolve_cores(settings->shared.runtime); !plan) return apps::report(plan.error());
    apps::raise_descriptor_limit();

    auto runtime = runtime::Builder(settings->shared.runtime).offer(kernel_io::make_backend()).build();
    if (!runtime) return apps::report(runtime.error());
    echo::Cores cores(runtime->plan().cores.size());
    const int code = runtime->block_on(echo::serve(*settings, *runtime, cores));
    runtime->shutdown(settings->shared.runtime.grace);
    if (code != 0) return code;
    return write_json(settings->shared.json_file, cores.total());
}
