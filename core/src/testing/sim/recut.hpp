#pragma once

// Segments of TCP as a peer sends them again who cuts its stream at other places: a part of what was sent, and of what
// follows it.

#include "../random.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace skerry::testing {

/// A segment with the end of the payload of `before` and the beginning of that of `frame`, both chosen by chance, and
/// the headers of `frame`. Both are whole Ethernet frames. Nothing, where `frame` is no data that carries on what
/// `before` ended with, or has extension headers of IPv6.
[[nodiscard]] std::vector<std::byte> recut(std::span<const std::byte> before, std::span<const std::byte> frame,
                                           Random& random);

}  // namespace skerry::testing
