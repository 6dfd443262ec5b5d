#include <skerry/stack/icmp_error.hpp>

#include <cerrno>
#include <iterator>

namespace skerry::stack {

using wire::Icmpv6Type;
using wire::IcmpType;

namespace {

// By what may pass a connect ends too, as on Linux. RFC 9293 section 3.9.2.2 has it wait on, for two minutes; a program
// that knows another address of the host would not come to it before (RFC 5461).
constexpr IcmpMeaning passing(int error) noexcept { return {static_cast<std::uint8_t>(error), false, true}; }
constexpr IcmpMeaning hard(int error) noexcept { return {static_cast<std::uint8_t>(error), true, true}; }

// Routes that run in a circle, and headers that a router finds odd, end no connect.
constexpr IcmpMeaning on_its_way{EHOSTUNREACH, false, false};
constexpr IcmpMeaning of_a_header{EPROTO, true, false};

constexpr IcmpMeaning too_long{EMSGSIZE, true, false, true};

// RFC 1812 section 5.2.7.1 names those above 5.
constexpr IcmpMeaning of_unreachable[] = {
    passing(ENETUNREACH),  // network
    passing(EHOSTUNREACH),  // host
    hard(ENOPROTOOPT),  // protocol
    hard(ECONNREFUSED),  // port
    too_long,  // fragmentation needed
    passing(EOPNOTSUPP),  // source route failed
    hard(ENETUNREACH),  // network unknown
    hard(EHOSTDOWN),  // host unknown
    hard(ENONET),  // source host isolated
    hard(ENETUNREACH),  // network prohibited
    hard(EHOSTUNREACH),  // host prohibited
    passing(ENETUNREACH),  // network, of this type of service
    passing(EHOSTUNREACH),  // host, of this type of service
    hard(EHOSTUNREACH),  // prohibited by filtering
    hard(EHOSTUNREACH),  // precedence violation
    hard(EHOSTUNREACH),  // precedence cutoff
};

// RFC 4443 section 3.1.
constexpr IcmpMeaning of_unreachable_v6[] = {
    passing(ENETUNREACH),  // no route
    hard(EACCES),  // prohibited
    passing(EHOSTUNREACH),  // beyond the scope of the source
    passing(EHOSTUNREACH),  // address
    hard(ECONNREFUSED),  // port
    hard(EACCES),  // source failed a policy
    hard(EACCES),  // rejected route
};

}  // namespace

std::optional<IcmpMeaning> meaning_of(IcmpType type, std::uint8_t code) noexcept {
    switch (type) {
        case IcmpType::unreachable:
            if (code < std::size(of_unreachable)) return of_unreachable[code];
            return {};
        case IcmpType::time_exceeded: return on_its_way;
        case IcmpType::parameter_problem: return of_a_header;
        default: return {};
    }
}

// A next header that nobody speaks there is ICMP's unreachable protocol: RFC 7915 section 5.2.
std::optional<IcmpMeaning> meaning_of(Icmpv6Type type, std::uint8_t code) noexcept {
    switch (type) {
        case Icmpv6Type::unreachable:
            return code < std::size(of_unreachable_v6) ? of_unreachable_v6[code] : hard(EPROTO);
        case Icmpv6Type::packet_too_big: return too_long;
        case Icmpv6Type::time_exceeded: return on_its_way;
        case Icmpv6Type::parameter_problem: return code == wire::icmpv6_code::next_header ? hard(EPROTO) : of_a_header;
        default: return {};
    }
}

}  // namespace skerry::stack
