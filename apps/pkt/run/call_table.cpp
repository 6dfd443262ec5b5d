// Each call of the table: which arguments it has, what is made of them, and what it writes back.

#include "script_calls.hpp"

#include "arguments.hpp"
#include "constants.hpp"
#include "evaluate.hpp"
#include "live_packet.hpp"
#include "stop.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <numeric>
#include <string>

namespace skerry::pkt {
namespace {

using syntax::SystemCall;
using Kind = Expression::Kind;
using Arguments = std::vector<Expression>;

void nothing(const Returned&) {}

BegunCall begun(Call call, std::function<void(const Returned&)> on_success = nothing) {
    return {std::move(call), nullptr, std::move(on_success)};
}

void expect(const Expression& where, std::string_view what, std::int64_t expected, std::int64_t seen) {
    if (expected == seen) return;
    fail(where.at, std::string(what) + ": expected " + std::to_string(expected) + ", seen " + std::to_string(seen));
}

/// An address that a call wrote, unless the script says that any will do.
void expect_address(const Expression& where, const Returned& result) {
    const auto expected = as_address(where);
    if (!expected) return;
    if (!result.output.address) fail(where.at, "no address was written");
    if (*expected != *result.output.address)
        fail(where.at, "expected " + to_string(*expected) + ", seen " + to_string(*result.output.address));
}

/// A text that was read, where the script says which.
void expect_data(const Expression& where, const Returned& result) {
    if (where.kind != Kind::string) return;
    const std::vector<std::byte> expected = as_data(where, where.text.size());
    if (expected != result.output.data) fail(where.at, "other bytes were read");
}

/// What a call is made with when the script leaves the address to the interpreter.
net::SocketAddr address_or(const Expression& expression, const RunConfig& config, const net::IpAddr& ip,
                           std::uint16_t port) {
    return as_address(expression).value_or(net::SocketAddr(config.in_family_of_sockets(ip), port));
}

net::SocketAddr unmapped(const net::SocketAddr& address) { return {address.ip().unmapped(), address.port()}; }

// --- descriptors

BegunCall begin_socket(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    const Arguments& arguments = script.arguments;
    const RunConfig& config = calls.config();
    const int domain = is_anything(arguments[0]) ? config.socket_domain() : as_int(arguments[0]);
    const int type = as_int(arguments[1]);
    const bool is_datagram = (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_DGRAM;
    return begun(calls.machine().socket(domain, type, as_int(arguments[2])),
                 [&calls, &script, is_datagram](const Returned& result) {
                     calls.note_fd(script, result.value);
                     const RunConfig& of = calls.config();
                     Flow& flow = calls.flows().add(is_datagram ? protocol::udp : protocol::tcp,
                                                    {of.local, of.bind_port}, {of.remote, of.connect_port});
                     flow.live_fd = static_cast<int>(result.value);
                 });
}

BegunCall begin_close(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 1, 1);
    return begun(calls.machine().close(calls.live_fd(script.arguments[0])),
                 [&calls, &script](const Returned&) { calls.forget_fd(script.arguments[0]); });
}

BegunCall begin_dup(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 1, 1);
    return begun(calls.machine().dup(calls.live_fd(script.arguments[0])),
                 [&calls, &script](const Returned& result) { calls.note_fd(script, result.value); });
}

BegunCall begin_fcntl(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 2, 3);
    const Arguments& arguments = script.arguments;
    const int argument = arguments.size() > 2 ? as_int(arguments[2]) : 0;
    return begun(calls.machine().fcntl(calls.live_fd(arguments[0]), as_int(arguments[1]), argument));
}

BegunCall begin_ioctl(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    const Arguments& arguments = script.arguments;
    const auto request = static_cast<unsigned long>(evaluate_number(arguments[1]));
    return begun(calls.machine().ioctl(calls.live_fd(arguments[0]), request), [&script](const Returned& result) {
        const Expression& said = script.arguments[2];
        if (!is_anything(said)) expect(said, "ioctl", as_boxed_int(said), result.output.integer);
    });
}

// --- names

BegunCall begin_bind(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    const int fd = calls.live_fd(script.arguments[0]);
    const RunConfig& config = calls.config();
    const auto address = address_or(script.arguments[1], config, config.local, config.bind_port);
    return begun(calls.machine().bind(fd, address), [&calls, fd](const Returned&) {
        Flow* const flow = calls.flows().of_fd(fd);
        const auto name = calls.name_of(fd);
        if (flow == nullptr || !name) return;
        flow->local = *name;
        // What a datagram socket is sent comes from a port that the interpreter chooses.
        if (flow->protocol == protocol::udp) flow->state = Flow::State::known;
    });
}

BegunCall begin_listen(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 2, 2);
    const int fd = calls.live_fd(script.arguments[0]);
    return begun(calls.machine().listen(fd, as_int(script.arguments[1])), [&calls, fd](const Returned&) {
        if (Flow* const flow = calls.flows().of_fd(fd)) flow->state = Flow::State::listening;
    });
}

BegunCall begin_accept(ScriptCalls& calls, const SystemCall& script) {
    const bool has_flags = script.name == "accept4";
    expect_count(script, has_flags ? 4 : 3, has_flags ? 4 : 3);
    const int listener = calls.live_fd(script.arguments[0]);
    const int flags = has_flags ? as_int(script.arguments[3]) : 0;
    return begun(calls.machine().accept(listener, flags), [&calls, &script, listener](const Returned& result) {
        calls.note_fd(script, result.value);
        expect_address(script.arguments[1], result);
        const Flow* const door = calls.flows().of_fd(listener);
        if (door == nullptr || !result.output.address) return;
        Flow* const child = calls.flows().find(protocol::tcp, door->local, unmapped(*result.output.address));
        if (child != nullptr) child->live_fd = static_cast<int>(result.value);
    });
}

BegunCall begin_connect(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    const int fd = calls.live_fd(script.arguments[0]);
    const RunConfig& config = calls.config();
    const auto to = address_or(script.arguments[1], config, config.remote, config.connect_port);
    Flow* const flow = calls.flows().of_fd(fd);
    if (flow != nullptr && flow->state == Flow::State::fresh) {
        flow->state = Flow::State::connecting;
        flow->remote = unmapped(to);
    }
    return begun(calls.machine().connect(fd, to), [&calls, fd, to](const Returned&) {
        // A datagram socket has got its name, and says nothing on the wire.
        Flow* const named = calls.flows().of_fd(fd);
        if (named == nullptr || named->protocol != protocol::udp) return;
        named->remote = unmapped(to);
        if (const auto name = calls.name_of(fd)) named->local = *name;
        named->state = Flow::State::known;
    });
}

BegunCall begin_shutdown(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 2, 2);
    return begun(calls.machine().shutdown(calls.live_fd(script.arguments[0]), as_int(script.arguments[1])));
}

BegunCall begin_getname(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    const int fd = calls.live_fd(script.arguments[0]);
    const bool is_peer = script.name == "getpeername";
    return begun(is_peer ? calls.machine().getpeername(fd) : calls.machine().getsockname(fd),
                 [&script](const Returned& result) { expect_address(script.arguments[1], result); });
}

// --- options

BegunCall begin_setsockopt(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 5, 5);
    const Arguments& arguments = script.arguments;
    return begun(calls.machine().setsockopt(calls.live_fd(arguments[0]), as_int(arguments[1]), as_int(arguments[2]),
                                            as_option(arguments[3])));
}

void expect_option(const Expression& said, const OptionValue& seen) {
    if (is_anything(said)) return;
    const OptionValue expected = as_option(said);
    if (const auto* const number = std::get_if<int>(&expected)) {
        const auto* const given = std::get_if<int>(&seen);
        if (given == nullptr) skip(said.at, "an option that is no number");
        return expect(said, "getsockopt", *number, *given);
    }
    if (expected.index() != seen.index()) skip(said.at, "an option of another kind");
    if (expected != seen) fail(said.at, "getsockopt: another value");
}

BegunCall begin_getsockopt(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 5, 5);
    const Arguments& arguments = script.arguments;
    return begun(calls.machine().getsockopt(calls.live_fd(arguments[0]), as_int(arguments[1]), as_int(arguments[2])),
                 [&script](const Returned& result) { expect_option(script.arguments[3], result.output.option); });
}

// --- data

BegunCall begin_read(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    return begun(calls.machine().read(calls.live_fd(script.arguments[0]), as_size(script.arguments[2])),
                 [&script](const Returned& result) { expect_data(script.arguments[1], result); });
}

BegunCall begin_readv(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    return begun(calls.machine().readv(calls.live_fd(script.arguments[0]), as_lengths(script.arguments[1])));
}

BegunCall begin_recv(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 4, 4);
    const Arguments& arguments = script.arguments;
    return begun(calls.machine().receive(calls.live_fd(arguments[0]), as_size(arguments[2]), as_int(arguments[3])),
                 [&script](const Returned& result) { expect_data(script.arguments[1], result); });
}

BegunCall begin_recvfrom(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 6, 6);
    const Arguments& arguments = script.arguments;
    return begun(calls.machine().receive(calls.live_fd(arguments[0]), as_size(arguments[2]), as_int(arguments[3])),
                 [&script](const Returned& result) {
                     expect_data(script.arguments[1], result);
                     expect_address(script.arguments[4], result);
                 });
}

BegunCall begin_write(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    const Arguments& arguments = script.arguments;
    return begun(calls.machine().write(calls.live_fd(arguments[0]), as_data(arguments[1], as_size(arguments[2]))));
}

BegunCall begin_writev(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    std::vector<std::vector<std::byte>> slices;
    for (const std::size_t bytes : as_lengths(script.arguments[1])) slices.emplace_back(bytes);
    return begun(calls.machine().writev(calls.live_fd(script.arguments[0]), slices));
}

BegunCall begin_send(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 4, 4);
    const Arguments& arguments = script.arguments;
    return begun(calls.machine().send(calls.live_fd(arguments[0]), as_data(arguments[1], as_size(arguments[2])),
                                      as_int(arguments[3]), std::nullopt));
}

/// Where a datagram goes whose address the script leaves to the interpreter.
std::optional<net::SocketAddr> destination(ScriptCalls& calls, int fd, const Expression& said) {
    auto to = as_address(said);
    Flow* const flow = calls.flows().of_fd(fd);
    if (flow == nullptr || flow->protocol != protocol::udp) return to;
    if (!to) to = net::SocketAddr(calls.config().in_family_of_sockets(flow->remote.ip()), flow->remote.port());
    flow->remote = unmapped(*to);
    if (flow->state == Flow::State::fresh) flow->state = Flow::State::connecting;
    return to;
}

BegunCall begin_sendto(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 6, 6);
    const Arguments& arguments = script.arguments;
    const int fd = calls.live_fd(arguments[0]);
    return begun(calls.machine().send(fd, as_data(arguments[1], as_size(arguments[2])), as_int(arguments[3]),
                                      destination(calls, fd, arguments[4])));
}

/// The pieces of a struct msghdr; what else stands in it is refused unless it is known to mean nothing.
std::vector<std::size_t> pieces_of(const Expression& message) {
    expect_fields(message, {"msg_name", "msg_namelen", "msg_iov", "msg_iovlen", "msg_flags", "msg_control"});
    if (const Expression* const control = field(message, "msg_control"); control != nullptr && !is_anything(*control))
        skip(control->at, "control messages");
    const Expression* const pieces = field(message, "msg_iov");
    if (pieces == nullptr) skip(message.at, "a struct msghdr without msg_iov");
    return as_lengths(*pieces);
}

std::size_t total(const std::vector<std::size_t>& lengths) {
    return std::accumulate(lengths.begin(), lengths.end(), std::size_t{0});
}

BegunCall begin_sendmsg(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    const int fd = calls.live_fd(script.arguments[0]);
    const Expression& message = script.arguments[1];
    std::vector<std::byte> data(total(pieces_of(message)));
    const Expression* const name = field(message, "msg_name");
    const auto to = name != nullptr ? destination(calls, fd, *name) : std::nullopt;
    return begun(calls.machine().send(fd, std::move(data), as_int(script.arguments[2]), to));
}

BegunCall begin_recvmsg(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    const std::size_t bytes = total(pieces_of(script.arguments[1]));
    return begun(calls.machine().receive(calls.live_fd(script.arguments[0]), bytes, as_int(script.arguments[2])),
                 [&script](const Returned& result) {
                     const Expression& message = script.arguments[1];
                     const Expression* const flags = field(message, "msg_flags");
                     if (flags != nullptr && !is_anything(*flags))
                         expect(*flags, "msg_flags", as_int(*flags), result.output.message_flags);
                     if (const Expression* const name = field(message, "msg_name")) expect_address(*name, result);
                 });
}

// --- readiness

std::uint32_t events_of(const Expression& structure, std::string_view name) {
    const Expression* const events = field(structure, name);
    return events != nullptr ? as_bits(*events) : 0;  // EPOLLET is the highest of 32
}

PollEntry entry_of(ScriptCalls& calls, const Expression& structure) {
    expect_fields(structure, {"fd", "events", "revents"});
    const Expression* const fd = field(structure, "fd");
    if (fd == nullptr) skip(structure.at, "a struct pollfd without fd");
    return {calls.live_fd(*fd), events_of(structure, "events"), 0};
}

BegunCall begin_poll(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 3, 3);
    const Expression& list = script.arguments[0];
    if (list.kind != Kind::list) skip(list.at, "poll without a list");
    std::vector<PollEntry> entries;
    for (const Expression& structure : list.parts) entries.push_back(entry_of(calls, structure));
    if (static_cast<std::size_t>(as_int(script.arguments[1])) != entries.size())
        skip(list.at, "poll with another number of entries");
    return begun(calls.machine().poll(std::move(entries), as_int(script.arguments[2])), [&script](
                                                                                            const Returned& result) {
        const Arguments& structures = script.arguments[0].parts;
        for (std::size_t i = 0; i < structures.size() && i < result.output.polled.size(); ++i)
            if (field(structures[i], "revents") != nullptr)
                expect(structures[i], "revents", events_of(structures[i], "revents"), result.output.polled[i].revents);
    });
}

BegunCall begin_epoll_create(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 1, 1);
    const int argument = as_int(script.arguments[0]);
    return begun(script.name == "epoll_create" ? calls.machine().epoll_create(argument)
                                               : calls.machine().epoll_create1(argument),
                 [&calls, &script](const Returned& result) { calls.note_fd(script, result.value); });
}

/// What a program registers with an event: the number of its script, whatever the machine's is.
std::uint64_t data_of(const Expression& event) {
    for (const std::string_view name : {"fd", "u32", "u64", "ptr"})
        if (const Expression* const data = field(event, name))
            return static_cast<std::uint64_t>(evaluate_number(*data));
    return 0;
}

BegunCall begin_epoll_ctl(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 4, 4);
    const Arguments& arguments = script.arguments;
    EpollEvent event;
    if (!is_anything(arguments[3])) {
        expect_fields(arguments[3], {"events", "fd", "u32", "u64", "ptr"});
        event = {events_of(arguments[3], "events"), data_of(arguments[3])};
    }
    return begun(calls.machine().epoll_ctl(calls.live_fd(arguments[0]), as_int(arguments[1]),
                                           calls.live_fd(arguments[2]), event));
}

void expect_event(const Expression& said, const EpollEvent& seen) {
    if (is_anything(said)) return;
    expect_fields(said, {"events", "fd", "u32", "u64", "ptr"});
    expect(said, "events", events_of(said, "events"), seen.events);
    if (said.parts.size() > 1)
        expect(said, "data", static_cast<std::int64_t>(data_of(said)), static_cast<std::int64_t>(seen.data));
}

BegunCall begin_epoll_wait(ScriptCalls& calls, const SystemCall& script) {
    expect_count(script, 4, 4);
    const Arguments& arguments = script.arguments;
    return begun(calls.machine().epoll_wait(calls.live_fd(arguments[0]), as_int(arguments[2]), as_int(arguments[3])),
                 [&script](const Returned& result) {
                     const Expression& said = script.arguments[1];
                     const Arguments one{said};
                     const Arguments& all = said.kind == Kind::list ? said.parts : one;
                     for (std::size_t i = 0; i < all.size() && i < result.output.events.size(); ++i)
                         expect_event(all[i], result.output.events[i]);
                 });
}

struct Row {
    std::string_view name;
    BeginCall begin;
};

constexpr Row table[] = {
    {"socket", &begin_socket},
    {"close", &begin_close},
    {"dup", &begin_dup},
    {"fcntl", &begin_fcntl},
    {"ioctl", &begin_ioctl},
    {"bind", &begin_bind},
    {"listen", &begin_listen},
    {"accept", &begin_accept},
    {"accept4", &begin_accept},
    {"connect", &begin_connect},
    {"shutdown", &begin_shutdown},
    {"getsockname", &begin_getname},
    {"getpeername", &begin_getname},
    {"setsockopt", &begin_setsockopt},
    {"getsockopt", &begin_getsockopt},
    {"read", &begin_read},
    {"readv", &begin_readv},
    {"recv", &begin_recv},
    {"recvfrom", &begin_recvfrom},
    {"recvmsg", &begin_recvmsg},
    {"write", &begin_write},
    {"writev", &begin_writev},
    {"send", &begin_send},
    {"sendto", &begin_sendto},
    {"sendmsg", &begin_sendmsg},
    {"poll", &begin_poll},
    {"epoll_create", &begin_epoll_create},
    {"epoll_create1", &begin_epoll_create},
    {"epoll_ctl", &begin_epoll_ctl},
    {"epoll_wait", &begin_epoll_wait},
};

}  // namespace

BeginCall find_call(std::string_view name) {
    const auto* const found =
        std::find_if(std::begin(table), std::end(table), [&](const Row& row) { return row.name == name; });
    return found != std::end(table) ? found->begin : nullptr;
}

}  // namespace skerry::pkt
