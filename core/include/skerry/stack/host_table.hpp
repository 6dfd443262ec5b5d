#pragma once

// Tables by host. Whoever may choose the addresses in one would choose those that share a bucket: the library's own
// hash of a number is the number. So it has a secret.

#include "random.hpp"
#include "siphash.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace skerry::stack {

struct HashOfHost {
    SipKey secret;
    std::size_t operator()(std::uint32_t host) const noexcept { return siphash_12(secret, host, 0); }
};

template <class Value>
using HostTable = std::unordered_map<std::uint32_t, Value, HashOfHost>;

/// How many entries a look-up visits at most, as the table stands.
template <class Value>
[[nodiscard]] std::size_t visits_max(const HostTable<Value>& table) noexcept {
    std::size_t most = 0;
    for (std::size_t bucket = 0; bucket < table.bucket_count(); ++bucket)
        most = std::max(most, table.bucket_size(bucket));
    return most;
}

}  // namespace skerry::stack
