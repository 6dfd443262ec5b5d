#include <skerry/testing/seeds.hpp>

#include <cstdlib>
#include <fstream>
#include <numeric>

namespace skerry::testing {

namespace {

std::uint64_t number_of(const char* text) { return std::strtoull(text, nullptr, 0); }

// As a shell wants it: in quotes, which stand apart where the word itself has one.
std::string in_quotes(const std::string& word) {
    std::string text = "'";
    for (const char letter : word) text += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    return text + "'";
}

}  // namespace

std::vector<std::uint64_t> seeds(std::uint64_t count) {
    if (const char* const one = std::getenv("SKERRY_SEED"); one != nullptr) return {number_of(one)};
    if (const char* const text = std::getenv("SKERRY_SEEDS"); text != nullptr) count = number_of(text);
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
