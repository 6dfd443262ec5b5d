#pragma once

// Does a bug end in an assertion? The check runs in a child process, so that the test lives on.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

namespace skerry::tests {

/// Whether `bug()` aborts the process that runs it. Its message goes nowhere.
template <class Bug>
[[nodiscard]] bool aborts(Bug&& bug) {
    const pid_t child = ::fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // Catch2 has put its own handler there
        ::close(STDERR_FILENO);
        std::forward<Bug>(bug)();
        std::_Exit(0);
    }
    int status = 0;
    return child > 0 && ::waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

}  // namespace skerry::tests
