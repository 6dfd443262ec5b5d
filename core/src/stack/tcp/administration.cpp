// What is asked of connections from outside, by their addresses: whoever has them, and when nobody has them any more.

#include <skerry/stack/tcp/info.hpp>
#include <skerry/stack/tcp/tcp.hpp>

namespace skerry::stack::tcp {

std::optional<backend::TcpState> Tcp::state_of(const Tuple& tuple) noexcept {
    const std::uint32_t number = shared_.find(tuple);
    if (number == FlowTable::none) return {};
    switch (flow_kind(number)) {
        case Kind::half_open: return backend::TcpState::syn_received;
        case Kind::time_wait: return backend::TcpState::time_wait;
        case Kind::connection: break;
    }
    return to_tcp_state(shared_.tcbs[flow_index(number)].state);
}

// Nothing was heard of a peer in SYN-SENT, so it has nothing to reset. RFC 9293 section 3.10.5.
bool Tcp::abort(const Tuple& tuple, time::Instant now) noexcept {
    const std::uint32_t number = shared_.find(tuple);
    if (number == FlowTable::none || flow_kind(number) == Kind::half_open) return false;
    if (flow_kind(number) == Kind::time_wait) {
        time_waits_.remove(shared_.time_waits[flow_index(number)]);
        return true;
    }
    Tcb& tcb = shared_.tcbs[flow_index(number)];
    if (tcb.state != State::syn_sent) output_.send_reset(tcb, now);
    end(tcb, Errc::connection_aborted);
    return true;
}

void Tcp::lose(wire::Ipv4Addr local) noexcept {
    time_waits_.lose(local);
    const auto lose_all = [this, local](IntrusiveList<HolderLink>& list) {
        HolderLink* next = list.empty() ? nullptr : &list.front();
        while (next != nullptr) {
            Tcb& tcb = static_cast<Tcb&>(*next);
            next = list.next_of(*next);
            if (tcb.tuple.local == local && tcb.state != State::closed) end(tcb, Errc::connection_aborted);
        }
    };
    lose_all(held_);
    passive_.each_acceptor([&](Acceptor& acceptor) {
        passive_.lose(acceptor, local);
        lose_all(acceptor.waiting_);
    });
}

}  // namespace skerry::stack::tcp
