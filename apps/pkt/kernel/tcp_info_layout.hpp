#pragma once

// Linux's struct tcp_info, by the names of its fields. It grows at its end, and a kernel tells as much as it knows:
// what is told decides which fields there are, and not the header that this was compiled with.

#include "../host/tcp_info_fields.hpp"

#include <cstddef>
#include <span>

namespace skerry::pkt::kernel {

/// Of what getsockopt() gave for TCP_INFO. Times are in the kernel's units: microseconds, but milliseconds since data
/// and acknowledgements (tcpi_last_*) and in tcpi_total_rto_time.
[[nodiscard]] TcpInfoFields info_fields(std::span<const std::byte> told);

}  // namespace skerry::pkt::kernel
