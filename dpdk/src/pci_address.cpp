#include "pci_address.hpp"

#include <algorithm>
#include <cstddef>

namespace skerry::dpdk {

namespace {

bool is_hex(std::string_view text, std::size_t digits) noexcept {
    return text.size() == digits && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace

std::string pci_address(std::string_view text) {
    std::string full(text);
    if (text.size() == 7) full = "0000:" + full;
    const std::string_view view = full;
    const bool is_address = view.size() == 12 && view[4] == ':' && view[7] == ':' && view[10] == '.' &&
                            is_hex(view.substr(0, 4), 4) && is_hex(view.substr(5, 2), 2) &&
                            is_hex(view.substr(8, 2), 2) && view[11] >= '0' && view[11] <= '7';
    if (!is_address) return {};
    std::transform(full.begin(), full.end(), full.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
    return full;
}

}  // namespace skerry::dpdk
