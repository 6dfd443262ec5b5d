#include <skerry/stack/router_search.hpp>

#include <skerry/stack/ndp_frame.hpp>

namespace skerry::stack {

void RouterSearch::begin(time::Instant now) noexcept {
    asked_ = 0;
    timers_.set(*this, now);
}

// From :: it may not say where we are: RFC 4861 section 4.1.
void RouterSearch::ask() noexcept {
    ++asked_;
    const wire::Ipv6Addr to = wire::Ipv6Addr::all_routers();
    const OwnAddress& own = ipv6_link_.facts().link_local;
    wire::NdpMessage question;
    question.type = wire::Icmpv6Type::router_solicitation;
    question.has_source_link = own.is_usable();
    question.source_link = link_.mac();
    Frame* const frame = make_ndp_packet(link_, question, own.is_usable() ? own.address : wire::Ipv6Addr{}, to);
    if (frame != nullptr) link_.send(*frame, wire::MacAddr::of_group(to), wire::ether_type::ipv6);
}

void RouterSearch::on_time(Timer& timer, time::Instant now) noexcept {
    auto& self = static_cast<RouterSearch&>(timer);
    if (self.asked_ == questions_max) return self.on_end_(self.owner_, now);
    self.ask();
    self.timers_.set(self, now + (self.asked_ == questions_max ? std::chrono::nanoseconds{last_wait} : interval));
}

}  // namespace skerry::stack
