#include "rights.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <system_error>

namespace skerry::dpdk {

namespace fs = std::filesystem;

namespace {

/// A capability by its number in capabilities(7).
struct Capability {
    unsigned number;
    std::string_view name;
};
constexpr Capability net_admin{12, "CAP_NET_ADMIN"};
constexpr Capability net_raw{13, "CAP_NET_RAW"};
constexpr Capability bpf{39, "CAP_BPF"};

struct Kind {
    std::string_view name;
    std::string_view file;  // empty: none
    std::array<const Capability*, 3> capabilities;
};
constexpr std::array kinds{Kind{"net_tap", "/dev/net/tun", {&net_admin, nullptr, nullptr}},
                           Kind{"net_af_packet", {}, {&net_raw, nullptr, nullptr}},
                           Kind{"net_af_xdp", {}, {&net_admin, &net_raw, &bpf}}};

// All of them where that cannot be read: then nothing is said to be missing.
std::uint64_t capabilities_of_process(const fs::path& sysroot) {
    std::ifstream status(sysroot / "proc/self/status");
    std::uint64_t mask = ~std::uint64_t{0};
    constexpr std::string_view key = "CapEff:\t";
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(key)) std::from_chars(line.data() + key.size(), line.data() + line.size(), mask, 16);
    return mask;
}

}  // namespace

std::string missing_right(std::string_view device, const fs::path& sysroot) {
    const std::string_view name = device.substr(0, device.find_last_not_of("0123456789") + 1);
    for (const Kind& kind : kinds) {
        if (kind.name != name) continue;
        std::error_code error;
        if (!kind.file.empty() && !fs::exists(sysroot / fs::path(kind.file).relative_path(), error))
            return "there is no " + std::string(kind.file) + "; give the container this device";
        const std::uint64_t has = capabilities_of_process(sysroot);
        std::string lacking;
        for (const Capability* wanted : kind.capabilities)
            if (wanted != nullptr && (has >> wanted->number & 1U) == 0)
                lacking += (lacking.empty() ? "" : ", ") + std::string(wanted->name);
        if (!lacking.empty()) return "it needs " + lacking + "; run it as root, or give the container this capability";
    }
    return {};
}

}  // namespace skerry::dpdk
