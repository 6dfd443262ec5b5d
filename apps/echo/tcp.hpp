#pragma once

// The TCP half: what is done with a connection, by mode.

#include "counters.hpp"
#include "settings.hpp"

#include <skerry/net/tcp_stream.hpp>
#include <skerry/task/task.hpp>

namespace skerry::echo {

/// Serves one connection to its end. `cores` outlives it.
using Handler = Task<> (*)(net::TcpStream stream, Cores* cores);

[[nodiscard]] Handler handler_for(Mode mode) noexcept;

}  // namespace skerry::echo
