#pragma once

// Hot path. Where the heads of HTTP/1.1 requests end, in a stream that is cut anywhere. Requests with a body are not
// known: this is for GET.

#include <cstddef>
#include <string_view>

namespace skerry::http_hello {

class RequestHeads {
public:
    static constexpr std::size_t head_bytes_max = 8192;

    /// How many heads end in these bytes, which go on where the last ones ended.
    [[nodiscard]] std::size_t count(std::string_view bytes) noexcept {
        std::size_t heads = 0;
        std::size_t at = finish_cut_end(bytes, heads);
        for (;;) {
            const std::size_t end = matched_ == 0 ? bytes.find(end_of_head, at) : std::string_view::npos;
            if (end == std::string_view::npos) break;
            ++heads;
            length_ = 0;
            at = end + end_of_head.size();
        }
        if (matched_ != 0) return heads;
        const std::string_view rest = bytes.substr(at);
        length_ += rest.size();
        matched_ = cut_end_of(rest);
        return heads;
    }

    /// Whether the head that has begun is longer than any should be.
    [[nodiscard]] bool is_too_long() const noexcept { return length_ > head_bytes_max; }

private:
    static constexpr std::string_view end_of_head = "\r\n\r\n";

    // The bytes in front may be the rest of an end that was cut. Returns where to go on.
    std::size_t finish_cut_end(std::string_view bytes, std::size_t& heads) noexcept {
        std::size_t at = 0;
        while (matched_ != 0 && at < bytes.size()) {
            const char next = bytes[at];
            if (next != end_of_head[matched_]) {
                // Only a return can begin another end, and it is looked at again where it stands.
                matched_ = 0;
                return at;
            }
            ++at;
            ++length_;
            if (++matched_ != end_of_head.size()) continue;
            ++heads;
            length_ = 0;
            matched_ = 0;
        }
        return at;
    }

    // How much of an end the bytes end with.
    static std::size_t cut_end_of(std::string_view bytes) noexcept {
        for (std::size_t part = end_of_head.size() - 1; part != 0; --part)
            if (bytes.ends_with(end_of_head.substr(0, part))) return part;
        return 0;
    }

    std::size_t matched_ = 0;  // of an end, at the end of what came last
    std::size_t length_ = 0;   // of the head that has begun
};

}  // namespace skerry::http_hello
