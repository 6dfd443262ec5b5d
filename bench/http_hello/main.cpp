// http_hello: answers every GET with 13 bytes, to be loaded by wrk beside other servers. Keep-alive and pipelining of
// HTTP/1.1; no bodies, no routes. The shared command line: --listen, --backend, --cores, --idle and the rest.

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

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace skerry;
using http_hello::Answers;
using http_hello::RequestHeads;

constexpr std::size_t read_bytes = 4096;
constexpr std::string_view too_long =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n";

constexpr const char* name = "http_hello";

struct alignas(64) Core {
    Answers answers;
};
using Cores = std::vector<Core>;

Task<> answer(net::TcpStream stream, Cores* cores) {
    const Answers& answers = (*cores)[this_core().index].answers;
    RequestHeads heads;
    std::array<std::byte, read_bytes> buffer;
    for (;;) {
        auto bytes = co_await stream.read(buffer);
        if (!bytes || *bytes == 0) co_return;
        std::size_t due = heads.count({reinterpret_cast<const char*>(buffer.data()), *bytes});
        while (due != 0) {
            const std::size_t now = std::min(due, Answers::at_once);
            auto written = co_await stream.write_all(answers.bytes(now));
            if (!written) co_return;
            due -= now;
        }
        if (heads.is_too_long()) [[unlikely]]
            break;
    }
    (void)co_await stream.write_all(std::as_bytes(std::span(too_long)));
}

Task<> keep_date(Cores* cores) {
    for (;;) {
        co_await time::sleep(std::chrono::seconds{1});
        (*cores)[this_core().index].answers.renew(std::time(nullptr));
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
    const apps::Program program{name, "Answers HTTP GET with a few bytes: a peer for load generators.",
                                apps::backend_names(), true};
    auto options = apps::parse_options(program, argc, argv);
    if (!options) return apps::finish(options.error());
    auto runtime = apps::builder_for_sockets(options->runtime).build();
    if (!runtime) return apps::report(runtime.error());
    Cores cores(runtime->plan().cores.size());
    const int code = runtime->block_on(serve(*options, *runtime, cores));
    runtime->shutdown(options->runtime.grace);
    return code;
}
