#pragma once

// How a port spreads packets over its queues. With our key and a table that names the queues in turn, which queue a
// packet comes by is known before it comes (stack::Steering); a port that does not let us choose both is asked to
// spread as it likes, and cores steer.

#include <skerry/stack/steering/toeplitz.hpp>

#include <array>
#include <cstdint>
#include <string>

struct rte_eth_conf;
struct rte_eth_dev_info;

namespace skerry::dpdk {

class Rss {
public:
    Rss() noexcept = default;
    explicit Rss(const rte_eth_dev_info& info) noexcept;

    /// Whether the port takes our key and our table.
    [[nodiscard]] bool is_ours() const noexcept { return key_bytes_ != 0 && table_entries_ != 0; }
    [[nodiscard]] std::uint16_t table_entries() const noexcept { return table_entries_; }

    /// Before the port is configured with several queues; the key is copied.
    void ask(rte_eth_conf& conf, const stack::Toeplitz::Key& key) noexcept;

    /// After the port was started: writes the table and reads key and table back. Whether the port has them now.
    [[nodiscard]] bool program(std::uint16_t port, std::uint16_t queues) const noexcept;

    /// Of a port that was programmed: whether the ports of datagrams count, as those of segments do.
    [[nodiscard]] bool hashes_udp_ports(std::uint16_t port) const noexcept;
    /// The same of segments of IPv6, and of its datagrams.
    [[nodiscard]] bool hashes_v6(std::uint16_t port) const noexcept;
    [[nodiscard]] bool hashes_udp6_ports(std::uint16_t port) const noexcept;

private:
    static constexpr std::uint8_t key_bytes_max = 64;

    [[nodiscard]] std::uint64_t types_of(std::uint16_t port) const noexcept;
    [[nodiscard]] bool has_table(std::uint16_t port, std::uint16_t queues) const noexcept;

    std::uint64_t types_ = 0;
    std::uint8_t key_bytes_ = 0;  // 0: not ours to choose
    std::uint16_t table_entries_ = 0;  // 0: the same
    std::array<std::uint8_t, key_bytes_max> key_{};
};

/// Of a port with `queues` queue pairs at most that `cores` cores are to use: "16 queue pairs, hash predicted", "1
/// queue pair, software steering", and of one core's, which nobody steers, "4 queue pairs". The hash counts where it is
/// ours and each core has a queue pair.
[[nodiscard]] std::string description_of(std::uint16_t queues, std::uint16_t cores, bool is_hash_ours);

}  // namespace skerry::dpdk
