// What atomics, vars and memory do in a model: their values, the happens-before edges they make, and the
// checks that need those edges.

#include "engine/explorer.hpp"

#include <cstring>

namespace skerry::model {

namespace {

using detail::Kind;

bool acquires(std::memory_order order) noexcept {
    return order != std::memory_order_relaxed && order != std::memory_order_release;
}

bool releases(std::memory_order order) noexcept {
    return order == std::memory_order_release || order == std::memory_order_acq_rel ||
           order == std::memory_order_seq_cst;
}

bool is_compare_exchange(Kind kind) noexcept {
    return kind == Kind::compare_exchange_weak || kind == Kind::compare_exchange_strong;
}

// Values travel in the low bytes of 64 bits, as memcpy puts them there on a little-endian CPU.
std::uint64_t read_value(const void* address, unsigned bytes) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, address, bytes);
    return value;
}

std::uint64_t value_after(const detail::Operation& operation, std::uint64_t old_value) noexcept {
    std::uint64_t value = old_value;
    switch (operation.kind) {
        case Kind::load: break;
        case Kind::store:
        case Kind::exchange: value = operation.operand; break;
        case Kind::compare_exchange_weak:
        case Kind::compare_exchange_strong:
            if (old_value == operation.expected) value = operation.operand;
            break;
        case Kind::fetch_add: value = old_value + operation.operand; break;
        case Kind::fetch_and: value = old_value & operation.operand; break;
        case Kind::fetch_or: value = old_value | operation.operand; break;
        case Kind::fetch_xor: value = old_value ^ operation.operand; break;
    }
    return operation.bytes == 8 ? value : value & ((std::uint64_t{1} << (operation.bytes * 8)) - 1);
}

bool stores(const detail::Operation& operation, std::uint64_t old_value) noexcept {
    if (operation.kind == Kind::load) return false;
    return !is_compare_exchange(operation.kind) || old_value == operation.expected;
}

}  // namespace

detail::Outcome detail::perform(void* address, const Operation& operation) noexcept {
    if (running != nullptr) [[likely]]
        return running->perform(address, operation, __builtin_return_address(0));
    const std::uint64_t old_value = read_value(address, operation.bytes);
    const std::uint64_t new_value = value_after(operation, old_value);
    if (stores(operation, old_value)) std::memcpy(address, &new_value, operation.bytes);
    return {old_value, stores(operation, old_value)};
}

void detail::constructed(const void* address) noexcept {
    if (running != nullptr) running->construct(address);
}

Location& Explorer::location_of(const void* address) {
    Location* location = locations_.find_or_add(address);
    if (location == nullptr) fail("more than 3072 atomics in one schedule");
    return *location;
}

TraceEntry& Explorer::record(TraceEntry::What what, const void* address, std::uint64_t value,
                             const std::source_location& where) {
    TraceEntry& entry = trace_.emplace_back();
    entry.what = what;
    entry.thread = current_->id;
    entry.address = address;
    entry.new_value = value;
    entry.where = where;
    return entry;
}

detail::Outcome Explorer::perform(void* address, const detail::Operation& operation, const void* site) {
    check_block(address);
    Location& location = location_of(address);
    const bool fruitless =
        operation.kind != Kind::store &&
        value_after(operation, read_value(address, operation.bytes)) == read_value(address, operation.bytes);
    step(&location, site, fruitless);
    check_block(address);
    check_constructed(location);
    TraceEntry& entry = record(TraceEntry::What::atomic, address, 0, operation.where);
    entry.operation = operation;
    apply(location, entry, site);
    return {entry.old_value, entry.stored};
}

void Explorer::apply(Location& location, TraceEntry& entry, const void* site) {
    const detail::Operation& operation = entry.operation;
    auto* address = const_cast<void*>(entry.address);
    entry.old_value = read_value(address, operation.bytes);
    entry.stored = stores(operation, entry.old_value);
    if (spurious_left_ && entry.stored && operation.kind == Kind::compare_exchange_weak && choices_.next(2) == 1) {
        spurious_left_ = false;
        entry.stored = false;
    }
    entry.new_value = entry.stored ? value_after(operation, entry.old_value) : entry.old_value;
    if (entry.stored) std::memcpy(address, &entry.new_value, operation.bytes);
    const bool failed = is_compare_exchange(operation.kind) && !entry.stored;
    synchronize(location, entry, failed ? operation.failure_order : operation.order);
    if (entry.new_value != entry.old_value) {
        ++location.version;
        progress();
        wake_held_at(&location);
    } else if (operation.kind != Kind::store) {
        current_->remember_read(&location, site);
    }
}

void Explorer::synchronize(Location& location, const TraceEntry& entry, std::memory_order order) {
    Thread& self = *current_;
    if (entry.operation.kind != Kind::store && acquires(order)) self.clock.join(location.released);
    if (!entry.stored) return;
    // A read-modify-write goes on with the release sequence it found there; a plain store ends it.
    if (entry.operation.kind == Kind::store) location.released = {};
    if (releases(order)) {
        location.released.join(self.clock);
        ++self.clock.at[self.id];
    }
}

void Explorer::construct(const void* address) {
    check_block(address);
    Location& location = location_of(address);
    location.forget_history();
    wake_held_at(&location);
    location.constructed_by = current_->id;
    location.constructed_at = current_->clock.at[current_->id];
    record(TraceEntry::What::construct, address);
}

/// Whoever uses an atomic must know that its constructor has run: otherwise a relaxed pointer led here.
void Explorer::check_constructed(const Location& location) {
    if (location.constructed_at > current_->clock.at[location.constructed_by])
        fail_race(location.address, "use", current_->id, "construction", location.constructed_by);
}

void Explorer::check_block(const void* address) {
    if (!heap_.owns(address)) return;
    Heap::Block* block = heap_.find(address);
    if (block == nullptr) fail("an access between two blocks of memory");
    if (block->freed)
        fail("use after free: block " + std::to_string(heap_.number_of(*block)) + " + " +
             std::to_string(heap_.offset_in(*block, address)));
    block->accesses.at[current_->id] = current_->clock.at[current_->id];
}

void Explorer::fail_race(const void* address, const char* what, unsigned thread, const char* other_what,
                         unsigned other) {
    fail("data race on " + describe_address(address, locations_, heap_) + ": " + what + " by thread " +
         std::to_string(thread) + " does not happen after the " + other_what + " by thread " + std::to_string(other));
}

void Explorer::access_plain(detail::PlainState& state, const void* address, detail::Plain kind,
                            const std::source_location& where) {
    using What = TraceEntry::What;
    static constexpr std::array whats{What::plain_read, What::plain_write, What::plain_construct, What::plain_destroy};
    static constexpr std::array words{"read", "write", "construction", "destruction"};
    const auto index = static_cast<std::size_t>(kind);
    Thread& self = *current_;
    record(whats[index], address, 0, where);
    check_block(address);
    if (state.schedule != schedule_ || kind == detail::Plain::construct) {
        state = {};
        state.schedule = schedule_;
    }
    if (state.written_at > self.clock.at[state.written_by])
        fail_race(address, words[index], self.id, "write", state.written_by);
    if (kind == detail::Plain::read) {
        state.read_at.at[self.id] = self.clock.at[self.id];
        return;
    }
    const unsigned reader = state.read_at.first_ahead_of(self.clock);
    if (reader != threads_max) fail_race(address, words[index], self.id, "read", reader);
    state.written_by = self.id;
    state.written_at = self.clock.at[self.id];
    progress();
}

void* Explorer::allocate(std::size_t bytes, std::size_t alignment) {
    void* memory = heap_.allocate(bytes, alignment);
    if (memory == nullptr) fail("the 16 MiB for allocate() are used up");
    progress();
    check_block(memory);
    record(TraceEntry::What::allocate, memory, bytes);
    return memory;
}

void Explorer::free(void* memory) {
    if (memory == nullptr) return;
    record(TraceEntry::What::free, memory);
    Heap::Block* block = heap_.owns(memory) ? heap_.find(memory) : nullptr;
    if (block == nullptr || heap_.offset_in(*block, memory) != 0) fail("free of what allocate() did not return");
    if (block->freed) fail("block " + std::to_string(heap_.number_of(*block)) + " is freed twice");
    const unsigned user = block->accesses.first_ahead_of(current_->clock);
    if (user != threads_max) fail_race(memory, "free", current_->id, "last use", user);
    heap_.free(*block);
    progress();
}

void Explorer::name(const void* address, const char* text) { location_of(address).name = text; }

}  // namespace skerry::model
