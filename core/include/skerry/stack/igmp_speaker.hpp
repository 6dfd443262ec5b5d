#pragma once

// Memberships in the words of IGMP. All of it travels with TTL 1, a router alert and the precedence of network control.
//
// Source: RFC 3376 section 4; RFC 2236 section 2; RFC 1112 appendix I.

#include "config.hpp"
#include "ip_output.hpp"
#include "link.hpp"
#include "membership.hpp"
#include "wire/igmp.hpp"

namespace skerry::stack {

/// Threads: one core.
class IgmpSpeaker final : public MembershipSpeaker {
public:
    IgmpSpeaker(const StackConfig& config, Link& link, IpOutput& output) noexcept
        : config_(config), link_(link), output_(output) {}

    [[nodiscard]] unsigned newest_version() const noexcept override { return 3; }
    [[nodiscard]] unsigned leave_version() const noexcept override { return 2; }
    /// All but 224.0.0.1, which every host is in.
    [[nodiscard]] bool is_told(wire::Ipv4Addr group) const noexcept override { return group != wire::igmp_all_systems; }
    void add(const MembershipRecord& record, time::Instant now) noexcept override;
    void flush(time::Instant now) noexcept override;
    void report_old(wire::Ipv4Addr group, unsigned version, time::Instant now) noexcept override;
    void leave_old(wire::Ipv4Addr group, time::Instant now) noexcept override;

private:
    void transmit(wire::IgmpType type, wire::Ipv4Addr group, wire::Ipv4Addr to, time::Instant now) noexcept;

    const StackConfig& config_;
    Link& link_;
    IpOutput& output_;
    Frame* frame_ = nullptr;  // of the report that is being made; null between two of them
    wire::IgmpReportWriter writer_;
};

}  // namespace skerry::stack
