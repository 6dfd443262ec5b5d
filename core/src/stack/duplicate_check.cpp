#include <skerry/stack/duplicate_check.hpp>

#include <skerry/stack/ndp_frame.hpp>

#include <algorithm>

namespace skerry::stack {

void DuplicateCheck::begin(const DuplicateCheckSetup& setup, std::size_t place, const wire::Ipv6Addr& address,
                           std::chrono::nanoseconds delay, std::chrono::nanoseconds retransmit,
                           time::Instant now) noexcept {
    setup_ = &setup;
    place_ = place;
    address_ = address;
    retransmit_ = std::min<std::chrono::nanoseconds>(retransmit, retransmit_max);
    asked_ = 0;
    setup.timers.set(*this, now + delay);
}

// False when the question could not leave, which nobody has heard then.
bool DuplicateCheck::ask() noexcept {
    if (!setup_->link.has_room()) return false;
    nonce_ = (std::uint64_t{setup_->random.next()} << 32U | setup_->random.next()) & wire::ndp_nonce_mask;
    wire::NdpMessage question;
    question.type = wire::Icmpv6Type::neighbour_solicitation;
    question.target = address_;
    question.has_nonce = true;
    question.nonce = nonce_;
    const wire::Ipv6Addr to = address_.solicited_node();
    Frame* const frame = make_ndp_packet(setup_->link, question, {}, to);
    if (frame == nullptr) return false;
    setup_->link.send(*frame, wire::MacAddr::of_group(to), wire::ether_type::ipv6);
    ++asked_;
    return true;
}

void DuplicateCheck::on_time(Timer& timer, time::Instant now) noexcept {
    auto& self = static_cast<DuplicateCheck&>(timer);
    if (self.asked_ == questions) return self.setup_->on_unique(self.setup_->owner, self.place_, now);
    const bool has_left = self.ask();
    self.setup_->timers.set(self, now + (has_left ? self.retransmit_ : std::chrono::nanoseconds{again_after}));
}

}  // namespace skerry::stack
