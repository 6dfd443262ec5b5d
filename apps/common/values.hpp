#pragma once

// The values of the shared command line: from text to what the runtime takes. Each function returns the value
// or a sentence that says what was wrong and what is accepted, without the option's name.

#include <skerry/base/result.hpp>
#include <skerry/runtime/config.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::apps {

/// What is wrong with a value and what is accepted instead, in one line.
struct ValueError {
    std::string message;
};

template <class T>
using Parsed = Result<T, ValueError>;

/// Where to listen. A host is an IPv4 or IPv6 address (without brackets) or a name to be resolved.
struct ListenAddress {
    std::string text;  ///< as it was given
    std::string host;
    std::uint16_t port = 0;
};

/// Whether this driver's addresses are the kernel's, so that it has no use for options of a network.
[[nodiscard]] bool is_kernel_driver(std::string_view name) noexcept;

/// `auto`, `dpdk`, `io_uring`, `epoll`, `tap:IF` or `xdp:IF`. Whether this build has it is not asked here.
Parsed<std::string> parse_backend(std::string_view text);

/// `auto`, which is nothing, or a list of CPUs.
Parsed<std::optional<topology::CpuSet>> parse_cores(std::string_view text);

Parsed<runtime::IdlePolicy> parse_idle(std::string_view text);
Parsed<runtime::Flavour> parse_flavour(std::string_view text);

/// Decimal digits and nothing else, also no sign; nothing when that is more than `max`.
std::optional<std::uint64_t> parse_whole_number(std::string_view text,
                                                std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) noexcept;

/// A whole number and a unit: `250us`, `100ms`, `5s`, `2min`. Zero is a duration. At most ten years, so that a few of
/// them may be added to each other and to the time.
Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// The number of a VLAN, 1 to 4094.
Parsed<std::uint16_t> parse_vlan(std::string_view text);

/// A number of bytes, at least 1: `4096`, or in units of 1024 `64K`, `16M`, `2G`.
Parsed<std::uint64_t> parse_byte_count(std::string_view text);

/// `127.0.0.1:7001`, `[::1]:7001`, `localhost:7001`. Port 0 lets the system choose one.
Parsed<ListenAddress> parse_listen(std::string_view text);

/// An interface's address with its prefix length, `198.18.0.2/24`, or up to eight with commas between them, and of
/// several ports a part for each with plus signs between them, of which one may be empty; returned as it was given. So
/// are the three below.
Parsed<std::string> parse_ipv4_interface(std::string_view text);
/// `2001:db8::2/64`, or several likewise.
Parsed<std::string> parse_ipv6_interface(std::string_view text);

/// An IPv4 or IPv6 address without prefix or port; returned as it was given.
Parsed<std::string> parse_gateway(std::string_view text);

/// Networks, each with its router or on the link, with commas: `198.51.100.0/24:198.18.0.1,10.0.0.0/8`; returned as it
/// was given.
Parsed<std::string> parse_routes(std::string_view text);

/// A TCP profile, and settings that differ from it: `lowlat,ecn=asks`; returned as it was given.
Parsed<std::string> parse_tcp_options(std::string_view text);

}  // namespace skerry::apps
