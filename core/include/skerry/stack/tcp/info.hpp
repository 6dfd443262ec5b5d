#pragma once

// What a connection tells of itself.

#include "limits.hpp"
#include "tcb.hpp"

#include "../../backend/tcp_info.hpp"

namespace skerry::stack::tcp {

[[nodiscard]] backend::TcpState to_tcp_state(State state) noexcept;

[[nodiscard]] backend::TcpInfo info_of(const Tcb& tcb, const TcpLimits& limits) noexcept;

}  // namespace skerry::stack::tcp
