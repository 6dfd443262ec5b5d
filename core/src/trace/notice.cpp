#include <skerry/trace/notice.hpp>

#include <atomic>

namespace skerry::trace {

namespace {
std::atomic<NoticeSink> current{nullptr};  // guards nothing: a sink is a function without state
}  // namespace

void set_notice_sink(NoticeSink sink) noexcept { current.store(sink, std::memory_order_relaxed); }

void notice(std::string_view line) noexcept {
    if (const NoticeSink sink = current.load(std::memory_order_relaxed); sink != nullptr) sink(line);
}

}  // namespace skerry::trace
