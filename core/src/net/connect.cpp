#include <skerry/net/connect.hpp>

#include <skerry/net/resolve.hpp>
#include <skerry/task/join_set.hpp>
#include <skerry/task/select.hpp>
#include <skerry/time/sleep.hpp>

#include <cstddef>
#include <utility>

namespace skerry::net {

namespace {

Task<Result<TcpStream>> attempt(SocketAddr to) { co_return co_await TcpStream::connect(to); }

// RFC 8305 section 4: one address of each family in turn, as long as there are two.
std::vector<SocketAddr> interleaved(const std::vector<SocketAddr>& addresses) {
    std::vector<SocketAddr> first_family;
    std::vector<SocketAddr> other;
    for (const SocketAddr& address : addresses)
        (address.is_v4() == addresses.front().is_v4() ? first_family : other).push_back(address);
    std::vector<SocketAddr> order;
    order.reserve(addresses.size());
    for (std::size_t i = 0; order.size() < addresses.size(); ++i) {
        if (i < first_family.size()) order.push_back(first_family[i]);
        if (i < other.size()) order.push_back(other[i]);
    }
    return order;
}

}  // namespace

Task<Result<TcpStream>> connect(std::vector<SocketAddr> addresses, ConnectOptions options) {
    if (addresses.empty()) co_return Errc::invalid_argument;
    const std::vector<SocketAddr> order = interleaved(addresses);
    auto next = order.begin();
    JoinSet<Result<TcpStream>> attempts;
    Error last;
    for (;;) {
        if (next != order.end()) attempts.spawn(attempt(*next++));
        auto event =
            co_await select_biased(attempts.join_next(), when(next != order.end(), time::sleep(options.attempt_delay)));
        if (event.index() == 1) continue;
        auto& ended = std::get<0>(event);
        if (!ended) co_return last;  // none is left
        if (!*ended) co_return Errc::cancelled;
        if (**ended) co_return std::move(**ended);
        last = (**ended).error();
    }
}

Task<Result<TcpStream>> connect(std::string host, std::uint16_t port, ConnectOptions options) {
    auto addresses = co_await resolve(std::move(host), port);
    if (!addresses) co_return addresses.error();
    co_return co_await connect(std::move(*addresses), options);
}

}  // namespace skerry::net
