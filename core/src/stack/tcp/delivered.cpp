#include <skerry/stack/tcp/delivered.hpp>

#include <skerry/stack/sequence.hpp>
#include <skerry/stack/tcp/options.hpp>

namespace skerry::stack::tcp {

void Delivered::note(const SendSegment& segment) noexcept {
    const bool is_again = (segment.flags & sent_flag::again) != 0;
    // What was not held for lost says nothing: it was sent a moment before.
    const bool was_lost = (segment.flags & sent_flag::lost) != 0;
    if (was_lost && !is_again && seq_at_or_before(segment.end() - 1, newest_)) has_original_ = true;
    if (rack_ == nullptr) return;
    const std::uint32_t stamp = timestamp(time::Instant::from_nanos(segment.sent_ns), ts_offset_);
    if (is_again && echo_ != 0 && seq_before(echo_, stamp)) return rack_->arrived_before(segment);
    rack_->arrived(segment, now_);
}

}  // namespace skerry::stack::tcp
