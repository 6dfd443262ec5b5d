#include "errno_of.hpp"

#include <cerrno>

namespace skerry::pkt {

std::optional<int> errno_of(Error error, Flavour flavour) noexcept {
    if (error.os_error() != 0 && flavour == Flavour::linux_like) return error.os_error();
    switch (error.code()) {
        case Errc::ok: return 0;
        case Errc::connection_refused: return ECONNREFUSED;
        case Errc::connection_reset: return ECONNRESET;
        // A reset behind the peer's FIN. FreeBSD tells it from no other.
        case Errc::broken_pipe: return flavour == Flavour::freebsd ? ECONNRESET : EPIPE;
        case Errc::connection_aborted: return ECONNABORTED;
        case Errc::timed_out: return ETIMEDOUT;
        case Errc::address_in_use: return EADDRINUSE;
        case Errc::address_not_available: return EADDRNOTAVAIL;
        case Errc::permission_denied: return EACCES;
        case Errc::message_too_long: return EMSGSIZE;
        case Errc::no_buffers: return ENOBUFS;
        case Errc::no_memory: return ENOMEM;
        default: return {};
    }
}

}  // namespace skerry::pkt
