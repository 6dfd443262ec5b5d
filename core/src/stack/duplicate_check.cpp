#include <skerry/stack/duplicate_check.hpp>

#include <skerry/stack/ndp_frame.hpp>

namespace skerry::stack {

void DuplicateCheck::begin(const DuplicateCheckSetup& setup, std::size_t place, const wire::Ipv6Addr& address,
                           std::chrono::nanoseconds delay, std::chrono::nanoseconds retransmit,
                           time::Instant now) noexcept {
    setup_ = &setup;
    place_ = place;
    address_ = address;
    retransmit_ = retransmit;
    asked_ = 0;
    setup.timers.set(*this, now + delay);
}

void DuplicateCheck::ask() noexcept {
    nonce_ = (std::uint64_t{setup_->random.next()} << 32U | setup_->random.next()) & wire::ndp_nonce_mask;
    ++asked_;
    wire::NdpMessage question;
    question.type = wire::Icmpv6Type::neighbour_solicitation;
    question.target = address_;
    question.has_nonce = true;
    question.nonce = nonce_;
    const wire::Ipv6Addr to = address_.solicited_node();
    Frame* const frame = make_ndp_packet(setup_->link, question, {}, to);
    if (frame != nullptr) setup_->link.send(*frame, wire::MacAddr::of_group(to), wire::ether_type::ipv6);
}

void DuplicateCheck::on_time(Timer& timer, time::Instant now) noexcept {
    auto& self = static_cast<DuplicateCheck&>(timer);
    if (self.asked_ == questions) return self.setup_->on_unique(self.setup_->owner, self.place_, now);
    self.ask();
    self.setup_->timers.set(self, now + self.retransmit_);
}

}  // namespace skerry::stack
