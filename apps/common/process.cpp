#include "process.hpp"

#include "report.hpp"

#include <skerry/trace/notice.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
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

}  // namespace

void prepare_process() noexcept {
    fill_standard_descriptors();
    ::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    trace::set_notice_sink(&print_notice);
}

}  // namespace skerry::apps
