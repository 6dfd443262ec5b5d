#include "defines.hpp"

#include "characters.hpp"
#include "limits.hpp"

#include <algorithm>

namespace skerry::pkt::syntax {

std::string Defines::add(std::string_view text) {
    if (text.size() > limits::define_bytes) return "longer than " + std::to_string(limits::define_bytes) + " bytes";
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    if (name.empty() || !begins_word(name.front()) || !std::ranges::all_of(name, continues_word))
        return "a name is letters, digits and '_', and begins with no digit";
    std::optional<std::string> value;
    if (equals != std::string_view::npos) value = text.substr(equals + 1);
    if (value && value->find('\0') != std::string::npos) return "a NUL byte in the value";
    values_.insert_or_assign(std::string(name), std::move(value));
    return {};
}

const std::string* Defines::value(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() || !found->second ? nullptr : &*found->second;
}

}  // namespace skerry::pkt::syntax
