#include <skerry/testing/seeds.hpp>

#include <skerry/testing/failure.hpp>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <optional>
#include <string_view>
#include <system_error>

namespace skerry::testing {

namespace {

/// What this variable of the environment says; nothing where it is not set.
std::optional<std::uint64_t> number_in(const char* variable) {
    const char* const text = std::getenv(variable);
    if (text == nullptr) return std::nullopt;
    const std::string_view word(text);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size() || word.empty())
        throw Failure(std::string(variable) + "=" + text + " is no number; write for instance " + variable + "=100");
    return number;
}

// As a shell wants it: in quotes, which stand apart where the word itself has one.
std::string in_quotes(const std::string& word) {
    std::string text = "'";
    for (const char letter : word) text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    return text + "'";
}

}  // namespace

std::vector<std::uint64_t> seeds(std::uint64_t count) {
    if (const auto one = number_in("SKERRY_SEED")) return {*one};
    if (const auto asked = number_in("SKERRY_SEEDS")) {
        if (*asked == 0) throw Failure("SKERRY_SEEDS=0 runs nothing; write 1 or more");
        count = *asked;
    }
    std::vector<std::uint64_t> all(count);
    std::iota(all.begin(), all.end(), std::uint64_t{1});
    return all;
}

std::string replay_command(std::uint64_t seed) {
    std::string command = "SKERRY_SEED=" + std::to_string(seed);
    std::ifstream words("/proc/self/cmdline", std::ios::binary);
    for (std::string word; std::getline(words, word, '\0');)
        command +=
            " " + (word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:") ==
                               std::string::npos &&
                           !word.empty()
                       ? word
                       : in_quotes(word));
    return command;
}

}  // namespace skerry::testing
