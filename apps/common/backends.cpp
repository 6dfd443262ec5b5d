#include "backends.hpp"

#include "values.hpp"

#include <skerry/kernel_io/backend.hpp>
#include <skerry/trace/notice.hpp>

#ifdef SKERRY_HAS_DPDK
#include <skerry/dpdk/backend.hpp>
#endif

#include <memory>
#include <utility>

namespace skerry::apps {

namespace {

std::vector<std::unique_ptr<backend::Backend>> backends() {
    std::vector<std::unique_ptr<backend::Backend>> all;
#ifdef SKERRY_HAS_DPDK
    all.push_back(dpdk::make_backend());
#endif
    all.push_back(kernel_io::make_backend());
    return all;
}

}  // namespace

std::vector<std::string> backend_names() {
    std::vector<std::string> names;
    for (const auto& backend : backends())
        names.insert(names.end(), backend->drivers().begin(), backend->drivers().end());
    return names;
}

std::string unused_network(const runtime::Config& config, std::string_view driver) {
    if (config.backend != "auto" || !is_kernel_driver(driver)) return {};
    std::string names;
    const auto add = [&names](const char* name, bool is_given) {
        if (is_given) names += (names.empty() ? "" : ", ") + std::string(name);
    };
    add("--ip", !config.ip.empty());
    add("--ip6", !config.ip6.empty());
    add("--gateway", !config.gateway.empty());
    add("--route", !config.routes.empty());
    add("--tcp", !config.tcp.empty());
    add("--vlan", config.vlan != 0);
    if (names.empty()) return {};
    return names + ": not used: auto took " + std::string(driver) +
           ", whose network is the kernel's; for our own stack name dpdk, tap:IF or xdp:IF";
}

void note_unused_network(const runtime::Config& config, const runtime::Runtime& runtime) {
    if (const std::string note = unused_network(config, runtime.driver()); !note.empty()) trace::notice(note);
}

runtime::Builder builder_for_sockets(const runtime::Config& config) {
    // Only a file can have said so: parse_options() refuses it on the command line.
    const bool has_network =
        !(config.ip.empty() && config.ip6.empty() && config.gateway.empty() && config.dpdk.empty()) ||
        !config.routes.empty() || !config.tcp.empty() || config.vlan != 0;
    if (is_kernel_driver(config.backend) && has_network)
        trace::notice("the file's network is not used: with --backend=" + config.backend + " it is the kernel's");
    runtime::Builder builder(config);
    for (auto& backend : backends()) builder.offer(std::move(backend));
    return builder;
}

}  // namespace skerry::apps
