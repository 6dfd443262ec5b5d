#include <skerry/base/os_socket_addr.hpp>

#include <bit>
#include <cstring>

namespace skerry::net {

namespace {

// The storage holds whatever family it says; copying in and out is how that is read without breaking aliasing.
template <class Os>
Os get(const sockaddr_storage& in) noexcept {
    Os os;
    std::memcpy(&os, &in, sizeof(os));
    return os;
}

SocketAddr from_v6(const sockaddr_in6& in) noexcept {
    const auto octets = std::bit_cast<std::array<std::uint8_t, 16>>(in.sin6_addr);
    return {IpAddr::v6(octets), detail::swapped_to_network(in.sin6_port), in.sin6_scope_id};
}

}  // namespace

socklen_t detail::to_os_v6(const SocketAddr& address, sockaddr_storage& out) noexcept {
    sockaddr_in6 os{};
    os.sin6_family = AF_INET6;
    os.sin6_port = detail::swapped_to_network(address.port());
    os.sin6_scope_id = address.scope();
    std::memcpy(&os.sin6_addr, address.ip().octets().data(), sizeof os.sin6_addr);
    std::memcpy(&out, &os, sizeof os);
    return sizeof os;
}

Result<SocketAddr> from_os(const sockaddr_storage& in, socklen_t length) noexcept {
    if (length < sizeof(sa_family_t)) return Errc::invalid_argument;
    switch (in.ss_family) {
        case AF_INET: {
            if (length < sizeof(sockaddr_in)) return Errc::invalid_argument;
            SocketAddr address;
            detail::from_v4(in, address);
            return address;
        }
        case AF_INET6:
            if (length < sizeof(sockaddr_in6)) return Errc::invalid_argument;
            return from_v6(get<sockaddr_in6>(in));
        default: return Errc::unsupported;
    }
}

}  // namespace skerry::net
