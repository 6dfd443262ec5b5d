#pragma once

// The path of decisions that makes a schedule. A schedule is a function of this path alone, so the explorer
// keeps no states: it runs the model again and again, each time with the next path.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace skerry::model {

class Choices {
public:
    /// Visits every path, depth first. Option 0 comes first.
    void explore_all() noexcept { mode_ = Mode::exhaustive; }

    /// Takes random paths. Option 0 (go on with the same thread) is taken half the time, so that a thread
    /// gets somewhere between two switches.
    void walk_randomly(std::uint64_t seed) noexcept;

    /// Takes the one path that `text`, written by to_string(), describes. False: it cannot be read.
    [[nodiscard]] bool replay(const std::string& text);

    /// Picks one of `count` >= 2 options.
    [[nodiscard]] unsigned next(unsigned count) {
        if (at_ == path_.size())
            path_.push_back({static_cast<std::uint8_t>(first_option(count)), static_cast<std::uint8_t>(count)});
        const Choice& choice = path_[at_++];
        if (choice.count != count) diverged_ = true;
        return choice.taken;
    }

    /// Whether the model met another number of options than on an earlier run along the same path.
    [[nodiscard]] bool diverged() const noexcept { return diverged_; }

    [[nodiscard]] std::size_t depth() const noexcept { return at_; }

    /// Goes to the next path. False: all have been taken.
    [[nodiscard]] bool advance();

    /// The path taken last: the places where it left option 0, as "place:option,place:option".
    [[nodiscard]] std::string to_string() const;

private:
    enum class Mode : std::uint8_t { exhaustive, random, replay };
    struct Choice {
        std::uint8_t taken;
        std::uint8_t count;
    };

    [[nodiscard]] unsigned first_option(unsigned count) noexcept;

    Mode mode_ = Mode::exhaustive;
    bool diverged_ = false;
    std::size_t at_ = 0;
    std::vector<Choice> path_;
    std::vector<std::uint8_t> replayed_;
    std::uint64_t random_ = 1;
};

}  // namespace skerry::model
