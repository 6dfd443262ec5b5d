#include "engine/trace.hpp"

#include <array>
#include <cstdio>
#include <cstring>

namespace skerry::model {

namespace {

using What = TraceEntry::What;

const char* name_of(detail::Kind kind) noexcept {
    switch (kind) {
        case detail::Kind::load: return "load";
        case detail::Kind::store: return "store";
        case detail::Kind::exchange: return "exchange";
        case detail::Kind::compare_exchange_weak: return "cas_weak";
        case detail::Kind::compare_exchange_strong: return "cas_strong";
        case detail::Kind::fetch_add: return "fetch_add";
        case detail::Kind::fetch_and: return "fetch_and";
        case detail::Kind::fetch_or: return "fetch_or";
        case detail::Kind::fetch_xor: return "fetch_xor";
    }
    return "?";
}

const char* name_of(What what) noexcept {
    switch (what) {
        case What::atomic: return "atomic";
        case What::construct: return "construct";
        case What::plain_read: return "var read";
        case What::plain_write: return "var write";
        case What::plain_construct: return "var construct";
        case What::plain_destroy: return "var destroy";
        case What::thread_start: return "starts thread";
        case What::thread_end: return "ends";
        case What::wait: return "waits for a change of";
        case What::join: return "joins";
        case What::yield: return "yields";
        case What::choose: return "chooses";
        case What::allocate: return "allocate";
        case What::free: return "free";
    }
    return "?";
}

const char* name_of(std::memory_order order) noexcept {
    switch (order) {
        case std::memory_order_relaxed: return "relaxed";
        case std::memory_order_consume: return "consume";
        case std::memory_order_acquire: return "acquire";
        case std::memory_order_release: return "release";
        case std::memory_order_acq_rel: return "acq_rel";
        case std::memory_order_seq_cst: return "seq_cst";
    }
    return "?";
}

std::string describe_value(std::uint64_t value, unsigned bytes, Locations& locations, Heap& heap) {
    if (bytes == sizeof(void*)) {
        const auto* address = reinterpret_cast<const void*>(value);
        if (heap.owns(address) || locations.find(address) != nullptr) return describe_address(address, locations, heap);
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), value < 1'000'000 ? "%lu" : "0x%lx", static_cast<unsigned long>(value));
    return text.data();
}

std::string format_atomic(const TraceEntry& entry, Locations& locations, Heap& heap) {
    const detail::Operation& operation = entry.operation;
    const auto value = [&](std::uint64_t v) { return describe_value(v, operation.bytes, locations, heap); };
    std::string line = name_of(operation.kind);
    line += ' ' + describe_address(entry.address, locations, heap);
    switch (operation.kind) {
        case detail::Kind::load: line += " = " + value(entry.old_value); break;
        case detail::Kind::store: line += " := " + value(entry.new_value); break;
        case detail::Kind::compare_exchange_weak:
        case detail::Kind::compare_exchange_strong:
            line += ": " + value(entry.old_value);
            line += entry.stored ? " -> " + value(entry.new_value) : ", fails, expected " + value(operation.expected);
            break;
        default: line += ": " + value(entry.old_value) + " -> " + value(entry.new_value); break;
    }
    const bool failed_cas = !entry.stored && operation.kind != detail::Kind::load;
    return line + " (" + name_of(failed_cas ? operation.failure_order : operation.order) + ')';
}

std::string format_entry(const TraceEntry& entry, Locations& locations, Heap& heap) {
    std::string line = "thread " + std::to_string(entry.thread) + ": ";
    if (entry.what == What::atomic) {
        line += format_atomic(entry, locations, heap);
    } else {
        line += name_of(entry.what);
        if (entry.address != nullptr) line += ' ' + describe_address(entry.address, locations, heap);
        if (entry.what == What::thread_start || entry.what == What::choose)
            line += ' ' + std::to_string(entry.new_value);
        if (entry.what == What::allocate) line += ", " + std::to_string(entry.new_value) + " bytes";
    }
    if (entry.where.line() != 0) line += "  " + describe_place(entry.where);
    return line;
}

}  // namespace

std::string describe_address(const void* address, Locations& locations, Heap& heap) {
    if (const Location* location = locations.find(address); location != nullptr && location->name != nullptr)
        return location->name;
    std::array<char, 64> text{};
    if (heap.owns(address)) {
        if (const Heap::Block* block = heap.find(address)) {
            std::snprintf(text.data(), text.size(), "block %zu + %zu", heap.number_of(*block),
                          heap.offset_in(*block, address));
            return text.data();
        }
    }
    std::snprintf(text.data(), text.size(), "%p", address);
    return text.data();
}

std::string describe_place(const std::source_location& where) {
    const char* slash = std::strrchr(where.file_name(), '/');
    return std::string(slash != nullptr ? slash + 1 : where.file_name()) + ':' + std::to_string(where.line());
}

std::string format_trace(const std::vector<TraceEntry>& trace, Locations& locations, Heap& heap,
                         std::size_t lines_max) {
    std::string text;
    std::size_t first = 0;
    if (trace.size() > lines_max) {
        first = trace.size() - lines_max;
        text += "  (" + std::to_string(first) + " earlier steps)\n";
    }
    for (std::size_t i = first; i < trace.size(); ++i) {
        std::array<char, 32> number{};
        std::snprintf(number.data(), number.size(), "  %4zu ", i);
        text += number.data() + format_entry(trace[i], locations, heap) + '\n';
    }
    return text;
}

}  // namespace skerry::model
