#include "backends.hpp"

#include <skerry/kernel_io/backend.hpp>

#ifdef SKERRY_HAS_DPDK
#include <skerry/dpdk/backend.hpp>
#endif

#include <utility>

namespace skerry::apps {

runtime::Builder builder_for_sockets(const runtime::Config& config) {
    runtime::Builder builder(config);
#ifdef SKERRY_HAS_DPDK
    builder.offer(dpdk::make_backend());
#endif
    builder.offer(kernel_io::make_backend());
    return builder;
}

}  // namespace skerry::apps
