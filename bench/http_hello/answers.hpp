#pragma once

// What is answered, many times over: the answers to pipelined requests leave in one write.

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <span>
#include <string>
#include <string_view>

namespace skerry::http_hello {

class Answers {
public:
    static constexpr std::size_t at_once = 64;

    /// The date is part of an answer (RFC 9110 section 6.6.1), to the second.
    explicit Answers(std::time_t now) noexcept {
        std::tm utc{};
        ::gmtime_r(&now, &utc);
        std::array<char, date_bytes + 1> date{};
        std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        for (std::size_t i = 0; i < at_once; ++i) {
            char* to = text_.data() + i * answer_bytes;
            for (const std::string_view part : {front, std::string_view(date.data(), date_bytes), back}) {
                std::memcpy(to, part.data(), part.size());
                to += part.size();
            }
        }
    }

    /// `count` of them, at most at_once.
    [[nodiscard]] std::span<const std::byte> bytes(std::size_t count) const noexcept {
        return std::as_bytes(std::span(text_)).first(count * answer_bytes);
    }

    /// Of one answer, what goes out for HEAD.
    [[nodiscard]] std::span<const std::byte> without_body() const noexcept {
        return bytes(1).first(answer_bytes - body.size());
    }

    /// The answer behind which the connection ends.
    [[nodiscard]] std::string last(bool has_body) const {
        std::string text(text_.data(), answer_bytes - body.size() - 2);
        text += "Connection: close\r\n\r\n";
        if (has_body) text += body;
        return text;
    }

private:
    static constexpr std::string_view front =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nDate: ";
    static constexpr std::size_t date_bytes = 29;  // "Thu, 01 Jan 1970 00:00:00 GMT"
    static constexpr std::string_view back = "\r\n\r\nHello, World!";
    static constexpr std::string_view body = back.substr(4);
    static constexpr std::size_t answer_bytes = front.size() + date_bytes + back.size();

    std::array<char, at_once * answer_bytes> text_;
};

}  // namespace skerry::http_hello
