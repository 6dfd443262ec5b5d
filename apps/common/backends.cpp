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

runtime::Builder builder_for_sockets(const runtime::Config& config) {
    // Only a file can have said so: parse_options() refuses it on the command line.
    const bool has_network =
        !(config.ip.empty() && config.ip6.empty() && config.gateway.empty() && config.dpdk.empty()) || config.vlan != 0;
    if (is_kernel_driver(config.backend) && has_network)
        trace::notice("the file's network is not used: with --backend=" + config.backend + " it is the kernel's");
    runtime::Builder builder(config);
    for (auto& backend : backends()) builder.offer(std::move(backend));
    return builder;
}

}  // namespace skerry::apps
