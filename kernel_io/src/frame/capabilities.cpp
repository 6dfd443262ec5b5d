#include "capabilities.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace skerry::kernel_io::frame {

namespace {

/// What this thread has in effect.
class Effective {
public:
    Effective() noexcept {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        ::syscall(SYS_capget, &header, data_.data());
    }
    [[nodiscard]] bool has(unsigned capability) const noexcept {
        return (data_[capability / 32].effective >> (capability % 32) & 1U) != 0;
    }

private:
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data_{};
};

}  // namespace

// CAP_SYS_ADMIN stands for the two of programs, as it did before Linux 5.8 had CAP_BPF.
std::string missing_for_xdp() {
    const Effective effective;
    const bool may_load_all = effective.has(CAP_SYS_ADMIN);
    std::string missing;
    const auto want = [&](bool is_there, const char* name) {
        if (!is_there) missing += (missing.empty() ? "" : ", ") + std::string(name);
    };
    want(effective.has(CAP_NET_RAW), "CAP_NET_RAW");
    want(may_load_all || effective.has(CAP_BPF), "CAP_BPF");
    want(may_load_all || effective.has(CAP_NET_ADMIN), "CAP_NET_ADMIN");
    return missing;
}

}  // namespace skerry::kernel_io::frame
