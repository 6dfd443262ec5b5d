#include "engine/choices.hpp"

#include <algorithm>
#include <cstdlib>

namespace skerry::model {

namespace {

constexpr std::size_t replay_places_max = 1'000'000;

/// splitmix64: any seed will do, zero included.
std::uint64_t next_random(std::uint64_t& state) noexcept {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

}  // namespace

void Choices::walk_randomly(std::uint64_t seed) noexcept {
    mode_ = Mode::random;
    random_ = seed;
}

bool Choices::replay(const std::string& text) {
    mode_ = Mode::replay;
    const char* at = text.c_str();
    while (*at != '\0') {
        char* end = nullptr;
        const std::size_t place = std::strtoull(at, &end, 10);
        if (end == at || *end != ':' || place >= replay_places_max) return false;
        at = end + 1;
        const unsigned long option = std::strtoul(at, &end, 10);
        if (end == at || option > 255 || (*end != ',' && *end != '\0')) return false;
        at = *end == ',' ? end + 1 : end;
        replayed_.resize(std::max(replayed_.size(), place + 1));
        replayed_[place] = static_cast<std::uint8_t>(option);
    }
    return true;
}

unsigned Choices::first_option(unsigned count) noexcept {
    switch (mode_) {
        case Mode::exhaustive: return 0;
        case Mode::random: {
            const std::uint64_t random = next_random(random_);
            return (random & 1) != 0 ? 0 : static_cast<unsigned>((random >> 1) % count);
        }
        case Mode::replay: {
            const unsigned option = at_ < replayed_.size() ? replayed_[at_] : 0;
            if (option < count) return option;
            diverged_ = true;
            return 0;
        }
    }
    return 0;
}

bool Choices::advance() {
    const std::size_t used = at_;
    at_ = 0;
    if (mode_ == Mode::replay) return false;
    if (mode_ == Mode::random) {
        path_.clear();
        return true;
    }
    path_.resize(used);
    while (!path_.empty() && path_.back().taken + 1 == path_.back().count) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    return true;
}

std::string Choices::to_string() const {
    std::string text;
    for (std::size_t i = 0; i < at_; ++i) {
        if (path_[i].taken == 0) continue;
        if (!text.empty()) text += ',';
        text += std::to_string(i) + ':' + std::to_string(path_[i].taken);
    }
    return text;
}

}  // namespace skerry::model
