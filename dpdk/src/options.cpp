#include <skerry/dpdk/options.hpp>

#include "pci_address.hpp"

#include <skerry/backend/mtu.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>

namespace skerry::dpdk {

namespace {

using Failure = std::optional<OptionsError>;

constexpr std::string_view keys_accepted =
    "vdev, pci, memory, hugepages, mbufs, mtu, queues, rss_key, rx_ring, tx_ring, checksums, tso, loop, prefix, eal";

// What RFC 791 asks of every link.
constexpr std::uint32_t mtu_min = 68;

// Each with whether it needs a value.
struct EalArgument {
    std::string_view name;
    bool has_value;
};
constexpr std::array eal_arguments{
    EalArgument{"--iova-mode", true},          EalArgument{"--log-level", true},
    EalArgument{"--vfio-intr", true},          EalArgument{"--vfio-vf-token", true},
    EalArgument{"--socket-limit", true},       EalArgument{"--force-max-simd-bitwidth", true},
    EalArgument{"--match-allocations", false}, EalArgument{"--single-file-segments", false}};

OptionsError refuse(std::string_view item, std::string_view why) {
    return {"dpdk: " + std::string(item) + ": " + std::string(why)};
}

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

bool is_vdev_name(std::string_view text) noexcept {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    // RTE_DEV_NAME_MAX_LEN is 64, with the end.
    return text.size() > 4 && text.size() < 64 && text.find_first_not_of(allowed) == std::string_view::npos &&
           (text.starts_with("net_") || text.starts_with("eth_") || text.starts_with("virtio_user"));
}

class Reader {
public:
    Result<Options, OptionsError> read(std::string_view text) {
        for (std::size_t begin = 0; begin <= text.size();) {
            const std::size_t end = std::min(text.find(';', begin), text.size());
            const std::string_view item = trimmed(text.substr(begin, end - begin));
            begin = end + 1;
            if (item.empty()) continue;
            if (Failure failure = read_item(item)) return Unexpected(std::move(*failure));
        }
        if (options_.devices.empty())
            return Unexpected(
                OptionsError{"dpdk: no device is named; accepted for instance vdev=net_memif0,role=server,id=0 or "
                             "pci=0000:03:00.0"});
        if (options_.cuts_segments && !options_.checksums_by_device)
            return Unexpected(
                OptionsError{"dpdk: tso=on: who cuts segments makes their checksums; leave checksums=off out"});
        return std::move(options_);
    }

private:
    Failure read_item(std::string_view item) {
        const std::size_t equals = item.find('=');
        const std::string_view key = item.substr(0, equals);
        if (equals == std::string_view::npos || equals + 1 == item.size())
            return refuse(item, "not KEY=VALUE; accepted keys: " + std::string(keys_accepted));
        const std::string_view value = item.substr(equals + 1);
        if (key == "vdev" || key == "pci") return read_device(item, value, key == "pci");
        if (key == "eal") return read_eal(item, value);
        if (std::find(seen_.begin(), seen_.end(), key) != seen_.end()) return refuse(item, "given twice");
        seen_.emplace_back(key);
        if (key == "memory") return read_number(item, value, options_.memory_mib, 32, 1U << 20U);
        if (key == "mbufs") return read_number(item, value, options_.mbufs, 512, Options::mbufs_max);
        if (key == "mtu") return read_number(item, value, options_.mtu, mtu_min, backend::mtu_max);
        if (key == "queues") return read_number(item, value, options_.queues, 1, 1024);
        if (key == "rx_ring") return read_ring(item, value, options_.rx_ring);
        if (key == "tx_ring") return read_ring(item, value, options_.tx_ring);
        if (key == "hugepages") return read_hugepages(item, value);
        if (key == "rss_key") return read_rss_key(item, value);
        if (key == "checksums") return read_switch(item, value, options_.checksums_by_device);
        if (key == "tso") return read_switch(item, value, options_.cuts_segments);
        if (key == "loop") return read_switch(item, value, options_.loops_own_address);
        if (key == "prefix") return read_prefix(item, value);
        return refuse(item, "unknown key; accepted: " + std::string(keys_accepted));
    }

    Failure read_device(std::string_view item, std::string_view value, bool is_pci) {
        const std::size_t comma = std::min(value.find(','), value.size());
        Device device;
        device.is_pci = is_pci;
        device.name = is_pci ? pci_address(value.substr(0, comma)) : std::string(value.substr(0, comma));
        if (comma < value.size()) device.arguments = value.substr(comma + 1);
        if (is_pci && device.name.empty())
            return refuse(item, "not a PCI address; accepted as lspci -D prints it, for instance 0000:03:00.0");
        if (!is_pci && !is_vdev_name(device.name))
            return refuse(item,
                          "not the name of a virtual device; accepted for instance net_memif0, net_tap0, net_ring0");
        const auto is_same = [&](const Device& other) { return other.name == device.name; };
        if (std::any_of(options_.devices.begin(), options_.devices.end(), is_same))
            return refuse(item, "this device is named twice; number virtual ones, net_memif0 and net_memif1");
        options_.devices.push_back(std::move(device));
        return {};
    }

    Failure read_eal(std::string_view item, std::string_view value) {
        const std::string_view name = value.substr(0, value.find('='));
        for (const EalArgument& argument : eal_arguments) {
            if (argument.name != name) continue;
            const bool has_value = name.size() + 1 < value.size();
            if (argument.has_value != has_value || (!has_value && name.size() != value.size()))
                return refuse(item, argument.has_value ? "the value is missing" : "takes no value");
            options_.eal.emplace_back(value);
            return {};
        }
        return refuse(item,
                      "not an argument of EAL that is passed on; accepted: " + std::string(eal_arguments_accepted()));
    }

    static Failure read_number(std::string_view item, std::string_view value, std::uint32_t& target,
                               std::uint32_t least, std::uint32_t most) {
        std::uint32_t number = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc{} || end != value.data() + value.size() || number < least || number > most)
            return refuse(item, "not accepted; accepted: " + std::to_string(least) + " to " + std::to_string(most));
        target = number;
        return {};
    }

    static Failure read_ring(std::string_view item, std::string_view value, std::uint32_t& target) {
        if (Failure failure = read_number(item, value, target, 64, Options::ring_entries_max)) return failure;
        if (!std::has_single_bit(target)) return refuse(item, "not a power of two; accepted: 64, 128, ... 32768");
        return {};
    }

    Failure read_hugepages(std::string_view item, std::string_view value) {
        if (value == "auto")
            options_.hugepages = Hugepages::automatic;
        else if (value == "on")
            options_.hugepages = Hugepages::on;
        else if (value == "off")
            options_.hugepages = Hugepages::off;
        else
            return refuse(item, "not accepted; accepted: auto, on, off");
        return {};
    }

    Failure read_rss_key(std::string_view item, std::string_view value) {
        if (value != "random" && value != "symmetric") return refuse(item, "not accepted; accepted: random, symmetric");
        options_.rss_key = value == "symmetric" ? stack::RssKey::symmetric : stack::RssKey::random;
        return {};
    }

    static Failure read_switch(std::string_view item, std::string_view value, bool& target) {
        if (value != "on" && value != "off") return refuse(item, "not accepted; accepted: on, off");
        target = value == "on";
        return {};
    }

    Failure read_prefix(std::string_view item, std::string_view value) {
        if (value.size() > 64 || value.find_first_of("/% ") != std::string_view::npos)
            return refuse(item, "not a file name; accepted: up to 64 characters without /, % and blanks");
        options_.prefix = value;
        return {};
    }

    Options options_;
    std::vector<std::string> seen_;
};

}  // namespace

Result<Options, OptionsError> parse_options(std::string_view text) { return Reader().read(text); }

std::string_view eal_arguments_accepted() noexcept {
    return "--iova-mode=, --log-level=, --vfio-intr=, --vfio-vf-token=, --socket-limit=, --force-max-simd-bitwidth=, "
           "--match-allocations, --single-file-segments";
}

}  // namespace skerry::dpdk
