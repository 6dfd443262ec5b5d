#include "off_core.hpp"
#include "reaping.hpp"

#include <skerry/backend/slow_lane.hpp>
#include <skerry/process/command.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace skerry::process {

namespace {

constexpr int first_of_own = 3;

/// `fd`, or a copy of it where it would stand in the way of a child's standard descriptors.
Result<OwnedFd> above_stdio(OwnedFd fd) noexcept {
    if (fd.get() >= first_of_own) return fd;
    OwnedFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, first_of_own));
    if (!copy) return Error::from_os(errno);
    return copy;
}

/// posix_spawn()'s two lists.
class SpawnPlan {
public:
    SpawnPlan() noexcept {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    // What cannot be noted is noticed when it counts: no memory is the only reason.
    void change_to(const std::string& directory) noexcept {
        note(::posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str()));
    }
    void open_null(int number) noexcept {
        const int access = number == 0 ? O_RDONLY : O_WRONLY;
        note(::posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", access, 0));
    }
    void copy(int from, int number) noexcept { note(::posix_spawn_file_actions_adddup2(&actions_, from, number)); }
    void close_rest() noexcept { note(::posix_spawn_file_actions_addclosefrom_np(&actions_, first_of_own)); }

    void set_group(int group) noexcept {
        ::posix_spawnattr_setpgroup(&attributes_, group);
        flags_ |= POSIX_SPAWN_SETPGROUP;
    }
    void clear_signals() noexcept {
        sigset_t signals;
        ::sigemptyset(&signals);
        ::posix_spawnattr_setsigmask(&attributes_, &signals);
        ::sigaddset(&signals, SIGPIPE);
        ::posix_spawnattr_setsigdefault(&attributes_, &signals);
        flags_ |= POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    }

    [[nodiscard]] Result<int> start(char* const* arguments, char* const* environment) noexcept {
        ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags_));
        int pid = 0;
        if (failure_ == 0)
            failure_ = ::posix_spawnp(&pid, arguments[0], &actions_, &attributes_, arguments, environment);
        if (failure_ != 0) return Error::from_os(failure_);
        return pid;
    }

private:
    void note(int failure) noexcept {
        if (failure_ == 0) failure_ = failure;
    }

    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
    int flags_ = 0;
    int failure_ = 0;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    list.reserve(texts.size() + 1);
    for (std::string& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
}

/// A process that was started and cannot be watched.
void take_back(int pid) noexcept {
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Result<io::AsyncFd> watch_process(int pid) {
    OwnedFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd && (errno == EPERM || errno == EACCES)) return Error(Errc::unsupported, errno);
    if (!pidfd) return Error::from_os(errno);
    return io::AsyncFd::watch(std::move(pidfd));
}

/// The same with what `reserved` took up.
Result<io::AsyncFd> watch_instead(io::AsyncFd reserved, int pid) {
    {
        const OwnedFd given_back = std::move(reserved).into_inner();
    }
    return watch_process(pid);
}

}  // namespace

Stdio Stdio::from(OwnedFd fd) {
    Stdio stdio(Kind::fd);
    stdio.fd_ = std::make_shared<const OwnedFd>(std::move(fd));
    return stdio;
}

/// The descriptors of one child's start.
struct Command::Ends {
    std::array<OwnedFd, 3> childs;  // nothing where it inherits or has none
    std::optional<ChildStdin> in;
    std::optional<ChildStdout> out;
    std::optional<ChildStderr> err;

    [[nodiscard]] Result<> make_pipe(std::size_t number);
};

Result<> Command::Ends::make_pipe(std::size_t number) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_os(errno);
    OwnedFd reading(ends[0]);
    OwnedFd writing(ends[1]);
    const bool is_input = number == 0;
    auto childs_end = above_stdio(std::move(is_input ? reading : writing));
    if (!childs_end) return childs_end.error();
    childs[number] = std::move(*childs_end);
    if (is_input) {
        auto sender = ChildStdin::from_fd(std::move(writing));
        if (!sender) return sender.error();
        in.emplace(std::move(*sender));
        return {};
    }
    auto receiver = ChildStdout::from_fd(std::move(reading));
    if (!receiver) return receiver.error();
    (number == 1 ? out : err).emplace(std::move(*receiver));
    return {};
}

bool Command::has_zero_byte() const noexcept {
    const auto has_one = [](std::string_view text) { return text.find('\0') != std::string_view::npos; };
    return std::any_of(arguments_.begin(), arguments_.end(), has_one) || has_one(directory_) ||
           std::any_of(changes_.begin(), changes_.end(), [&](const auto& change) {
               return has_one(change.first) || change.first.empty() || change.first.find('=') != std::string::npos ||
                      (change.second && has_one(*change.second));
           });
}

std::vector<std::string> Command::environment() const {
    std::vector<std::string> variables;
    for (char** variable = environ; inherits_env_ && variable != nullptr && *variable != nullptr; ++variable) {
        const std::string_view text = *variable;
        if (!changes_.contains(std::string(text.substr(0, text.find('='))))) variables.emplace_back(text);
    }
    for (const auto& [name, value] : changes_)
        if (value) variables.push_back(name + "=" + *value);
    return variables;
}

Result<Command::Ends> Command::open_stdio() const {
    Ends ends;
    for (std::size_t number = 0; number < 3; ++number) {
        if (!stdio_[number]) continue;
        if (stdio_[number]->kind_ == Stdio::Kind::piped)
            if (auto made = ends.make_pipe(number); !made) return made.error();
        if (stdio_[number]->kind_ != Stdio::Kind::fd) continue;
        // A copy, because it may stand where one of the child's goes.
        OwnedFd copy(::fcntl(stdio_[number]->fd_->get(), F_DUPFD_CLOEXEC, first_of_own));
        if (!copy) return Error::from_os(errno);
        ends.childs[number] = std::move(copy);
    }
    return ends;
}

Result<int> Command::start(const Ends& ends) const {
    SpawnPlan plan;
    if (!directory_.empty()) plan.change_to(directory_);
    for (int number = 0; number < 3; ++number) {
        const auto at = static_cast<std::size_t>(number);
        if (ends.childs[at])
            plan.copy(ends.childs[at].get(), number);
        else if (stdio_[at] && stdio_[at]->kind_ == Stdio::Kind::null)
            plan.open_null(number);
    }
    plan.close_rest();
    if (process_group_) plan.set_group(*process_group_);
    plan.clear_signals();
    auto arguments = arguments_;
    auto variables = environment();
    const OffCore off_core;
    return plan.start(pointers(arguments).data(), pointers(variables).data());
}

Result<Child> Command::spawn() const {
    detail::reap_orphans();
    if (backend::current_slow_lane == nullptr) return Errc::unsupported;
    if (has_zero_byte()) return Errc::invalid_argument;
    auto ends = open_stdio();
    if (!ends) return ends.error();
    // What watching takes is had before the program does anything: it could not be undone. Watching this process stands
    // for watching the child, because the kernel gives a child's descriptor only when there is a child.
    auto reserved = watch_process(::getpid());
    if (!reserved) return reserved.error();
    auto pid = start(*ends);
    if (!pid) return pid.error();
    auto pidfd = watch_instead(std::move(*reserved), *pid);
    if (!pidfd) {
        take_back(*pid);
        return pidfd.error();
    }
    Child child(*pid, std::move(*pidfd), kill_on_drop_);
    child.stdin_ = std::move(ends->in);
    child.stdout_ = std::move(ends->out);
    child.stderr_ = std::move(ends->err);
    return child;
}

namespace {

Task<Result<Output>> collect(Command command) {
    auto child = command.spawn();
    if (!child) co_return child.error();
    auto output = co_await std::move(*child).wait_with_output();
    co_return output;
}

Task<Result<ExitStatus>> run(Command command) {
    auto child = command.spawn();
    if (!child) co_return child.error();
    auto status = co_await child->wait();
    co_return status;
}

}  // namespace

Task<Result<Output>> Command::output() const {
    Command command = *this;
    if (!command.stdio_[0]) command.with_stdin(Stdio::null());
    if (!command.stdio_[1]) command.with_stdout(Stdio::piped());
    if (!command.stdio_[2]) command.with_stderr(Stdio::piped());
    return collect(std::move(command));
}

Task<Result<ExitStatus>> Command::status() const { return run(*this); }

}  // namespace skerry::process
