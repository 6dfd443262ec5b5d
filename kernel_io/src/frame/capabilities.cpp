#include "capabilities.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace skerry::kernel_io::frame {

namespace {

static_assert(static_cast<unsigned>(Capability::net_admin) == CAP_NET_ADMIN);
static_assert(static_cast<unsigned>(Capability::net_raw) == CAP_NET_RAW);
static_assert(static_cast<unsigned>(Capability::ipc_lock) == CAP_IPC_LOCK);
static_assert(static_cast<unsigned>(Capability::sys_admin) == CAP_SYS_ADMIN);
static_assert(static_cast<unsigned>(Capability::bpf) == CAP_BPF);

const char* name_of(Capability capability) noexcept {
    switch (capability) {
        case Capability::net_admin: return "CAP_NET_ADMIN";
        case Capability::net_raw: return "CAP_NET_RAW";
        case Capability::ipc_lock: return "CAP_IPC_LOCK";
        case Capability::sys_admin: return "CAP_SYS_ADMIN";
        case Capability::bpf: return "CAP_BPF";
    }
    return "";
}

}  // namespace

bool has_capability(Capability capability) noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
    if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
    const auto bit = static_cast<unsigned>(capability);
    return (data[bit / 32].effective >> (bit % 32) & 1U) != 0;
}

std::string missing_capabilities(std::initializer_list<Capability> wanted) {
    std::string missing;
    for (const Capability capability : wanted) {
        if (has_capability(capability)) continue;
        missing += (missing.empty() ? "" : ", ") + std::string(name_of(capability));
    }
    return missing;
}

}  // namespace skerry::kernel_io::frame
