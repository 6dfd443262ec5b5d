#pragma once

// What a script may have at most. Each limit is far above what scripts have and low enough that no text, however it was
// made, takes the parser more than moments or overflows its stack. To pass one is an error that names it.

#include <cstddef>
#include <cstdint>

namespace skerry::pkt::syntax::limits {

inline constexpr std::size_t script_bytes = std::size_t{1} << 20;
inline constexpr std::size_t events = 65'536;
/// Nodes of expressions, in the whole script: values of -D multiply what they stand in.
inline constexpr std::size_t expression_nodes = 262'144;
/// Brackets and operators within each other.
inline constexpr std::size_t nesting = 32;
/// #ifdef within each other.
inline constexpr std::size_t conditionals = 32;
/// Names whose values name each other.
inline constexpr std::size_t substitutions = 8;
inline constexpr std::size_t define_bytes = 1'024;
/// The header has room for 40 bytes of options, and each is at least one.
inline constexpr std::size_t tcp_options = 40;
inline constexpr std::size_t sack_blocks = 4;
/// A cookie fills what the kind and the length leave of 40 bytes.
inline constexpr std::size_t cookie_bytes = 38;
/// Headers before the innermost one.
inline constexpr std::size_t outer_headers = 8;
inline constexpr std::size_t mpls_labels = 16;
inline constexpr std::size_t extension_headers = 8;
/// A header's length is one octet and counts eights, without the first.
inline constexpr std::size_t extension_octets = 2'046;
/// About 31 years; in nanoseconds 2^63 is 292.
inline constexpr std::int64_t seconds = 999'999'999;

}  // namespace skerry::pkt::syntax::limits
