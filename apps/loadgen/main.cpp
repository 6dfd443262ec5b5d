// skerry-loadgen: requests on a schedule, and how long the answers take. See README.md beside this file.

#include "commands.hpp"

#include "common/process.hpp"

#include <string_view>

int main(int argc, char** argv) {
    using namespace skerry::loadgen;
    skerry::apps::prepare_process();
    const std::string_view word = argc > 1 ? argv[1] : "";
    if (word == "report") return command_report(argc - 1, argv + 1);
    if (word == "compare") return command_compare(argc - 1, argv + 1);
    if (word == "sweep") return command_sweep(argc - 1, argv + 1);
    if (word == "jitter") return command_jitter(argc - 1, argv + 1);
    return command_run(argc, argv);
}
