#pragma once

// The descriptors of a machine: the lowest free number from 3 on, as POSIX has it; 0 to 2 are somebody else's.

#include "description.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace skerry::pkt {

class Descriptors {
public:
    static constexpr int first = 3;

    /// `most`: the limit of open files, 0 to 2 among them.
    explicit Descriptors(std::size_t most) : most_(most) {}

    /// Whether one more may be opened; else EMFILE.
    [[nodiscard]] bool has_room() const;
    /// There must be room.
    int open(std::shared_ptr<Description> description);
    /// Null when it is not open.
    [[nodiscard]] std::shared_ptr<Description> find(int fd) const;
    /// It must be open. What it stood for goes with the last descriptor of it.
    void close(int fd);
    /// How many descriptors stand for it.
    [[nodiscard]] std::size_t count(const Description& description) const;
    /// All that are open, each once.
    [[nodiscard]] std::vector<std::shared_ptr<Description>> all() const;

private:
    [[nodiscard]] std::size_t free_place() const;

    std::size_t most_;
    std::vector<std::shared_ptr<Description>> places_;  // from `first` on
};

}  // namespace skerry::pkt
