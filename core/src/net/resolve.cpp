#include "runtime/call_on_pool.hpp"

#include <skerry/net/resolve.hpp>
#include <skerry/net/stack_network.hpp>

#include <skerry/base/os_socket_addr.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace skerry::net {

namespace {

using Addresses = Result<std::vector<SocketAddr>>;

Error lookup_error(int code) noexcept {
    switch (code) {
        case EAI_AGAIN: return Errc::timed_out;
        case EAI_MEMORY: return Errc::no_memory;
        case EAI_SYSTEM: return Error::from_os(errno);
        default: return Errc::not_found;
    }
}

Addresses look_up(std::string host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;  // else each address comes once for every protocol
    hints.ai_flags = flags;
    addrinfo* raw = nullptr;
    if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw); code != 0) return lookup_error(code);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(raw, &::freeaddrinfo);
    std::vector<SocketAddr> found;
    for (const addrinfo* entry = raw; entry != nullptr; entry = entry->ai_next) {
        sockaddr_storage storage{};
        std::memcpy(&storage, entry->ai_addr, std::min<std::size_t>(entry->ai_addrlen, sizeof storage));
        if (auto address = from_os(storage, entry->ai_addrlen)) found.push_back(address->with_port(port));
    }
    if (found.empty()) return Errc::not_found;
    return found;
}

}  // namespace

Task<Addresses> resolve(std::string host, std::uint16_t port) {
    if (auto literal = IpAddr::parse(host)) {
        std::vector<SocketAddr> one(1, SocketAddr(*literal, port));
        co_return one;
    }
    // To the system the name would end there, and be another.
    if (host.find('\0') != std::string::npos) co_return Errc::invalid_argument;
    // Which families the kernel has addresses of says nothing of a stack of our own.
    const int flags = stack_network() ? 0 : AI_ADDRCONFIG;
    auto found = co_await runtime::call_on_pool(&look_up, std::move(host), port, flags);
    co_return found;
}

}  // namespace skerry::net
