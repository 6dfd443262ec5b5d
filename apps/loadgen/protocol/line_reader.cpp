#include "line_reader.hpp"

namespace skerry::loadgen {

LineStep LineReader::take(std::string_view& data, std::size_t limit) {
    if (is_carried_over_) reset();
    const std::size_t feed = data.find('\n');
    const std::size_t part = feed == std::string_view::npos ? data.size() : feed + 1;
    if (part > limit - carry_.size()) return LineStep::too_long;
    const std::string_view taken = data.substr(0, part);
    if (feed != std::string_view::npos && carry_.empty()) {
        data.remove_prefix(part);
        return finish(taken);
    }
    carry_.append(taken);
    data.remove_prefix(part);
    // What is as long as the limit and has no end would be longer with it.
    if (feed == std::string_view::npos) return carry_.size() == limit ? LineStep::too_long : LineStep::more;
    is_carried_over_ = true;
    return finish(carry_);
}

LineStep LineReader::finish(std::string_view with_end) noexcept {
    const std::size_t end = with_end.size() - 1;
    if (end == 0 || with_end.find('\r') != end - 1) return LineStep::bad_end;
    line_ = with_end.substr(0, end - 1);
    return LineStep::line;
}

}  // namespace skerry::loadgen
