#pragma once

// What the Builder of a simulated host's runtime sees.

#include "wire_port.hpp"

#include <skerry/backend/backend.hpp>
#include <skerry/stack/config.hpp>

#include <cstdint>
#include <memory>

namespace skerry::testing {

/// The address of the host that came as number `station`: 198.18.0.1 and on.
[[nodiscard]] stack::wire::Ipv4Addr address_of(Station station) noexcept;

/// The same in the network of `network6`, whose host's number it gets; of :: it is ::.
[[nodiscard]] stack::wire::Ipv6Addr address6_of(const stack::wire::Ipv6Addr& network6, Station station) noexcept;

/// `config` with the addresses and the seed of one host.
[[nodiscard]] stack::StackConfig config_of(stack::StackConfig config, Station station, std::uint64_t seed) noexcept;

/// The driver `testing`, whose one core is a HostLoop. `keep` lives as long as the backend.
[[nodiscard]] std::unique_ptr<backend::Backend> make_host_backend(const stack::StackConfig& config, const Place& place,
                                                                  std::shared_ptr<void> keep = nullptr);

}  // namespace skerry::testing
