#pragma once

// A system call that failed, as one line for a person.

#include "../host/outcome.hpp"

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace skerry::pkt::kernel {

/// "a TUN device: Operation not permitted". `error` is an errno.
[[nodiscard]] inline Unsupported os_reason(std::string_view what, int error = errno) {
    return {std::string(what) + ": " + std::generic_category().message(error)};
}

}  // namespace skerry::pkt::kernel
