#pragma once

// The names that a run defines: `-D NAME` and `-D NAME=VALUE`. #ifdef asks whether a name is there; where an
// expression, a number or a cookie has a name with a value, the value stands for it.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::pkt::syntax {

/// Threads: as a std::map.
class Defines {
public:
    /// Takes `NAME` or `NAME=VALUE`; a later one replaces an earlier one. Empty, or why it cannot be used, in words
    /// that follow on `-D TEXT: `.
    [[nodiscard]] std::string add(std::string_view text);

    [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
    /// Null without the name, and for a name without a value.
    [[nodiscard]] const std::string* value(std::string_view name) const;

private:
    std::map<std::string, std::optional<std::string>, std::less<>> values_;
};

}  // namespace skerry::pkt::syntax
