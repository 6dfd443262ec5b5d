#include "process.hpp"

#include "report.hpp"

#include <skerry/trace/notice.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

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

void write_to_stderr(std::string_view text) noexcept { (void)!::write(STDERR_FILENO, text.data(), text.size()); }

// Without memory of its own: there is none.
[[noreturn]] void tell_why() noexcept {
    try {
        if (const std::exception_ptr thrown = std::current_exception()) std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
        write_to_stderr(program_invocation_short_name);
        write_to_stderr(": out of memory; give it more, by `ulimit -v` or the limit of its container\n");
        std::_Exit(1);
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
