// The answers of HTTP/1.1: however the stream is cut, it is read the same; and each answer, read alone, is itself.

#include "loadgen/protocol/http_response.hpp"

#include "fuzz.hpp"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

using namespace skerry;
using namespace skerry::loadgen;

namespace {

struct Answer {
    unsigned status;
    std::uint64_t body_bytes;
    bool keeps_alive;
    std::size_t end;  // in the stream

    friend bool operator==(const Answer&, const Answer&) = default;
};

struct Reading {
    std::vector<Answer> answers;
    HttpFault fault = HttpFault::none;

    friend bool operator==(const Reading&, const Reading&) = default;
};

/// Feeds a piece from memory of exactly its size; true: the stream has no fault so far.
bool feed(HttpResponse& response, std::string_view piece, std::size_t at, Reading& reading) {
    const auto own = std::make_unique<char[]>(piece.size());
    std::copy(piece.begin(), piece.end(), own.get());
    std::string_view data(own.get(), piece.size());
    while (!data.empty()) {
        const std::size_t before = data.size();
        const HttpStep step = response.take(data);
        if (step == HttpStep::fault) {
            reading.fault = response.fault();
            return false;
        }
        fuzz::require(data.size() < before, "a step takes something");
        if (step == HttpStep::more) {
            fuzz::require(data.empty(), "more is asked for when all is taken");
            return true;
        }
        const std::size_t end = at + piece.size() - data.size();
        reading.answers.push_back({response.status(), response.body_bytes(), response.keeps_alive(), end});
    }
    return true;
}

Reading read(std::string_view stream, std::size_t step, bool is_head) {
    HttpResponse response(is_head);
    Reading reading;
    for (std::size_t at = 0; at < stream.size(); at += step)
        if (!feed(response, stream.substr(at, step), at, reading)) return reading;
    const HttpStep end = response.take_end();
    if (end == HttpStep::complete)
        reading.answers.push_back({response.status(), response.body_bytes(), response.keeps_alive(), stream.size()});
    if (end == HttpStep::fault) reading.fault = response.fault();
    return reading;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    // The first byte says how the stream is cut the third time, and whether the requests were HEAD.
    const bool is_head = (data[0] & 1U) != 0;
    const std::size_t step = 1U + data[0] / 2U;
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Reading whole = read(stream, std::max<std::size_t>(stream.size(), 1), is_head);
    fuzz::require(read(stream, 1, is_head) == whole, "byte by byte it is the same");
    fuzz::require(read(stream, step, is_head) == whole, "in pieces it is the same");

    std::size_t begin = 0;
    for (const Answer& answer : whole.answers) {
        fuzz::require(answer.status >= 200 && answer.status <= 999, "a final status");
        fuzz::require(answer.body_bytes < answer.end - begin, "the body is shorter than the answer");
        fuzz::require(!is_head || answer.body_bytes == 0, "HEAD has no body");
        const Reading alone = read(stream.substr(begin, answer.end - begin), stream.size(), is_head);
        fuzz::require(alone.fault == HttpFault::none && alone.answers.size() == 1, "an answer alone is one answer");
        Answer same = alone.answers.front();
        same.end += begin;
        fuzz::require(same == answer, "an answer alone is itself");
        begin = answer.end;
    }
    return 0;
}
