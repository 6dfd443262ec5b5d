#include <skerry/stack/neighbours.hpp>

#include <skerry/stack/ndp_frame.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace skerry::stack {

using wire::ArpOperation;
using wire::ArpPacket;
using wire::Ipv4Addr;
using wire::MacAddr;

Neighbours::Neighbours(const StackConfig& config, Hosts& hosts, Ipv6Link& ipv6_link, Link& link, Timers& timers,
                       DropCounters& drops)
    : config_(config),
      hosts_(hosts),
      ipv6_link_(ipv6_link),
      link_(link),
      timers_(timers),
      drops_(drops),
      claim_(config, link, timers),
      entries_(0, HashOfHost{key_for(config.seed, SecretUse::neighbours)}) {
    for (std::size_t place = 1; place < config.ipv4_count(); ++place)
        more_claims_.push_back(std::make_unique<ArpClaim>(config, link, timers, place));
}

Neighbours::~Neighbours() {
    while (!entries_.empty()) erase(*entries_.begin()->second, Drop::neighbour_unreachable);
}

// --- our own addresses

void Neighbours::ask() noexcept {
    claim_.ask();
    for (const auto& claim : more_claims_) claim->ask();
}

void Neighbours::begin(time::Instant now) noexcept {
    claim_.begin(now);
    for (const auto& claim : more_claims_) claim->begin(now);
}

ArpClaim& Neighbours::claim_of(Ipv4Addr own) noexcept {
    const std::size_t place = config_.place_of(own);
    return place == 0 ? claim_ : *more_claims_[place - 1];
}

// --- the table

Neighbours::Entry* Neighbours::find(Ipv4Addr address) noexcept {
    if (last_ != nullptr && last_->address == address) return last_;
    const auto found = entries_.find(hosts_.current(address).bits);
    if (found == entries_.end()) return nullptr;
    return last_ = found->second.get();
}

Neighbours::Entry* Neighbours::make(Ipv4Addr host) noexcept {
    if (entries_.size() >= config_.neighbours.entries_max) erase(least_needed(), Drop::neighbour_table_full);
    const auto address = hosts_.hold(host);
    if (!address) return nullptr;
    Entry* const entry = make_held(*address);
    if (entry == nullptr) hosts_.release(*address);
    return entry;
}

Neighbours::Entry* Neighbours::make_held(Ipv4Addr address) noexcept try {
    sure_until_ = unsure;
    auto made = std::make_unique<Entry>();
    Entry& entry = *made;
    entries_.emplace(address.bits, std::move(made));
    entry.on_time = &on_time;
    entry.table = this;
    entry.address = address;
    entry.by_use.entry = &entry;
    emptied_.push_back(entry.by_use);
    ++unanswered_;
    return &entry;
} catch (const std::bad_alloc&) {
    return nullptr;
}

// The first that is no router: whether one is there must be found out, as there may be another to take.
Neighbours::Entry* Neighbours::first_of(IntrusiveList<ByUse>& list) noexcept {
    for (ByUse* at = list.empty() ? nullptr : &list.front(); at != nullptr; at = list.next_of(*at)) {
        const Ipv4Addr address = at->entry->address;
        if (!is_host_number(address) || !ipv6_link_.is_router(hosts_.address(address))) return at->entry;
    }
    return nullptr;
}

// Before one more is asked for.
void Neighbours::limit_unanswered() noexcept {
    if (unanswered_ < std::max<std::size_t>(1, config_.neighbours.entries_max / 2)) return;
    Entry* gone = first_of(emptied_);
    if (gone == nullptr) gone = first_of(asked_);
    if (gone != nullptr) erase(*gone, Drop::neighbour_table_full);
}

// Who goes when the table is full: somebody for whom nothing waits, else who was used longest ago. Who was asked stays
// until it has answered or the question has come to its end, or newcomers would keep both from happening.
Neighbours::Entry& Neighbours::least_needed() noexcept {
    if (Entry* const emptied = first_of(emptied_)) return *emptied;
    for (auto* list : {&by_use_, &asked_})
        if (!list->empty()) return *list->front().entry;
    return *emptied_.front().entry;
}

void Neighbours::erase(Entry& entry, Drop why) noexcept {
    sure_until_ = unsure;
    drop_waiting(entry, why);
    forget_question(entry);
    Timers::cancel(entry);
    entry.by_use.unlink();
    if (entry.state == State::incomplete) --unanswered_;
    if (last_ == &entry) last_ = nullptr;
    hosts_.release(entry.address);
    entries_.erase(entry.address.bits);
}

void Neighbours::forget_ipv4() noexcept {
    for (auto next = entries_.begin(); next != entries_.end();) {
        Entry& entry = *(next++)->second;
        if (!is_host_number(entry.address)) erase(entry, Drop::neighbour_unreachable);
    }
}

void Neighbours::give_up(Entry& entry, time::Instant now) noexcept {
    if (is_host_number(entry.address)) ipv6_link_.avoid(hosts_.address(entry.address), now);
    while (Frame* packet = entry.waiting.pop()) {
        --waiting_;
        unreachable_.push(*packet);
    }
    erase(entry, Drop::neighbour_unreachable);
}

void Neighbours::drop_waiting(Entry& entry, Drop why) noexcept {
    while (Frame* packet = entry.waiting.pop()) {
        --waiting_;
        link_.drop(*packet, why);
    }
}

void Neighbours::drop_oldest(Entry& entry) noexcept {
    --waiting_;
    link_.drop(*entry.waiting.pop(), Drop::neighbour_queue_full);
    if (entry.waiting.empty()) put_last(emptied_, entry);
}

// --- sending

void Neighbours::send(Frame& packet, Ipv4Addr next_hop, time::Instant now) noexcept {
    Entry* entry = find(next_hop);
    if (entry == nullptr) {
        limit_unanswered();
        entry = make(next_hop);
        if (entry == nullptr) return link_.drop(packet, Drop::neighbour_table_full);
        ask(*entry, now);
    }
    sure_until_ = unsure;
    if (entry->state == State::incomplete) return wait(*entry, packet);
    if (&by_use_.back() != &entry->by_use) put_last(by_use_, *entry);
    use(*entry, packet, now);
}

void Neighbours::use(Entry& entry, Frame& packet, time::Instant now) noexcept {
    if (entry.state == State::reachable && now - entry.confirmed > reachable_time(entry)) entry.state = State::stale;
    if (entry.state == State::stale) {
        entry.state = State::delay;
        timers_.set(entry, now + config_.neighbours.delay_first_probe);
    }
    link_.send(packet, entry.image);
    if (is_host_number(entry.address)) return;  // what is sure is the way of IPv4, which has an image
    sure_until_ = entry.state == State::reachable ? (entry.confirmed + config_.neighbours.reachable).as_nanos()
                                                  : time::Instant::max().as_nanos();
}

// The oldest goes: whoever sent it has waited longest, and will send again soonest. Of all that wait it is one for who
// has been silent longest, and not the newcomer: that one may be there.
void Neighbours::wait(Entry& entry, Frame& packet) noexcept {
    const NeighbourLimits& limits = config_.neighbours;
    if (entry.waiting.size() >= limits.waiting_per_entry) {
        drop_oldest(entry);
    } else if (waiting_ >= limits.waiting_max) {
        if (asked_.empty()) return link_.drop(packet, Drop::neighbour_queue_full);  // none may wait
        drop_oldest(*asked_.front().entry);
    }
    if (entry.waiting.empty()) put_last(asked_, entry);
    entry.waiting.push(packet);
    ++waiting_;
}

void Neighbours::ask(Entry& entry, time::Instant now) noexcept {
    ++entry.requests;
    if (config_.steering != nullptr) config_.steering->ask(entry.address);
    const bool knows = entry.state != State::incomplete;
    const bool is_v6 = is_host_number(entry.address);
    if (is_v6)
        solicit(entry);
    else
        transmit(ArpOperation::request, knows ? entry.mac : MacAddr::broadcast(), config_.asker_for(entry.address),
                 entry.address);
    timers_.set(entry, now + (is_v6 ? ipv6_link_.facts().retransmit : config_.neighbours.retransmit));
}

void Neighbours::transmit(ArpOperation operation, const MacAddr& to, Ipv4Addr from, Ipv4Addr address) noexcept {
    Frame* const frame = link_.allocate();
    if (frame == nullptr) return;
    ArpPacket packet;
    packet.operation = operation;
    packet.sender_mac = link_.mac();
    packet.sender_ip = from;
    packet.target_mac = operation == ArpOperation::reply ? to : MacAddr{};
    packet.target_ip = address;
    frame->length = wire::arp_bytes;
    wire::write(packet, frame->data);
    link_.send(*frame, to, wire::ether_type::arp);
}

// RFC 4861 section 7.2.2. To the hardware address that is known, and else to all that could have this one.
void Neighbours::solicit(const Entry& entry) noexcept {
    wire::NdpMessage question;
    question.type = wire::Icmpv6Type::neighbour_solicitation;
    question.target = hosts_.address(entry.address);
    question.source_link = link_.mac();
    const wire::Ipv6Addr& from = hosts_.address(ipv6_link_.source_for(question.target));
    question.has_source_link = !from.is_unspecified();
    const bool knows = entry.state != State::incomplete;
    const wire::Ipv6Addr to = knows ? question.target : question.target.solicited_node();
    Frame* const frame = make_ndp_packet(link_, question, from, to);
    if (frame != nullptr) link_.send(*frame, knows ? entry.mac : MacAddr::of_group(to), wire::ether_type::ipv6);
}

void Neighbours::on_time(Entry& entry, time::Instant now) noexcept {
    sure_until_ = unsure;
    if (entry.state == State::delay) {
        entry.state = State::probe;
        entry.requests = 0;
        return ask(entry, now);
    }
    if (entry.requests < config_.neighbours.requests_max) return ask(entry, now);
    give_up(entry, now);
}

void Neighbours::on_time(Timer& timer, time::Instant now) noexcept {
    auto& entry = static_cast<Entry&>(timer);
    entry.table->on_time(entry, now);
}

// --- learning

bool Neighbours::asks_us(const ArpPacket& packet) const noexcept {
    return packet.operation == ArpOperation::request && config_.is_own(packet.target_ip);
}

// An answer is for the cores that asked, and one that nobody asked for may move an entry of any. A question says where
// its sender is, once.
Neighbours::News Neighbours::news_in(const ArpPacket& packet) noexcept {
    if (config_.steering == nullptr) return {};
    // Whoever looks for an address hears them all.
    if (config_.uses_dhcp && config_.address.is_unspecified()) return {0, true};
    const bool is_on_link = config_.is_on_link(packet.sender_ip);
    if (is_on_link && packet.sender_ip == packet.target_ip) return {0, true};
    // A router need not be in our network: a lease may name one beside an address without any (RFC 3442).
    if (packet.operation == ArpOperation::reply && packet.target_mac == link_.mac())
        return {config_.steering->take_askers(packet.sender_ip), is_on_link};
    if (packet.operation == ArpOperation::reply || !is_on_link) return {};
    const Entry* const known = find(packet.sender_ip);
    return {0, asks_us(packet) && (known == nullptr || known->mac != packet.sender_mac)};
}

Neighbours::News Neighbours::input(const ArpPacket& packet, time::Instant now) noexcept {
    claim_.heard(packet, now);
    // Another station, or what we sent ourselves, by a loop in the network.
    if (config_.is_own(packet.sender_ip)) {
        drops_.count(Drop::arp_conflict);
        if (packet.sender_mac != link_.mac()) claim_of(packet.sender_ip).defend(packet.sender_mac, now);
        return {};
    }
    if (config_.is_broadcast(packet.sender_ip)) {
        drops_.count(Drop::arp_sender_ip);
        return {};
    }
    const News news = news_in(packet);
    if (!note(packet, now) && !asks_us(packet) && !news.is_for_all && news.askers == 0)
        drops_.count(Drop::arp_unsolicited);
    if (asks_us(packet)) transmit(ArpOperation::reply, packet.sender_mac, packet.target_ip, packet.sender_ip);
    return news;
}

void Neighbours::input_steered(const ArpPacket& packet, time::Instant now) noexcept {
    claim_.heard(packet, now);
    (void)note(packet, now);
}

// Whether it says something about an entry, or makes one.
bool Neighbours::note(const ArpPacket& packet, time::Instant now) noexcept {
    // A probe for an address (RFC 5227) has no sender yet: it is answered, and nothing is learned.
    Entry* entry = packet.sender_ip.is_unspecified() ? nullptr : find(packet.sender_ip);
    if (entry != nullptr) {
        learn(*entry, packet, now);
        return true;
    }
    if (!asks_us(packet) || !config_.is_on_link(packet.sender_ip)) return false;
    entry = make(packet.sender_ip);
    if (entry == nullptr) return true;
    set_stale(*entry, packet.sender_mac, now);
    keep_but_first(*entry);
    return true;
}

// Until we send to it, it goes first: askers that nobody answers otherwise push out none that are in use.
void Neighbours::keep_but_first(Entry& entry) noexcept {
    entry.by_use.unlink();
    by_use_.push_front(entry.by_use);
}

void Neighbours::learn(Entry& entry, const ArpPacket& packet, time::Instant now) noexcept {
    const bool answers_us = packet.operation == ArpOperation::reply && packet.target_mac == link_.mac() &&
                            (entry.state == State::incomplete || entry.state == State::probe);
    if (answers_us) return set_reachable(entry, packet.sender_mac, now);
    if (entry.state == State::incomplete) return set_stale(entry, packet.sender_mac, now);
    if (entry.mac == packet.sender_mac) return;
    // Who asks us waits for our answer: a host that starts again with another card would get none. As Linux.
    const bool is_locked = !asks_us(packet) && now - entry.confirmed < config_.neighbours.lock;
    if (is_locked) return drops_.count(Drop::arp_unsolicited);
    set_stale(entry, packet.sender_mac, now);
}

// RFC 4861 section 7.2.3.
bool Neighbours::asked_by(Ipv4Addr neighbour, const MacAddr& mac, time::Instant now) noexcept {
    Entry* entry = find(neighbour);
    const bool is_new = entry == nullptr;
    if (is_new) entry = make(neighbour);
    if (entry == nullptr) return true;
    if (entry->state != State::incomplete && entry->mac == mac) return false;
    set_stale(*entry, mac, now);
    if (is_new) keep_but_first(*entry);
    return true;
}

// RFC 4861 section 7.2.5.
bool Neighbours::advertised(Ipv4Addr neighbour, const std::optional<MacAddr>& mac, bool is_solicited, bool overrides,
                            time::Instant now) noexcept {
    Entry* const entry = find(neighbour);
    if (entry == nullptr) return false;
    if (entry->state == State::incomplete) {
        if (!mac) return false;
        is_solicited ? set_reachable(*entry, *mac, now) : set_stale(*entry, *mac, now);
        return true;
    }
    const MacAddr told = mac.value_or(entry->mac);
    const bool is_other = told != entry->mac;
    if (is_other && !overrides) {
        sure_until_ = unsure;
        if (entry->state == State::reachable) entry->state = State::stale;
        return true;
    }
    if (is_solicited)
        set_reachable(*entry, told, now);
    else if (is_other)
        set_stale(*entry, told, now);
    return true;
}

// Right before its state says so.
void Neighbours::make_known(Entry& entry) noexcept {
    if (entry.state != State::incomplete) return;
    --unanswered_;
    put_last(by_use_, entry);
}

void Neighbours::set_reachable(Entry& entry, const MacAddr& mac, time::Instant now) noexcept {
    make_known(entry);
    set_mac(entry, mac);
    forget_question(entry);
    entry.state = State::reachable;
    entry.requests = 0;
    entry.confirmed = now;
    Timers::cancel(entry);
    flush(entry);
}

// What is known is used. Packets that waited use it too, and so begin the check.
void Neighbours::set_stale(Entry& entry, const MacAddr& mac, time::Instant now) noexcept {
    make_known(entry);
    set_mac(entry, mac);
    entry.state = State::stale;
    entry.requests = 0;
    Timers::cancel(entry);
    if (entry.waiting.empty()) return;
    entry.state = State::delay;
    timers_.set(entry, now + config_.neighbours.delay_first_probe);
    flush(entry);
}

void Neighbours::flush(Entry& entry) noexcept {
    while (Frame* packet = entry.waiting.pop()) {
        --waiting_;
        link_.send(*packet, entry.image);
    }
}

void Neighbours::confirm(Ipv4Addr neighbour, time::Instant now) noexcept {
    Entry* const entry = find(neighbour);
    if (entry == nullptr || entry->state == State::incomplete) return;
    sure_until_ = unsure;
    entry->state = State::reachable;
    entry->confirmed = now;
    entry->requests = 0;
    Timers::cancel(*entry);
}

}  // namespace skerry::stack
