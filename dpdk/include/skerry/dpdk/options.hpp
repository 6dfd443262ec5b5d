#pragma once

// What --dpdk says: which devices, how much memory.
//
//   vdev=net_memif0,role=server,id=0;vdev=net_memif1,role=server,id=1;memory=512
//
// Items stand between semicolons, because the arguments of a device have the commas. `vdev=` and `pci=` may be
// repeated: the first device is port 0. Everything else is given once.

#include <skerry/base/result.hpp>
#include <skerry/stack/steering/toeplitz.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::dpdk {

/// A port to be opened.
struct Device {
    std::string name;       ///< "net_memif0" or "0000:03:00.0"
    std::string arguments;  ///< "role=server,id=0"; empty when there are none
    bool is_pci = false;

    /// As EAL takes it.
    [[nodiscard]] std::string devargs() const { return arguments.empty() ? name : name + "," + arguments; }
};

/// Where packet memory comes from.
enum class Hugepages : std::uint8_t {
    automatic,  ///< huge pages when enough are free, else ordinary ones
    on,         ///< huge pages or nothing
    off,        ///< ordinary pages; enough for virtual devices
};

struct Options {
    static constexpr std::uint32_t ring_entries_max = 32'768;
    static constexpr std::uint32_t mbufs_max = 1U << 24U;

    std::vector<Device> devices;                 ///< vdev=NAME[,ARGUMENTS], pci=ADDRESS[,ARGUMENTS]
    Hugepages hugepages = Hugepages::automatic;  ///< hugepages=auto|on|off
    std::uint32_t memory_mib = 256;              ///< memory=MIB: what packet buffers and rings may take at the least
    std::uint32_t mbufs = 8'191;                 ///< mbufs=N: packet buffers for each port and core
    /// mtu=BYTES of an IP packet, up to backend::mtu_max: every port has this one, or is refused; 0: its own, 1,500 at
    /// most
    std::uint32_t mtu = 0;
    std::uint32_t queues = 0;  ///< queues=N: queue pairs of a port, at most; 0: one for each core
    /// rss_key=random|symmetric: symmetric: both directions of a flow come to one queue, whatever its cost
    stack::RssKey rss_key = stack::RssKey::random;
    std::uint32_t rx_ring = 1'024;  ///< rx_ring=N: descriptors, a power of two
    std::uint32_t tx_ring = 1'024;  ///< tx_ring=N
    bool checksums_by_device = true;  ///< checksums=on|off: on: where the device can; off: the stack makes and checks
    bool cuts_segments = false;  ///< tso=on|off: on: the device cuts long segments of TCP, or is refused
    bool loops_own_address = true;  ///< loop=on|off: off: what goes to --ip leaves by the port
    std::string prefix;  ///< prefix=NAME: of EAL's files; empty: skerry-<process id>
    std::vector<std::string> eal;  ///< eal=ARGUMENT, passed on; see eal_arguments_accepted()
};

/// What is wrong with a text and what is accepted instead, in one line.
struct OptionsError {
    std::string message;
};

/// Reads an option text. A short PCI address gets its domain: `03:00.0` is `0000:03:00.0`.
///
/// Errors: an unknown or repeated key, a value that is not accepted, a device twice, no device at all.
[[nodiscard]] Result<Options, OptionsError> parse_options(std::string_view text);

/// The arguments of EAL that may be passed on, for messages. The others would contradict what the runtime decides
/// (cores, memory, devices), or are no arguments of it: EAL answers those with a page of text.
[[nodiscard]] std::string_view eal_arguments_accepted() noexcept;

}  // namespace skerry::dpdk
