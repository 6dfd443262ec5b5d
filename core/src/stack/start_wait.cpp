#include <skerry/stack/dhcp_client.hpp>
#include <skerry/stack/start_wait.hpp>

#include <skerry/base/socket_addr.hpp>

namespace skerry::stack {

std::string why_no_lease(Stack& stack) {
    const std::string seconds =
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(lease_wait).count()) + " s";
    const std::string next_step = ", or write the address: --ip=198.18.0.2/24";
    if (stack.dhcp() == nullptr) return "the first core got no address by DHCP within " + seconds;
    const DhcpCounts& counts = stack.dhcp()->counts();
    if (counts.declines != 0)
        return "the DHCP server gives addresses that other stations have; look at its range" + next_step;
    if (counts.naks != 0) return "the DHCP server refuses the addresses that it offers; look at its log" + next_step;
    if (counts.acks != 0) return "a DHCP server answered too late to be sure of its address; start again";
    if (counts.offers != 0)
        return "a DHCP server offered an address and did not acknowledge it; look at its log" + next_step;
    return "no DHCP server answered within " + seconds + "; start one on this link" + next_step;
}

}  // namespace skerry::stack
