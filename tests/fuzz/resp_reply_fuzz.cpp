// The replies of RESP2 against a second reader, which has the whole stream before it and calls itself for arrays; and
// however the stream is cut, it is read the same.

#include "loadgen/protocol/resp_reply.hpp"

#include "fuzz.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

using namespace skerry;
using namespace skerry::loadgen;

namespace {

struct Reply {
    RespKind kind;
    std::uint64_t value_bytes;
    std::size_t end;  // in the stream

    friend bool operator==(const Reply&, const Reply&) = default;
};

struct Reading {
    std::vector<Reply> replies;
    RespFault fault = RespFault::none;

    friend bool operator==(const Reading&, const Reading&) = default;
};

/// Feeds a piece from memory of exactly its size; true: the stream has no fault so far.
bool feed(RespReply& reply, std::string_view piece, std::size_t at, Reading& reading) {
    const auto own = std::make_unique<char[]>(piece.size());
    std::copy(piece.begin(), piece.end(), own.get());
    std::string_view data(own.get(), piece.size());
    while (!data.empty()) {
        const std::size_t before = data.size();
        const RespStep step = reply.take(data);
        if (step == RespStep::fault) {
            reading.fault = reply.fault();
            return false;
        }
        fuzz::require(data.size() < before, "a step takes something");
        fuzz::require(step == RespStep::complete || data.empty(), "more is asked for when all is taken");
        if (step == RespStep::complete)
            reading.replies.push_back({reply.kind(), reply.value_bytes(), at + piece.size() - data.size()});
    }
    return true;
}

Reading read(std::string_view stream, std::size_t step) {
    RespReply reply;
    Reading reading;
    for (std::size_t at = 0; at < stream.size(); at += step)
        if (!feed(reply, stream.substr(at, step), at, reading)) return reading;
    return reading;
}

/// The second reader. It stops at the end of what is whole, or at a fault, without saying which.
class Reference {
public:
    explicit Reference(std::string_view stream) : stream_(stream) {}

    std::vector<Reply> replies() {
        std::vector<Reply> all;
        while (const auto reply = one(0)) all.push_back(*reply);
        return all;
    }

private:
    std::optional<std::string_view> line() {
        const std::size_t end = stream_.find("\r\n", at_);
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view text = stream_.substr(at_, end - at_);
        if (text.find_first_of("\r\n") != std::string_view::npos) return std::nullopt;
        at_ = end + 2;
        return text;
    }

    static std::optional<std::int64_t> number(std::string_view text) {
        const bool has_sign = !text.empty() && (text[0] == '+' || text[0] == '-');
        const std::string_view digits = text.substr(has_sign ? 1 : 0);
        if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
        __int128 value = 0;
        for (const char c : digits) {
            value = value * 10 + (c - '0');
            if (value > __int128{1} << 64) return std::nullopt;
        }
        if (has_sign && text[0] == '-') value = -value;
        if (value < INT64_MIN || value > INT64_MAX) return std::nullopt;
        return static_cast<std::int64_t>(value);
    }

    std::optional<Reply> one(std::size_t depth) {
        const auto head = line();
        if (!head || head->empty()) return std::nullopt;
        const std::string_view text = head->substr(1);
        if (head->front() == '+') return Reply{RespKind::text, text.size(), at_};
        if (head->front() == '-') return Reply{RespKind::error, 0, at_};
        const auto count = number(text);
        if (!count) return std::nullopt;
        switch (head->front()) {
            case ':': return Reply{RespKind::integer, 0, at_};
            case '$': return value(*count);
            case '*': return array(*count, depth);
            default: return std::nullopt;
        }
    }

    std::optional<Reply> value(std::int64_t length) {
        if (length == -1) return Reply{RespKind::nothing, 0, at_};
        if (length < 0 || static_cast<std::uint64_t>(length) > stream_.size() - at_) return std::nullopt;
        const auto bytes = static_cast<std::size_t>(length);
        if (stream_.substr(at_ + bytes, 2) != "\r\n") return std::nullopt;
        at_ += bytes + 2;
        return Reply{RespKind::value, bytes, at_};
    }

    std::optional<Reply> array(std::int64_t length, std::size_t depth) {
        if (length == -1) return Reply{RespKind::nothing, 0, at_};
        if (length < 0 || length > RespReply::array_length_max) return std::nullopt;
        if (length != 0 && depth == RespReply::nesting_max) return std::nullopt;
        for (std::int64_t i = 0; i < length; ++i)
            if (!one(depth + 1)) return std::nullopt;
        return Reply{RespKind::array, 0, at_};
    }

    std::string_view stream_;
    std::size_t at_ = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    // The first byte says how the stream is cut the third time.
    const std::size_t step = 1U + data[0];
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Reading whole = read(stream, std::max<std::size_t>(stream.size(), 1));
    fuzz::require(read(stream, 1) == whole, "byte by byte it is the same");
    fuzz::require(read(stream, step) == whole, "in pieces it is the same");
    fuzz::require(Reference(stream).replies() == whole.replies, "both readers see the same replies");
    return 0;
}
