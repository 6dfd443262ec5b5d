#include "process.hpp"

#include "report.hpp"

#include <skerry/trace/notice.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>
#include <string_view>

namespace skerry::apps {

namespace {

// open() gives the lowest number that is free.
void fill_standard_descriptors() noexcept {
    int fd = ::open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO) fd = ::open("/dev/null", O_RDWR);
    if (fd >= 0) ::close(fd);
}

void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

void print_notice(std::string_view line) noexcept {
    try {
        (void)report("note: " + std::string(line));
    } catch (const std::bad_alloc&) {  // then there is none
    }
}

// Without memory of its own: there is none. One call for the whole line, and the first core's only, since all of them
// may come here at once.
[[noreturn]] void end_without_memory() noexcept {
    static std::atomic_flag is_told;
    while (is_told.test_and_set(std::memory_order_relaxed)) ::pause();  // the one before ends the process
    std::array<iovec, 4> line{};
    const std::array<std::string_view, line.size()> parts{program_invocation_short_name, ": out of memory; ",
                                                          more_memory, "\n"};
    for (std::size_t i = 0; i < parts.size(); ++i) line[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
    (void)!::writev(STDERR_FILENO, line.data(), static_cast<int>(line.size()));
    std::_Exit(1);
}

[[noreturn]] void tell_why() noexcept {
    try {
        if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
        end_without_memory();
    } catch (...) {
    }
    std::abort();
}

}  // namespace

void prepare_process() noexcept {
    fill_standard_descriptors();
    ::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    trace::set_notice_sink(&print_notice);
    std::set_terminate(&tell_why);
}

}  // namespace skerry::apps
