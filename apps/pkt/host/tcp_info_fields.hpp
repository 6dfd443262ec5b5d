#pragma once

// TCP_INFO by the names of Linux's struct tcp_info, as scripts ask for them. Only fields whose meaning the stack shares
// with Linux are there: a number that means something else would make an assertion pass or fail by chance.

#include <skerry/backend/tcp_info.hpp>
#include <skerry/stack/tcp/limits.hpp>
#include <skerry/stack/tcp/tcb.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace skerry::pkt {

/// A moment's view of a connection.
struct TcpInfoFields {
    std::map<std::string, std::int64_t, std::less<>> values;

    /// Nothing when the stack has no such field: the caller says that it is not supported, by its name.
    [[nodiscard]] std::optional<std::int64_t> find(std::string_view name) const;
    friend bool operator==(const TcpInfoFields&, const TcpInfoFields&) = default;
};

[[nodiscard]] TcpInfoFields info_fields(const stack::tcp::Tcb& tcb, const stack::TcpLimits& limits);

/// Linux's number of a state: TCP_ESTABLISHED is 1.
[[nodiscard]] int linux_state(backend::TcpState state) noexcept;

}  // namespace skerry::pkt
