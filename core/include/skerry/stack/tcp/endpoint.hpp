#pragma once

// Who has a connection, and who listens: what the sockets derive from.

#include "half_open.hpp"
#include "opening.hpp"
#include "syn_cookie.hpp"
#include "tcb.hpp"

#include "../../base/intrusive_list.hpp"
#include "../steering/port_owners.hpp"

#include <cstddef>
#include <cstdint>

namespace skerry::backend {
struct ReadRequest;
}

namespace skerry::stack::tcp {

class PassiveOpen;
class Tcp;

/// Told once after a burst, or after timers, that something changed.
class Listening {
public:
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;

protected:
    Listening() noexcept { ready_.who = this; }
    virtual ~Listening() {
        if (ready_.is_linked()) ready_.unlink();
    }

    virtual void on_ready() noexcept = 0;

private:
    friend class ReadyList;
    struct Ready : ListLink {
        Listening* who = nullptr;
    };
    Ready ready_;
};

/// Those that are to be told.
class ReadyList {
public:
    void mark(Listening& who) noexcept {
        if (!who.ready_.is_linked()) list_.push_back(who.ready_);
    }
    void deliver() noexcept {
        while (Listening::Ready* const ready = list_.pop_front()) ready->who->on_ready();
    }

private:
    IntrusiveList<Listening::Ready> list_;
};

/// The owner of one connection. The owner's socket derives from it.
///
/// Lifetime: closed before it goes away.
class Endpoint : public Listening {
public:
    /// Null before connect() and after close().
    Tcb* tcb = nullptr;

    /// The place of the task that waits in the socket, to be fetched early; the owner sets it.
    backend::ReadRequest* const* waiter = nullptr;
    /// From here on: what an owner touches when a segment comes and its task answers.
    static constexpr std::size_t bytes_fetched = 2 * cache_line_bytes;
};

/// One that listens. Its connections wait in it, oldest first.
///
/// Lifetime: closed before it goes away.
class Acceptor : public Listening {
public:
    wire::Ipv4Addr local;  ///< 0.0.0.0: any of ours; Hosts::any_v6: of either family
    std::uint16_t port = 0;
    bool v6_only = false;  ///< of Hosts::any_v6: not of either
    Opening opening;  ///< of the connections that begin from now on

    [[nodiscard]] bool has_waiting() const noexcept { return waiting_count_ != 0; }
    [[nodiscard]] std::size_t half_open() const noexcept { return half_open_count_; }

private:
    friend PassiveOpen;
    friend Tcp;
    IntrusiveList<HolderLink> waiting_;
    std::size_t waiting_count_ = 0;
    std::size_t backlog_ = 0;
    IntrusiveList<HalfOpenLink> half_open_;
    std::size_t half_open_count_ = 0;
    std::int64_t cookie_period_ = CookieMint::no_period;  // of the last cookie that was sent
    PassiveOpen* home_ = nullptr;
    Acceptor* next_on_port_ = nullptr;
    PortUse use_{};  // as claimed; the address may go meanwhile
};

}  // namespace skerry::stack::tcp
