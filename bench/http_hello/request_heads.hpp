#pragma once

// Hot path. Where the heads of HTTP/1.1 requests end, in a stream that is cut anywhere, and what each asks for beside
// the answer.
//
// A client of a load test sends the same head again and again. So the last one that asked for nothing else is kept, and
// where it comes again it is known by one comparison, which is less than looking for its end. Others are read line by
// line. A head is copied only where a read ends within it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace skerry::http_hello {

/// What comes behind requests that want the answer and nothing else.
enum class Then : std::uint8_t {
    more,  ///< no whole head is left
    head,  ///< a request of HEAD
    last,  ///< a request behind which the connection ends
    last_head,  ///< both
    body,  ///< a request with a body, which is not known here
    too_long,  ///< a head that is longer than any should be
};

class RequestHeads {
public:
    static constexpr std::size_t head_bytes_max = 8192;

    struct Step {
        std::size_t plain = 0;
        Then then = Then::more;
    };

    /// Takes heads from the front of `bytes`, which go on where the last ones ended.
    [[nodiscard]] Step take(std::string_view& bytes) {
        Step step;
        while (!bytes.empty()) {
            if (begun_.empty() && !known_.empty() && bytes.starts_with(known_)) {
                bytes.remove_prefix(known_.size());
                ++step.plain;
                continue;
            }
            step.then = take_one(bytes);
            if (step.then != Then::more) return step;
            if (!begun_.empty()) return step;
            ++step.plain;
        }
        return step;
    }

private:
    static constexpr std::string_view end_of_head = "\r\n\r\n";
    static constexpr std::size_t known_bytes_max = 1024;

    // The one in front: `more` where it is plain, or has not ended and stays in begun_.
    Then take_one(std::string_view& bytes) {
        if (begun_.empty()) {
            const std::size_t end = bytes.find(end_of_head);
            if (end != std::string_view::npos) {
                const std::string_view head = bytes.substr(0, end + end_of_head.size());
                bytes.remove_prefix(head.size());
                return judge(head);
            }
        }
        const std::size_t before = begun_.size();
        begun_.append(bytes);
        const std::size_t end = begun_.find(end_of_head, before - std::min(before, end_of_head.size() - 1));
        if (end == std::string::npos) {
            bytes = {};
            return begun_.size() > head_bytes_max ? Then::too_long : Then::more;
        }
        bytes.remove_prefix(end + end_of_head.size() - before);
        begun_.resize(end + end_of_head.size());
        const Then then = judge(begun_);
        begun_.clear();
        return then;
    }

    Then judge(std::string_view head) {
        if (head.size() > head_bytes_max) return Then::too_long;
        std::string_view lines = head;
        const std::string_view request = next_line(lines);
        const bool is_head = request.starts_with("HEAD ");
        bool is_last = request.ends_with(" HTTP/1.0");
        while (!lines.empty()) {
            const std::string_view line = next_line(lines);
            if (is_named(line, "transfer-encoding") || (is_named(line, "content-length") && !is_zero(line)))
                return Then::body;
            is_last |= is_named(line, "connection") && says_close(line);
        }
        if (is_last) return is_head ? Then::last_head : Then::last;
        if (is_head) return Then::head;
        if (head.size() <= known_bytes_max) known_ = head;
        return Then::more;
    }

    static std::string_view next_line(std::string_view& lines) noexcept {
        const std::size_t end = std::min(lines.find("\r\n"), lines.size() - 2);
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(end + 2);
        return line;
    }

    static char lower(char letter) noexcept {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    }
    static bool is_same(std::string_view text, std::string_view lower_case) noexcept {
        return std::ranges::equal(text, lower_case, {}, lower);
    }
    static bool is_named(std::string_view line, std::string_view name) noexcept {
        return line.size() > name.size() && line[name.size()] == ':' && is_same(line.substr(0, name.size()), name);
    }
    static std::string_view trimmed(std::string_view text) noexcept {
        const std::size_t first = text.find_first_not_of(" \t");
        if (first == std::string_view::npos) return {};
        return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
    }
    static std::string_view value_of(std::string_view line) noexcept {
        return trimmed(line.substr(line.find(':') + 1));
    }
    static bool is_zero(std::string_view line) noexcept {
        const std::string_view value = value_of(line);
        return !value.empty() && value.find_first_not_of('0') == std::string_view::npos;
    }
    // Whether `close` is one of the words, which commas part.
    static bool says_close(std::string_view line) noexcept {
        std::string_view words = value_of(line);
        while (!words.empty()) {
            const std::size_t comma = std::min(words.find(','), words.size());
            if (is_same(trimmed(words.substr(0, comma)), "close")) return true;
            words.remove_prefix(std::min(comma + 1, words.size()));
        }
        return false;
    }

    std::string known_;  // the last head that was plain
    std::string begun_;  // what has come of a head that a read has cut
};

}  // namespace skerry::http_hello
