// http_hello: answers every GET with 13 bytes, to be loaded by wrk beside other servers. Keep-alive and pipelining of
// HTTP/1.1, HEAD and `Connection: close`; no routes, and a request with a body is refused. The shared command line:
// --listen, --backend, --cores, --idle and the rest.

#include "answers.hpp"
#include "request_heads.hpp"

#include "common/backends.hpp"
#include "common/options.hpp"
#include "common/process.hpp"
#include "common/report.hpp"
#include "common/start_line.hpp"
#include "common/stop_signals.hpp"

#include <skerry/net/resolve.hpp>
#include <skerry/net/tcp_server.hpp>
#include <skerry/runtime/builder.hpp>
#include <skerry/runtime/handle.hpp>
#include <skerry/task/select.hpp>
#include <skerry/task/spawn.hpp>
#include <skerry/time/sleep.hpp>
#include <skerry/time/timeout.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace skerry;
using http_hello::Answers;
using http_hello::RequestHeads;
using http_hello::Then;

constexpr std::size_t read_bytes = 4096;
constexpr std::string_view too_long =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n";
constexpr std::string_view no_bodies =
    "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n";

// Behind the last answer what the client still sends is read over: a socket that is closed with bytes unread resets the
// connection, and the client may never see the answer (RFC 9112 section 9.6). Both are bounds.
constexpr std::size_t read_over_max = std::size_t{16} << 20;
constexpr auto read_over_patience = std::chrono::seconds{2};

constexpr const char* name = "http_hello";

/// Those of this second. Whoever writes holds what it writes, however long that takes.
struct alignas(64) Core {
    std::shared_ptr<const Answers> answers = std::make_shared<const Answers>(std::time(nullptr));
};
using Cores = std::vector<Core>;

Task<> end_in_order(net::TcpStream& stream, std::string last) {
    auto written = co_await stream.write_all(std::as_bytes(std::span(last)));
    if (!written || !stream.shutdown(net::ShutdownHow::write)) co_return;
    const time::Instant until = time::Instant::now() + read_over_patience;
    std::array<std::byte, read_bytes> buffer;
    for (std::size_t left = read_over_max; left != 0;) {
        auto bytes = co_await time::timeout_at(until, stream.read(buffer));
        if (!bytes || *bytes == 0) co_return;
        left -= std::min(left, *bytes);
    }
}

/// The last answer of a connection, for what ends it.
std::string last_answer(Then then, const Answers& answers) {
    if (then == Then::too_long) return std::string(too_long);
    if (then == Then::body) return std::string(no_bodies);
    return answers.last(then == Then::last);
}

Task<> answer(net::TcpStream stream, Cores* cores) {
    const Core& core = (*cores)[this_core().index];
    RequestHeads heads;
    std::array<std::byte, read_bytes> buffer;
    for (;;) {
        auto bytes = co_await stream.read(buffer);
        if (!bytes || *bytes == 0) co_return;
        const std::shared_ptr<const Answers> answers = core.answers;
        std::string_view left(reinterpret_cast<const char*>(buffer.data()), *bytes);
        while (!left.empty()) {
            const RequestHeads::Step step = heads.take(left);
            for (std::size_t due = step.plain; due != 0;) {
                const std::size_t now = std::min(due, Answers::at_once);
                auto written = co_await stream.write_all(answers->bytes(now));
                if (!written) co_return;
                due -= now;
            }
            if (step.then == Then::more) continue;
            if (step.then != Then::head) {
                co_await end_in_order(stream, last_answer(step.then, *answers));
                co_return;
            }
            auto written = co_await stream.write_all(answers->without_body());
            if (!written) co_return;
        }
    }
}

Task<> keep_date(Cores* cores) {
    for (;;) {
        co_await time::sleep(std::chrono::seconds{1});
        (*cores)[this_core().index].answers = std::make_shared<const Answers>(std::time(nullptr));
    }
}

Task<int> serve(const apps::Options& options, const runtime::Runtime& runtime, Cores& cores) {
    const apps::ListenAddress listen =
        options.listen.empty() ? apps::ListenAddress{"127.0.0.1:8080", "127.0.0.1", 8080} : options.listen.front();
    auto found = co_await net::resolve(listen.host, listen.port);
    if (!found) co_return apps::report(found.error(), "cannot find the address of " + listen.host);
    auto server = net::TcpServer::bind(found->front());
    if (!server) co_return apps::report(server.error(), "cannot listen on " + listen.text);
    auto signals = apps::StopSignals::listen();
    if (!signals) co_return apps::report(signals.error(), "cannot listen to SIGTERM and SIGINT");
    apps::StartLine line;
    line.program = name;
    line.service = "http";
    line.address = net::to_string(server->local_addr());
    line.backend = runtime.driver();
    line.backend_reason = runtime.reason();
    (void)apps::print(apps::format_start_line(line, runtime.plan()) + "\n");

    auto dates = on_each_core(&keep_date, &cores);
    auto serving = std::move(*server).serve(CancellationToken{}, &answer, &cores);
    auto event = co_await select(std::move(serving), signals->requested());
    for (auto& date : dates) date.abort();
    if (event.index() == 1) co_return 0;
    const auto& ended = std::get<0>(event);
    co_return ended ? 0 : apps::report(ended.error(), "cannot serve any more");
}

}  // namespace

int main(int argc, char** argv) {
    apps::prepare_process();
    const apps::Program program{.name = name,
                                .summary = "Answers HTTP GET with a few bytes: a peer for load generators.",
                                .backends = apps::backend_names(),
                                .listens = true,
                                .listens_on = "127.0.0.1:8080",
                                .writes_json = false};
    auto options = apps::parse_options(program, argc, argv);
    if (!options) return apps::finish(options.error());
    auto runtime = apps::builder_for_sockets(options->runtime).build();
    if (!runtime) return apps::report(runtime.error());
    apps::note_unused_network(options->runtime, *runtime);
    Cores cores(runtime->plan().cores.size());
    const int code = runtime->block_on(serve(*options, *runtime, cores));
    runtime->shutdown(options->runtime.grace);
    return code;
}
