#include <skerry/stack/tcp/flow_table.hpp>

#include <skerry/base/assert.hpp>
#include <skerry/base/huge_pages.hpp>

#include <algorithm>
#include <cstdlib>

namespace skerry::stack::tcp {

void FlowTable::Free::operator()(Slot* slots) const noexcept {
    if (mapped_bytes != 0)
        unmap_aligned(reinterpret_cast<std::byte*>(slots), mapped_bytes);
    else
        std::free(slots);
}

// All zero, without being written: the kernel's pages are.
FlowTable::Slots FlowTable::make_slots(std::size_t count) noexcept {
    const std::size_t bytes = count * sizeof(Slot);
    if (bytes < huge_page_bytes) return Slots(static_cast<Slot*>(std::calloc(count, sizeof(Slot))));
    std::byte* const memory = map_aligned(bytes);
    if (memory != nullptr) want_huge_pages(memory, bytes);
    return Slots(reinterpret_cast<Slot*>(memory), Free{bytes});
}

bool FlowTable::insert(std::uint64_t hash, std::uint32_t number) noexcept {
    SKERRY_DEBUG_ASSERT(number <= number_max, "a number that marks a slot");
    bring_over(16);
    if ((table_.used + old_.used) * 4 >= capacity() * 3 && !grow() && table_.used + 1 >= capacity()) return false;
    place(table_, {tag_of(hash), number + 1});
    ++table_.used;
    return true;
}

void FlowTable::erase(std::uint64_t hash, std::uint32_t number) noexcept {
    Slot* const slot = slot_of(hash, number);
    SKERRY_ASSERT(slot != nullptr, "a connection is not in its table");
    if (slot >= table_.slots.get() && slot <= table_.slots.get() + table_.mask) {
        close_gap(table_, static_cast<std::size_t>(slot - table_.slots.get()));
        --table_.used;
    } else {
        slot->stored = moved;
        --old_.used;
    }
    bring_over(16);
}

void FlowTable::replace(std::uint64_t hash, std::uint32_t from, std::uint32_t to) noexcept {
    Slot* const slot = slot_of(hash, from);
    SKERRY_ASSERT(slot != nullptr, "a connection is not in its table");
    slot->stored = to + 1;
}

FlowTable::Slot* FlowTable::slot_of(std::uint64_t hash, std::uint32_t number) noexcept {
    for (Table* table : {&table_, &old_}) {
        if (table->slots == nullptr) continue;
        for (std::size_t at = tag_of(hash) & table->mask;; at = (at + 1) & table->mask) {
            Slot& slot = table->slots[at];
            if (slot.stored == empty) break;
            if (slot.stored == number + 1) return &slot;
        }
    }
    return nullptr;
}

void FlowTable::place(Table& table, Slot slot) noexcept {
    std::size_t at = slot.tag & table.mask;
    while (table.slots[at].stored != empty) at = (at + 1) & table.mask;
    table.slots[at] = slot;
}

// Moves up what would not be found any more, so that nothing has to be marked: Knuth, volume 3, algorithm 6.4 R.
void FlowTable::close_gap(Table& table, std::size_t gap) noexcept {
    for (std::size_t at = (gap + 1) & table.mask; table.slots[at].stored != empty; at = (at + 1) & table.mask) {
        const std::size_t home = table.slots[at].tag & table.mask;
        if (((at - home) & table.mask) < ((at - gap) & table.mask)) continue;
        table.slots[gap] = table.slots[at];
        gap = at;
    }
    table.slots[gap] = Slot{};
}

bool FlowTable::grow() noexcept {
    bring_over(old_.mask + 1);  // nothing, unless memory was short when it should have grown
    const std::size_t slots = std::max<std::size_t>(64, capacity() * 2);
    Slots memory = make_slots(slots);
    if (memory == nullptr) return false;
    old_ = std::move(table_);
    next_old_ = 0;
    table_ = Table{};
    table_.slots = std::move(memory);
    table_.mask = slots - 1;
    bring_over(1);
    return true;
}

void FlowTable::bring_over(std::size_t count) noexcept {
    if (old_.slots == nullptr) return;
    for (; count > 0 && next_old_ <= old_.mask; --count, ++next_old_) {
        Slot& slot = old_.slots[next_old_];
        if (slot.stored == empty || slot.stored == moved) continue;
        place(table_, slot);
        slot.stored = moved;
        ++table_.used;
        --old_.used;
    }
    if (next_old_ > old_.mask) old_ = Table{};
}

}  // namespace skerry::stack::tcp
