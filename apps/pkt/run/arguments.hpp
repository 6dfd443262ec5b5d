#pragma once

// Arguments of a script's calls as values: `[1]`, `{sa_family = AF_INET, ...}`, `[{..., 1000}]`.

#include "../host/outcome.hpp"
#include "../syntax/calls.hpp"

#include <skerry/base/socket_addr.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skerry::pkt {

using syntax::Expression;

[[nodiscard]] bool is_anything(const Expression& expression);

/// Stops, all of them: with a skip, when it is not written as is known here.

/// How many arguments a call has; one of the two numbers.
void expect_count(const syntax::SystemCall& call, std::size_t least, std::size_t most);
[[nodiscard]] int as_int(const Expression& expression);
[[nodiscard]] std::uint32_t as_bits(const Expression& expression);
[[nodiscard]] std::size_t as_size(const Expression& expression);
/// `[1460]`, or the number alone.
[[nodiscard]] int as_boxed_int(const Expression& expression);
/// Null when the structure has no such field.
[[nodiscard]] const Expression* field(const Expression& structure, std::string_view name);
/// Only these fields are known.
void expect_fields(const Expression& structure, std::initializer_list<std::string_view> names);
/// Nothing of `...`.
[[nodiscard]] std::optional<net::SocketAddr> as_address(const Expression& expression);
/// `[{..., 10}, {..., 20}]`: the lengths.
[[nodiscard]] std::vector<std::size_t> as_lengths(const Expression& expression);
/// What is written: zeros of that many bytes, or the text.
[[nodiscard]] std::vector<std::byte> as_data(const Expression& content, std::size_t bytes);
/// `[1]`, `{onoff = 1, linger = 0}`, `"reno"`.
[[nodiscard]] OptionValue as_option(const Expression& expression);

}  // namespace skerry::pkt
