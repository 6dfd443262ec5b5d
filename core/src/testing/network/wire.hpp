#pragma once

// The links between addresses: when what is sent now arrives, if it does.

#include "../random.hpp"

#include <skerry/base/socket_addr.hpp>
#include <skerry/testing/network.hpp>
#include <skerry/time/instant.hpp>

#include <cstdint>
#include <map>
#include <utility>

namespace skerry::testing {

class Wire {
public:
    explicit Wire(std::uint64_t seed) noexcept : random_(seed) {}

    void set_all(const Link& link) {
        default_ = link;
        links_.clear();
    }
    void set(const net::IpAddr& from, const net::IpAddr& to, const Link& link) { links_[{from, to}] = {link, {}}; }
    [[nodiscard]] const Link& link(const net::IpAddr& from, const net::IpAddr& to) const noexcept {
        const auto found = links_.find({from, to});
        return found == links_.end() ? default_ : found->second.link;
    }

    /// When `bytes` that are sent at `now` arrive.
    [[nodiscard]] time::Instant arrival(const net::IpAddr& from, const net::IpAddr& to, std::size_t bytes,
                                        time::Instant now) {
        const Link& link = this->link(from, to);
        time::Instant sent = now;
        if (link.bytes_per_second != 0) {
            auto entry = links_.find({from, to});
            if (entry == links_.end()) entry = links_.emplace(Route{from, to}, State{default_, {}}).first;
            sent = std::max(now, entry->second.busy_until) + time_on_wire(bytes, entry->second.link.bytes_per_second);
            entry->second.busy_until = sent;
            return sent + entry->second.link.delay + drawn_jitter(entry->second.link);
        }
        return sent + link.delay + drawn_jitter(link);
    }

    [[nodiscard]] Random& random() noexcept { return random_; }

private:
    using Route = std::pair<net::IpAddr, net::IpAddr>;
    struct State {
        Link link;
        time::Instant busy_until;
    };

    static std::chrono::nanoseconds time_on_wire(std::size_t bytes, std::uint64_t bytes_per_second) noexcept {
        const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_second);
        return std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
    }
    std::chrono::nanoseconds drawn_jitter(const Link& link) noexcept {
        return std::chrono::nanoseconds{
            static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(link.jitter.count())))};
    }

    Random random_;
    Link default_;
    std::map<Route, State> links_;
};

}  // namespace skerry::testing
