// The functions of model.hpp, the report of a failure, and what happens when the model itself crashes.

#include "engine/explorer.hpp"

#include <skerry/base/assert.hpp>
#include <skerry/base/compiler.hpp>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace skerry::model {

namespace {

bool abandoned_fibers = false;

Explorer& must_run(const char* what) {
    if (running != nullptr) return *running;
    std::fprintf(stderr, "model: %s is called outside a model\n", what);
    std::abort();
}

void print(const Report& report) {
    std::fprintf(stderr, "model \"%s\": %s\n%s  after %llu schedules; run this one again with MODEL_REPLAY='%s'\n",
                 report.name.c_str(), report.message.c_str(), report.trace.c_str(),
                 static_cast<unsigned long long>(report.schedules), report.replay.c_str());
}

#if !SKERRY_ASAN && !SKERRY_TSAN  // the sanitizers print their own report
void on_fault_signal(int signal, siginfo_t* info, void*) {
    if (running != nullptr) {
        const char* what = signal == SIGABRT ? "abort" : "fault signal";
        running->print_crash(what, signal == SIGABRT ? nullptr : info->si_addr);
    }
    _exit(1);
}
#endif

}  // namespace

void install_crash_reporter() {
#if !SKERRY_ASAN && !SKERRY_TSAN
    static bool installed = false;
    if (installed) return;
    installed = true;
    static std::array<char, 256 * 1024> stack;  // the fiber's own may be what is used up
    stack_t alternative{};
    alternative.ss_sp = stack.data();
    alternative.ss_size = stack.size();
    sigaltstack(&alternative, nullptr);
    struct sigaction action{};
    action.sa_sigaction = &on_fault_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | static_cast<int>(SA_RESETHAND);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigaction(signal, &action, nullptr);
#endif
}

Report detail::check(const char* name, const Options& options, Body body, void* closure) {
    if (running != nullptr) running->fail("check() inside a model");
    static auto* const explorer = new Explorer;  // the stacks of its fibers are used by every model of the program
    install_crash_reporter();
    Report report = explorer->explore(name, options, body, closure);
    abandoned_fibers = abandoned_fibers || report.failed || report.cut != 0;
    const bool unfinished = !report.complete && !report.skipped;
    if ((unfinished && !options.quiet) || (std::getenv("MODEL_REPLAY") != nullptr && !report.skipped)) print(report);
    return report;
}

void* detail::new_thread_closure() { return must_run("thread()").new_thread_closure(); }
unsigned detail::start_thread(Body body) { return must_run("thread()").start_thread(body); }

void detail::count_tracked(int change) noexcept {
    if (running != nullptr) running->count_tracked(change);
}

void detail::access_plain(PlainState& state, const void* address, Plain kind, std::source_location where) noexcept {
    if (running != nullptr) running->access_plain(state, address, kind, where);
}

void join(unsigned thread) { must_run("join()").join(std::uint32_t{1} << thread); }
void join_all() {
    Explorer& explorer = must_run("join_all()");
    explorer.join(explorer.started_threads());
}
void yield() { must_run("yield()").yield(); }
void progress() noexcept {
    if (running != nullptr) running->progress();
}
unsigned choose(unsigned count) { return must_run("choose()").choose(count); }
unsigned thread_id() noexcept { return running != nullptr ? running->thread_id() : 0; }
bool is_running() noexcept { return running != nullptr; }

void fail(const std::string& message) { must_run("fail()").fail(message); }

void fail_assertion(const char* condition, const char* message, std::source_location where) {
    std::string text = describe_place(where) + ": assertion failed: " + condition;
    if (*message != '\0') text += std::string(" (") + message + ')';
    fail(text);
}

void name(const void* address, const char* text) { must_run("name()").name(address, text); }
void* allocate(std::size_t bytes, std::size_t alignment) { return must_run("allocate()").allocate(bytes, alignment); }
void free(void* memory) { must_run("free()").free(memory); }

void register_fiber_local(void* variable, std::size_t bytes) {
    must_run("fiber_local()").register_fiber_local(variable, bytes);
}

}  // namespace skerry::model

namespace skerry {

/// Turns a failed SKERRY_ASSERT of the code under test into a failed schedule. Weak, so that a program that
/// also links the library's own still links.
[[gnu::weak]] void assertion_failed(const char* condition, const char* reason, std::source_location where) noexcept {
    if (model::is_running()) model::fail_assertion(condition, reason, where);
    std::fprintf(stderr, "%s: %s\n", condition, reason);
    std::abort();
}

}  // namespace skerry

#if SKERRY_ASAN
/// A failed schedule leaves its threads where they are, and whatever they own. After an expected failure that
/// is no leak to report.
extern "C" int __lsan_is_turned_off() { return skerry::model::abandoned_fibers ? 1 : 0; }
#endif
