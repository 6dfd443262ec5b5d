#include "http.hpp"

#include <algorithm>

namespace skerry::loadgen {

namespace {

constexpr std::size_t block_bytes = 32'768;

}  // namespace

HttpRequests::HttpRequests(const HttpSettings& settings) {
    const std::string one = request_text(settings);
    request_bytes_ = one.size();
    const std::size_t count = std::max<std::size_t>(block_bytes / request_bytes_, 1);
    text_.reserve(count * request_bytes_);
    for (std::size_t i = 0; i < count; ++i) text_ += one;
}

Taken Http::take(std::span<const std::byte>& data, std::uint64_t) {
    std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
    const HttpStep step = response_.take(text);
    data = data.last(text.size());
    return taken(step);
}

Taken Http::taken(HttpStep step) const noexcept {
    switch (step) {
        case HttpStep::more: return Taken::more;
        case HttpStep::fault: return Taken::broken;
        case HttpStep::complete: break;
    }
    return is_good(response_.status()) ? Taken::answer : Taken::refusal;
}

bool Http::is_good(unsigned status) const noexcept {
    return settings_->status ? status == *settings_->status : status / 100 == 2;
}

std::string Http::complaint() const {
    if (response_.fault() != HttpFault::none) return std::string(to_string(response_.fault()));
    return "status " + std::to_string(response_.status());
}

}  // namespace skerry::loadgen
