#include "arguments.hpp"

#include "evaluate.hpp"
#include "stop.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <limits>

namespace skerry::pkt {
namespace {

using Kind = Expression::Kind;

std::int64_t in_range(const Expression& expression, std::int64_t least, std::int64_t most) {
    const std::int64_t number = evaluate_number(expression);
    if (number < least || number > most) skip(expression.at, std::to_string(number) + " as an argument");
    return number;
}

/// `htons(8080)`
std::uint16_t as_port(const Expression& expression) {
    if (expression.kind != Kind::call || expression.text != "htons" || expression.parts.size() != 1)
        skip(expression.at, "a port that is not written htons(N)");
    return static_cast<std::uint16_t>(in_range(expression.parts.front(), 0, 65'535));
}

net::IpAddr parse_address(const Expression& text) {
    const auto address = net::IpAddr::parse(text.text);
    if (text.kind != Kind::string || !address) skip(text.at, "an address that is not understood");
    return *address;
}

/// `inet_addr("192.0.2.1")`, `htonl(INADDR_ANY)`, `inet_pton("2001:db8::1")`
net::IpAddr as_ip(const Expression& expression) {
    if (expression.kind == Kind::call && expression.parts.size() == 1) {
        const Expression& inner = expression.parts.front();
        if (expression.text == "inet_addr") return parse_address(inner);
        if (expression.text == "inet_pton") return parse_address(inner);
        if (expression.text == "htonl")
            return net::IpAddr::v4(
                static_cast<std::uint32_t>(in_range(inner, 0, std::numeric_limits<std::uint32_t>::max())));
    }
    if (expression.kind == Kind::name && expression.text == "INADDR_ANY") return net::IpAddr::v4_any();
    if (expression.kind == Kind::name && expression.text == "in6addr_any") return net::IpAddr::v6_any();
    skip(expression.at, "an address that is not understood");
}

/// `0` or `htonl(0)`
bool is_nothing(const Expression& expression) {
    if (expression.kind == Kind::call && expression.text == "htonl" && expression.parts.size() == 1)
        return evaluate_number(expression.parts.front()) == 0;
    return evaluate_number(expression) == 0;
}

}  // namespace

bool is_anything(const Expression& expression) { return expression.kind == Kind::anything; }

void expect_count(const syntax::SystemCall& call, std::size_t least, std::size_t most) {
    const std::size_t count = call.arguments.size();
    if (count < least || count > most) skip(call.at, call.name + " with " + std::to_string(count) + " arguments");
}

int as_int(const Expression& expression) {
    return static_cast<int>(in_range(expression, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

std::uint32_t as_bits(const Expression& expression) {
    return static_cast<std::uint32_t>(in_range(expression, 0, std::numeric_limits<std::uint32_t>::max()));
}

std::size_t as_size(const Expression& expression) {
    constexpr std::int64_t most = 1 << 28;
    return static_cast<std::size_t>(in_range(expression, 0, most));
}

int as_boxed_int(const Expression& expression) {
    if (expression.kind != Kind::list) return as_int(expression);
    if (expression.parts.size() != 1) skip(expression.at, "several numbers for one");
    return as_int(expression.parts.front());
}

const Expression* field(const Expression& structure, std::string_view name) {
    const auto found = std::find_if(structure.parts.begin(), structure.parts.end(), [&](const Expression& part) {
        return part.kind == Kind::field && part.text == name;
    });
    return found != structure.parts.end() ? &found->parts.front() : nullptr;
}

void expect_fields(const Expression& structure, std::initializer_list<std::string_view> names) {
    if (structure.kind != Kind::structure) skip(structure.at, "no structure where one belongs");
    for (const Expression& part : structure.parts)
        if (part.kind != Kind::field || std::find(names.begin(), names.end(), part.text) == names.end())
            skip(part.at, "the field " + part.text);
}

std::optional<net::SocketAddr> as_address(const Expression& expression) {
    if (is_anything(expression)) return std::nullopt;
    expect_fields(expression,
                  {"sa_family", "sin_port", "sin_addr", "sin6_port", "sin6_addr", "sin6_flowinfo", "sin6_scope_id"});
    const Expression* const family = field(expression, "sa_family");
    if (family == nullptr) skip(expression.at, "an address without sa_family");
    const bool is_v6 = as_int(*family) == AF_INET6;
    if (!is_v6 && as_int(*family) != AF_INET) skip(family->at, "a family of addresses");
    const Expression* const port = field(expression, is_v6 ? "sin6_port" : "sin_port");
    const Expression* const ip = field(expression, is_v6 ? "sin6_addr" : "sin_addr");
    if (port == nullptr || ip == nullptr) skip(expression.at, "an address without a port or an IP address");
    // What an address of ours has no room for.
    for (const std::string_view name : {"sin6_flowinfo", "sin6_scope_id"})
        if (const Expression* const other = field(expression, name); other != nullptr && !is_nothing(*other))
            skip(other->at, std::string(name) + " of something");
    const net::IpAddr address = as_ip(*ip);
    if (address.is_v6() != is_v6) skip(ip->at, "an address of another family");
    return net::SocketAddr(address, as_port(*port));
}

std::vector<std::size_t> as_lengths(const Expression& expression) {
    if (expression.kind != Kind::list) skip(expression.at, "no list of pieces");
    std::vector<std::size_t> lengths;
    for (const Expression& piece : expression.parts) {
        if (piece.kind != Kind::structure || piece.parts.size() != 2 || !is_anything(piece.parts.front()))
            skip(piece.at, "a piece that is not {..., LENGTH}");
        lengths.push_back(as_size(piece.parts.back()));
    }
    return lengths;
}

std::vector<std::byte> as_data(const Expression& content, std::size_t bytes) {
    std::vector<std::byte> data(bytes);
    if (is_anything(content)) return data;
    if (content.kind != Kind::string) skip(content.at, "data that is no text");
    for (std::size_t i = 0; i < std::min(bytes, content.text.size()); ++i)
        data[i] = static_cast<std::byte>(static_cast<unsigned char>(content.text[i]));
    return data;
}

OptionValue as_option(const Expression& expression) {
    if (expression.kind == Kind::string) return expression.text;
    if (expression.kind == Kind::list && expression.parts.size() == 1 && expression.parts.front().kind == Kind::string)
        return expression.parts.front().text;
    if (expression.kind != Kind::structure) return as_boxed_int(expression);
    expect_fields(expression, {"onoff", "linger", "l_onoff", "l_linger"});
    const auto number = [&](std::string_view name, std::string_view other) {
        const Expression* one = field(expression, name);
        if (one == nullptr) one = field(expression, other);
        if (one == nullptr) skip(expression.at, "a struct linger without " + std::string(name));
        return as_int(*one);
    };
    return Linger{number("onoff", "l_onoff") != 0, number("linger", "l_linger")};
}

}  // namespace skerry::pkt
