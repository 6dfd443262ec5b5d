#pragma once

// An epoll instance: who is watched for what, and what of it is told. Edge-triggered entries are told once for each
// time that their descriptor woke somebody.

#include "description.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace skerry::pkt {

class EpollSet final : public Description {
public:
    /// Whether any of its entries would be told.
    [[nodiscard]] std::uint32_t ready() override;
    Attempt receive(const ReceiveAsk&) override { return unsupported("reading from an epoll"); }
    Attempt send(const SendAsk&, bool) override { return unsupported("writing to an epoll"); }

    /// epoll_ctl(): EPOLL_CTL_ADD and its like. `watched` is what `fd` stands for.
    Attempt control(int operation, int fd, const std::shared_ptr<Description>& watched, const EpollEvent& event);
    /// Up to `most` events; WouldBlock when there is none.
    Attempt wait(std::size_t most);

private:
    struct Entry {
        int fd = -1;
        std::weak_ptr<Description> watched;
        EpollEvent event;
        Wakeups seen;
        bool is_fresh = true;  // added or changed: what is there now is news
        bool is_spent = false;  // EPOLLONESHOT, and told
    };

    [[nodiscard]] std::vector<Entry>::iterator find(int fd, const std::shared_ptr<Description>& watched);
    void forget_closed();
    [[nodiscard]] static bool was_woken(const Entry& entry, const Wakeups& wakeups);
    [[nodiscard]] static std::uint32_t news(const Entry& entry);
    static void tell(Entry& entry);

    std::vector<Entry> entries_;
};

}  // namespace skerry::pkt
