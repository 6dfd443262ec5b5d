#pragma once

// What this process may do, for a line that says what it may not.

#include <string>

namespace skerry::kernel_io::frame {

/// The capabilities that AF_XDP and a program for it want and this thread lacks: "CAP_NET_RAW, CAP_BPF". Empty
/// when it lacks none.
[[nodiscard]] std::string missing_for_xdp();

}  // namespace skerry::kernel_io::frame
