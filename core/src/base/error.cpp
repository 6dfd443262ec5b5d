#include <skerry/base/error.hpp>

#include <skerry/base/assert.hpp>

#include <array>
#include <cerrno>

namespace skerry {

namespace {

struct Entry {
    Errc code;
    std::string_view name;   // as in the enumeration, for metrics and tests
    std::string_view words;  // for people
};

// In the order of the enumeration, so that a code is its own index.
constexpr std::array entries{
    Entry{Errc::ok, "ok", "no error"},
    Entry{Errc::closed, "closed", "closed on this side"},
    Entry{Errc::timed_out, "timed_out", "timed out"},
    Entry{Errc::cancelled, "cancelled", "cancelled"},
    Entry{Errc::runtime_shutdown, "runtime_shutdown", "the runtime is shutting down"},
    Entry{Errc::connection_refused, "connection_refused", "connection refused"},
    Entry{Errc::connection_reset, "connection_reset", "connection reset by the peer"},
    Entry{Errc::connection_aborted, "connection_aborted", "connection aborted"},
    Entry{Errc::not_connected, "not_connected", "not connected"},
    Entry{Errc::broken_pipe, "broken_pipe", "nobody reads what is written"},
    Entry{Errc::unexpected_eof, "unexpected_eof", "the stream ended too early"},
    Entry{Errc::address_in_use, "address_in_use", "address in use"},
    Entry{Errc::address_not_available, "address_not_available", "no interface has that address"},
    Entry{Errc::unreachable, "unreachable", "no route to that address"},
    Entry{Errc::invalid_argument, "invalid_argument", "invalid argument"},
    Entry{Errc::not_found, "not_found", "not found"},
    Entry{Errc::permission_denied, "permission_denied", "permission denied"},
    Entry{Errc::unsupported, "unsupported", "not supported here"},
    Entry{Errc::no_buffers, "no_buffers", "out of buffers"},
    Entry{Errc::no_descriptors, "no_descriptors", "out of file descriptors"},
    Entry{Errc::no_memory, "no_memory", "out of memory"},
    Entry{Errc::message_too_long, "message_too_long", "message too long"},
    Entry{Errc::would_block, "would_block", "not ready"},
    Entry{Errc::full, "full", "full"},
    Entry{Errc::busy, "busy", "in use by another operation"},
    Entry{Errc::device_gone, "device_gone", "the network device was taken away"},
    Entry{Errc::io, "io", "input/output error"},
};

constexpr bool entries_match_the_enumeration() {
    for (std::size_t i = 0; i < entries.size(); ++i)
        if (static_cast<std::size_t>(entries[i].code) != i) return false;
    return entries.size() == static_cast<std::size_t>(Errc::io) + 1;
}
static_assert(entries_match_the_enumeration());

// A number that is no code can only come in through std::error_code, where anybody may write one.
const Entry* find(int code) noexcept {
    return code >= 0 && static_cast<std::size_t>(code) < entries.size() ? &entries[static_cast<std::size_t>(code)]
                                                                        : nullptr;
}

// Where two numbers are the same on Linux (EAGAIN and EWOULDBLOCK, ENOTSUP and EOPNOTSUPP) one stands for both.
// What is not listed has no word of its own: a damaged file, a file that exists already, a link loop.
Errc code_of(int os_error) noexcept {
    switch (os_error) {
        case 0: return Errc::ok;

        case ETIMEDOUT:
        case ETIME: return Errc::timed_out;
        case ECANCELED: return Errc::cancelled;

        case ECONNREFUSED: return Errc::connection_refused;
        case ECONNRESET:
        case ENETRESET: return Errc::connection_reset;
        case ECONNABORTED: return Errc::connection_aborted;
        // A datagram without a receiver, on a socket without a peer.
        case ENOTCONN:
        case EDESTADDRREQ: return Errc::not_connected;
        case EPIPE:
        case ESHUTDOWN: return Errc::broken_pipe;

        case EADDRINUSE: return Errc::address_in_use;
        case EADDRNOTAVAIL: return Errc::address_not_available;
        case ENETUNREACH:
        case EHOSTUNREACH:
        case ENETDOWN:
        case EHOSTDOWN:
        case ENONET: return Errc::unreachable;

        // A bad descriptor is a usage error too: our objects own theirs, so only a foreign one can be bad.
        case EINVAL:
        case EBADF:
        case ENOTSOCK:
        case EFAULT:
        case EISCONN:
        case EISDIR:
        case ESPIPE:
        case EDOM:
        case ERANGE:
        case EOVERFLOW:
        case E2BIG:
        case ENAMETOOLONG:
        case EILSEQ:
        case ENOTTY: return Errc::invalid_argument;

        case ENOENT:
        case ENOTDIR:
        case ENODEV:
        case ENXIO:
        case ESRCH:
        case ECHILD: return Errc::not_found;
        case EACCES:
        case EPERM:
        case EROFS: return Errc::permission_denied;
        case ENOSYS:
        case EOPNOTSUPP:
        case EPROTONOSUPPORT:
        case EPROTOTYPE:
        case ENOPROTOOPT:
        case EAFNOSUPPORT:
        case EPFNOSUPPORT:
        case ESOCKTNOSUPPORT:
        case EXDEV: return Errc::unsupported;

        case ENOBUFS: return Errc::no_buffers;
        case EMFILE:
        case ENFILE: return Errc::no_descriptors;
        case ENOMEM: return Errc::no_memory;
        case ENOSPC:
        case EDQUOT:
        case EFBIG: return Errc::full;
        case EMSGSIZE: return Errc::message_too_long;

        case EAGAIN:
        case EINPROGRESS: return Errc::would_block;
        case EALREADY:
        case EBUSY:
        case ETXTBSY:
        case EDEADLK: return Errc::busy;

        default: return Errc::io;
    }
}

class Category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "skerry"; }

    [[nodiscard]] std::string message(int code) const override {
        const Entry* const entry = find(code);
        return std::string(entry != nullptr ? entry->words : "unknown error");
    }

    [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
        switch (static_cast<Errc>(code)) {
            case Errc::ok: return {};
            case Errc::timed_out: return std::errc::timed_out;
            case Errc::cancelled: return std::errc::operation_canceled;
            case Errc::connection_refused: return std::errc::connection_refused;
            case Errc::connection_reset: return std::errc::connection_reset;
            case Errc::connection_aborted: return std::errc::connection_aborted;
            case Errc::not_connected: return std::errc::not_connected;
            case Errc::broken_pipe: return std::errc::broken_pipe;
            case Errc::address_in_use: return std::errc::address_in_use;
            case Errc::address_not_available: return std::errc::address_not_available;
            case Errc::unreachable: return std::errc::network_unreachable;
            case Errc::invalid_argument: return std::errc::invalid_argument;
            case Errc::not_found: return std::errc::no_such_file_or_directory;
            case Errc::permission_denied: return std::errc::permission_denied;
            case Errc::unsupported: return std::errc::operation_not_supported;
            case Errc::no_buffers: return std::errc::no_buffer_space;
            case Errc::no_descriptors: return std::errc::too_many_files_open;
            case Errc::no_memory: return std::errc::not_enough_memory;
            case Errc::message_too_long: return std::errc::message_size;
            case Errc::would_block: return std::errc::operation_would_block;
            case Errc::busy: return std::errc::device_or_resource_busy;
            case Errc::device_gone: return std::errc::no_such_device;
            case Errc::io: return std::errc::io_error;
            // The standard has no word for these.
            case Errc::closed:
            case Errc::runtime_shutdown:
            case Errc::unexpected_eof:
            case Errc::full: break;
        }
        return {code, *this};
    }
};

// Made before any code runs and never destroyed: static objects return errors in their constructors and
// destructors too.
union Immortal {
    constexpr Immortal() noexcept : category() {}
    ~Immortal() {}
    Category category;
};
constinit const Immortal immortal;

}  // namespace

std::string_view to_string(Errc code) noexcept {
    const Entry* const entry = find(static_cast<int>(code));
    return entry != nullptr ? entry->name : "unknown";
}

Error Error::from_os(int os_error) noexcept {
    SKERRY_ASSERT(os_error >= 0, "an errno is positive: a negated one comes from io_uring and is turned around first");
    return {code_of(os_error), os_error};
}

std::string Error::message() const {
    std::string text = error_category().message(static_cast<int>(code()));
    if (os_error() != 0) {
        text += ": ";
        text += std::system_category().message(os_error());
        text += " (errno " + std::to_string(os_error()) + ")";
    }
    return text;
}

Error::operator std::error_code() const noexcept {
    if (os_error() != 0) return {os_error(), std::system_category()};
    return make_error_code(code());
}

const std::error_category& error_category() noexcept { return immortal.category; }

}  // namespace skerry
