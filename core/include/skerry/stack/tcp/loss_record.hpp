#pragma once

// What a connection knows of its losses, in one block on the heap: only connections that lose something have one. The
// scoreboard in it is there while something is marked; what else was learned stays for as long as it is of use.

#include "proportional_rate.hpp"
#include "rack.hpp"
#include "scoreboard.hpp"
#include "tail_probe.hpp"
#include "undo.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <optional>

namespace skerry::stack::tcp {

struct LossRecord {
    std::optional<Scoreboard> board;
    std::optional<Rack> rack;  ///< of a connection that finds losses by time
    TailProbe tail;
    ProportionalRate rate;
    Undo undo;

    // While `reorder_at` is what stands in the connection's retransmit_at, it is for what may only be late, and
    // `time_out_at` is what stood there before. Whoever sets that anew has ended it.
    std::int64_t reorder_at = std::numeric_limits<std::int64_t>::max();
    std::int64_t time_out_at = std::numeric_limits<std::int64_t>::max();

    bool is_reducing = false;  ///< `rate` is that of a window that comes down for a mark (ECN)

    [[nodiscard]] bool must_stay() const noexcept {
        return (rack && rack->has_learned()) || undo.is_open || is_reducing;
    }
};

/// A connection's. As a pointer it is one to the scoreboard, which is null when there is none.
class LossMemory {
public:
    /// False when there is no memory.
    [[nodiscard]] bool make_record() noexcept {
        if (record_ == nullptr) record_.reset(new (std::nothrow) LossRecord);
        return record_ != nullptr;
    }
    [[nodiscard]] bool make_board(std::uint32_t una) noexcept {
        if (!make_record()) return false;
        record_->board.emplace(una);
        return true;
    }
    [[nodiscard]] LossRecord* record() const noexcept { return record_.get(); }

    [[nodiscard]] Scoreboard* operator->() const noexcept { return &*record_->board; }
    [[nodiscard]] Scoreboard& operator*() const noexcept { return *record_->board; }
    [[nodiscard]] friend bool operator==(const LossMemory& memory, std::nullptr_t) noexcept {
        return memory.record_ == nullptr || !memory.record_->board.has_value();
    }
    /// Nothing is marked any more.
    void reset() noexcept {
        if (record_ == nullptr) return;
        record_->board.reset();
        if (!record_->must_stay()) record_.reset();
    }
    void forget_all() noexcept { record_.reset(); }

private:
    std::unique_ptr<LossRecord> record_;
};
static_assert(sizeof(LossMemory) == sizeof(void*));

}  // namespace skerry::stack::tcp
