#pragma once

// Memberships in the words of MLD. All of it travels from our link-local address, or :: before there is one, with
// hop limit 1, behind a hop-by-hop header that holds a router alert.
//
// Source: RFC 3810 section 5; RFC 2710 section 3.

#include "config.hpp"
#include "ip_output.hpp"
#include "link.hpp"
#include "membership.hpp"
#include "wire/mld.hpp"

#include <optional>

namespace skerry::stack {

/// Threads: one core.
class MldSpeaker final : public MembershipSpeaker {
public:
    MldSpeaker(const StackConfig& config, Link& link, IpOutput& output) noexcept
        : config_(config), link_(link), output_(output) {}

    [[nodiscard]] unsigned newest_version() const noexcept override { return 2; }
    [[nodiscard]] unsigned leave_version() const noexcept override { return 1; }
    /// All but ff02::1, which every host is in, and what does not leave a host. RFC 3810 section 6.
    [[nodiscard]] bool is_told(wire::Ipv4Addr group) const noexcept override;
    void add(const MembershipRecord& record, time::Instant now) noexcept override;
    void flush(time::Instant now) noexcept override;
    void report_old(wire::Ipv4Addr group, unsigned version, time::Instant now) noexcept override;
    void leave_old(wire::Ipv4Addr group, time::Instant now) noexcept override;

private:
    [[nodiscard]] bool write(const MembershipRecord& record) noexcept;
    void transmit(wire::Icmpv6Type type, const wire::Ipv6Addr& group, const wire::Ipv6Addr& to,
                  time::Instant now) noexcept;
    void send(Frame& message, const wire::Ipv6Addr& to, time::Instant now) noexcept;

    const StackConfig& config_;
    Link& link_;
    IpOutput& output_;
    Frame* frame_ = nullptr;  // of the report that is being made; null between two of them
    std::optional<wire::MldReportWriter> writer_;
};

}  // namespace skerry::stack
