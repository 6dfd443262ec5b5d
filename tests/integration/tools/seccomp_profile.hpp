#pragma once

// A seccomp profile in the format of Docker and OCI, as far as ours uses it, put in force for this process: system
// calls are allowed but for those that an entry refuses with an error number, always or for some values of their
// arguments. Whatever else a profile says is refused with a line, since leaving it out would test another profile.

#include <nlohmann/json.hpp>
#include <seccomp.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace skerry::tests {

class SeccompProfile {
public:
    SeccompProfile() = default;
    SeccompProfile(const SeccompProfile&) = delete;
    SeccompProfile& operator=(const SeccompProfile&) = delete;
    ~SeccompProfile() {
        if (filter_ != nullptr) ::seccomp_release(filter_);
    }

    /// Reads a file; a line that says what cannot be used, or nothing.
    [[nodiscard]] std::string read(const std::string& path) {
        std::ifstream file(path);
        const auto profile = nlohmann::json::parse(file, nullptr, false);
        if (!profile.is_object()) return path + ": no JSON object";
        if (profile.value("defaultAction", "") != "SCMP_ACT_ALLOW")
            return path + ": defaultAction: SCMP_ACT_ALLOW only";
        filter_ = ::seccomp_init(SCMP_ACT_ALLOW);
        if (filter_ == nullptr) return "libseccomp makes no filter";
        for (const auto& entry : profile.at("syscalls"))
            if (std::string wrong = add(entry); !wrong.empty()) return path + ": " + wrong;
        return {};
    }

    /// From here on, for this process and what it starts.
    [[nodiscard]] std::string enforce() const {
        const int error = ::seccomp_load(filter_);
        return error == 0 ? std::string() : "the filter is not taken: error " + std::to_string(-error);
    }

private:
    std::string add(const nlohmann::json& entry) {
        if (entry.value("action", "") != "SCMP_ACT_ERRNO") return entry.dump() + ": action: SCMP_ACT_ERRNO only";
        std::vector<scmp_arg_cmp> conditions;
        for (const auto& argument : entry.value("args", nlohmann::json::array())) {
            if (argument.value("op", "") != "SCMP_CMP_MASKED_EQ") return entry.dump() + ": op: SCMP_CMP_MASKED_EQ only";
            conditions.push_back({argument.at("index").get<unsigned>(), SCMP_CMP_MASKED_EQ,
                                  argument.at("value").get<std::uint64_t>(),
                                  argument.at("valueTwo").get<std::uint64_t>()});
        }
        const std::uint32_t action = SCMP_ACT_ERRNO(entry.at("errnoRet").get<std::uint16_t>());
        for (const auto& name : entry.at("names")) {
            const int number = ::seccomp_syscall_resolve_name(name.get<std::string>().c_str());
            if (number == __NR_SCMP_ERROR) continue;  // of another architecture, or newer than the library
            if (const int error = ::seccomp_rule_add_array(filter_, action, number,
                                                           static_cast<unsigned>(conditions.size()), conditions.data());
                error != 0)
                return name.dump() + ": error " + std::to_string(-error);
        }
        return {};
    }

    scmp_filter_ctx filter_ = nullptr;
};

}  // namespace skerry::tests
