#pragma once

// Starting a program.

#include "child.hpp"
#include "exit_status.hpp"

#include "../base/owned_fd.hpp"
#include "../base/result.hpp"
#include "../task/task.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace skerry::process {

/// What one of a child's three standard descriptors is.
class Stdio {
public:
    /// This program's own.
    [[nodiscard]] static Stdio inherit() noexcept { return Stdio(Kind::inherit); }
    /// /dev/null.
    [[nodiscard]] static Stdio null() noexcept { return Stdio(Kind::null); }
    /// A pipe, whose other end the Child has.
    [[nodiscard]] static Stdio piped() noexcept { return Stdio(Kind::piped); }
    /// A descriptor; each child that the Command starts gets it.
    [[nodiscard]] static Stdio from(OwnedFd fd);

private:
    friend class Command;
    enum class Kind : std::uint8_t { inherit, null, piped, fd };
    explicit Stdio(Kind kind) noexcept : kind_(kind) {}

    Kind kind_;
    std::shared_ptr<const OwnedFd> fd_;
};

/// A program with its arguments, environment and standard descriptors. May be started many times.
///
///   auto child = process::Command("sort").arg("-n").with_stdin(process::Stdio::piped()).spawn();
///
/// A child has descriptors 0, 1 and 2 and no other of this program's, whether or not they are marked close-on-exec. It
/// begins with no signal blocked, SIGPIPE at its default, and on the CPUs that this program was given, not bound to the
/// core that started it.
///
/// Threads: reads the environment when it starts a child; nobody may change it at the same time.
class Command {
public:
    /// A name without a slash is looked for along this program's PATH.
    explicit Command(std::string program) : arguments_{std::move(program)} {}

    Command& arg(std::string argument) {
        arguments_.push_back(std::move(argument));
        return *this;
    }
    Command& args(const std::vector<std::string>& arguments) {
        arguments_.insert(arguments_.end(), arguments.begin(), arguments.end());
        return *this;
    }
    /// Sets a variable of the child's environment, which is else this program's.
    Command& env(const std::string& name, std::string value) {
        changes_[name] = std::move(value);
        return *this;
    }
    Command& env_remove(const std::string& name) {
        changes_[name] = std::nullopt;
        return *this;
    }
    /// The child gets what env() sets from now on, and nothing else.
    Command& env_clear() {
        changes_.clear();
        inherits_env_ = false;
        return *this;
    }
    /// Where the child begins. Give the program's path from the root then.
    Command& current_dir(std::string path) {
        directory_ = std::move(path);
        return *this;
    }
    /// spawn() and status() inherit what is not said; output() pipes it, and gives no input.
    Command& with_stdin(Stdio stdio) { return with(0, std::move(stdio)); }
    Command& with_stdout(Stdio stdio) { return with(1, std::move(stdio)); }
    Command& with_stderr(Stdio stdio) { return with(2, std::move(stdio)); }
    /// Whether dropping the Child sends SIGKILL.
    Command& kill_on_drop(bool on) noexcept {
        kill_on_drop_ = on;
        return *this;
    }
    /// Puts the child into a process group, 0: one of its own, so that a ^C at the terminal does not reach it.
    Command& process_group(int group) noexcept {
        process_group_ = group;
        return *this;
    }

    /// Starts the program.
    ///
    /// Errors: not_found, when there is no such program, or no such folder to begin in; permission_denied;
    ///         invalid_argument, for a zero byte in an argument or variable, and for more of them than the system
    ///         takes; no_descriptors; would_block, at the limit of processes; no_memory; unsupported, on a core without
    ///         a slow lane and where the system forbids pidfd_open(). Nothing has run then, but in one case: another
    ///         thread takes the last descriptor, or watch, in the moment between the start and the watch. What has
    ///         begun is killed.
    /// Cost:   the core stands still until the child has begun its program.
    [[nodiscard]] Result<Child> spawn() const;

    /// Starts the program, waits for its end and gives what it wrote.
    ///
    /// Errors: as spawn and Child::wait_with_output.
    /// Cancel: partial: the child runs on, unless kill_on_drop() was said.
    [[nodiscard]] Task<Result<Output>> output() const;

    /// Starts the program and waits for its end.
    ///
    /// Errors: as spawn and Child::wait.
    /// Cancel: partial: the child runs on, unless kill_on_drop() was said.
    [[nodiscard]] Task<Result<ExitStatus>> status() const;

private:
    struct Ends;

    Command& with(std::size_t number, Stdio stdio) {
        stdio_[number] = std::move(stdio);
        return *this;
    }
    [[nodiscard]] bool has_zero_byte() const noexcept;
    [[nodiscard]] std::vector<std::string> environment() const;
    [[nodiscard]] Result<Ends> open_stdio() const;
    [[nodiscard]] Result<int> start(const Ends& ends) const;

    std::vector<std::string> arguments_;
    std::map<std::string, std::optional<std::string>> changes_;
    std::string directory_;
    std::optional<Stdio> stdio_[3];
    std::optional<int> process_group_;
    bool inherits_env_ = true;
    bool kill_on_drop_ = false;
};

}  // namespace skerry::process
