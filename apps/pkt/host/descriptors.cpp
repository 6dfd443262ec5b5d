#include "descriptors.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <utility>

namespace skerry::pkt {

std::size_t Descriptors::free_place() const {
    return static_cast<std::size_t>(std::find(places_.begin(), places_.end(), nullptr) - places_.begin());
}

bool Descriptors::has_room() const { return free_place() + first < most_; }

int Descriptors::open(std::shared_ptr<Description> description) {
    SKERRY_ASSERT(has_room(), "a descriptor beyond the limit");
    const std::size_t place = free_place();
    if (place == places_.size()) places_.emplace_back();
    places_[place] = std::move(description);
    return static_cast<int>(place) + first;
}

std::shared_ptr<Description> Descriptors::find(int fd) const {
    if (fd < first || static_cast<std::size_t>(fd - first) >= places_.size()) return nullptr;
    return places_[static_cast<std::size_t>(fd - first)];
}

void Descriptors::close(int fd) { places_[static_cast<std::size_t>(fd - first)].reset(); }

std::size_t Descriptors::count(const Description& description) const {
    return static_cast<std::size_t>(
        std::count_if(places_.begin(), places_.end(), [&](const auto& each) { return each.get() == &description; }));
}

std::vector<std::shared_ptr<Description>> Descriptors::all() const {
    std::vector<std::shared_ptr<Description>> found;
    for (const auto& each : places_)
        if (each != nullptr && std::find(found.begin(), found.end(), each) == found.end()) found.push_back(each);
    return found;
}

}  // namespace skerry::pkt
