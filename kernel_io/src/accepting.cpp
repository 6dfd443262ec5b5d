#include "accepting.hpp"

#include <cerrno>

namespace skerry::kernel_io {

bool is_shortage(int error) noexcept {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

bool concerns_one_connection(int error) noexcept {
    switch (error) {
        case ECONNABORTED:
        case EINTR:
        case ENETDOWN:
        case EPROTO:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
        case EPERM: return true;
        default: return false;
    }
}

}  // namespace skerry::kernel_io
