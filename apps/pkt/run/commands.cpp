#include "commands.hpp"

#include "stop.hpp"

#include <skerry/base/socket_addr.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry::pkt {
namespace {

using syntax::ShellCommand;
using Words = std::vector<std::string_view>;

constexpr std::string_view blanks = " \t";

Words words_of(std::string_view text) {
    Words words;
    for (std::size_t at = text.find_first_not_of(blanks); at != std::string_view::npos;) {
        const std::size_t end = std::min(text.find_first_of(blanks, at), text.size());
        words.push_back(text.substr(at, end - at));
        at = text.find_first_not_of(blanks, end);
    }
    return words;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

/// A shell's lines: parted by ends of lines and by `;` and `&&`, a backslash at the end goes on. Comments are none.
std::vector<std::string> lines_of(std::string text) {
    for (std::size_t at = 0; (at = text.find("\\\n", at)) != std::string::npos;) text.replace(at, 2, "  ");
    for (std::size_t at = 0; (at = text.find("&&", at)) != std::string::npos;) text.replace(at, 2, ";;");
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find_first_of(";\n", at), text.size());
        const std::string_view line = trimmed(std::string_view(text).substr(at, end - at));
        if (!line.empty() && line.front() != '#') lines.emplace_back(line);
        at = end + 1;
    }
    return lines;
}

class Commands {
public:
    Commands(const ShellCommand& command, System& system) : at_(command.at), system_(system) {}

    void run(std::string_view line) {
        const Words words = words_of(line);
        const std::string_view name = words.front();
        if (name == "true" || name == ":" || name == "sync") return;
        if (name == "sysctl") return sysctl(line);
        if (name == "ip") return ip(line, words);
        if (name == "tc") return tc(line, words);
        if (name == "sockstat") return sockstat(line);
        if (name == "tcpdrop") return tcpdrop(words);
        if (name == "kldload" || name == "kldunload") return load(line, words);
        if (name.ends_with("/defaults.sh")) return set_defaults();
        if (name.ends_with("/set_sysctls.py")) return set_files(words);
        if (name.starts_with("/tmp/sysctl_restore_")) return;  // the next script has a machine of its own
        refuse(line);
    }

private:
    [[noreturn]] void refuse(std::string_view line) const { skip(at_, "the command `" + std::string(line) + "`"); }

    void set(std::string_view name, std::string_view value) {
        if (const auto why = system_.set(name, value)) skip(at_, why->reason);
    }

    /// What scripts for Linux begin with, as far as it is not what the profile is anyway.
    void set_defaults() {
        set("net.ipv4.tcp_rmem", "4096 540000 15728640");
        set("net.ipv4.tcp_wmem", "4096 262144 4194304");
        set("net.ipv4.tcp_syn_retries", "5");
        set("net.ipv4.tcp_congestion_control", "cubic");
        set("net.ipv4.tcp_slow_start_after_idle", "0");
        set("net.ipv4.tcp_ecn", "0");
    }

    /// `ip tcp_metrics flush all`: nothing is remembered of earlier connections.
    void ip(std::string_view line, const Words& words) {
        const bool is_flush = words.size() > 2 && words[1] == "tcp_metrics" && words[2] == "flush";
        if (!is_flush || goes_on(words, words.size() > 3 && words[3] == "all" ? 4 : 3)) refuse(line);
    }
    /// `tc qdisc add dev tun0 root pfifo`: a queue that leaves packets as they come, which is what there is.
    void tc(std::string_view line, const Words& words) {
        const bool is_queue = words.size() > 2 && words[1] == "qdisc" && (words[2] == "add" || words[2] == "replace");
        const bool is_plain = words.size() > 6 && words[3] == "dev" && words[5] == "root" && words[6] == "pfifo";
        if (!is_queue || !is_plain || goes_on(words, 7)) refuse(line);
    }
    /// Whether anything follows so many words but that nobody shall hear of it.
    [[nodiscard]] static bool goes_on(const Words& words, std::size_t count) {
        constexpr std::string_view quiet[] = {">", "/dev/null", ">/dev/null", "2>&1", "2>/dev/null"};
        return std::any_of(words.begin() + static_cast<std::ptrdiff_t>(count), words.end(), [&](std::string_view word) {
            return std::find(std::begin(quiet), std::end(quiet), word) == std::end(quiet);
        });
    }

    /// `sysctl -w a=1 b=2`, `sysctl -q a="1 2 3"`
    void sysctl(std::string_view line) {
        std::string_view rest = trimmed(line.substr(std::string_view("sysctl").size()));
        while (rest.starts_with('-')) {
            const std::size_t end = std::min(rest.find_first_of(blanks), rest.size());
            const std::string_view option = rest.substr(0, end);
            if (option != "-w" && option != "-q" && option != "-wq" && option != "-qw") refuse(line);
            rest = trimmed(rest.substr(end));
        }
        if (rest.find('>') != std::string_view::npos || rest.find('|') != std::string_view::npos) refuse(line);
        while (!rest.empty()) rest = trimmed(assign(rest, line));
    }

    /// Takes `name=value` from the front; the rest.
    std::string_view assign(std::string_view text, std::string_view line) {
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos || equals == 0) refuse(line);
        const std::string_view name = text.substr(0, equals);
        std::string_view value = text.substr(equals + 1);
        const char quote = value.empty() ? ' ' : value.front();
        if (quote != '"' && quote != '\'') {
            const std::size_t end = std::min(value.find_first_of(blanks), value.size());
            set(name, value.substr(0, end));
            return value.substr(end);
        }
        const std::size_t end = value.find(quote, 1);
        if (end == std::string_view::npos) refuse(line);
        set(name, trimmed(value.substr(1, end - 1)));
        return value.substr(end + 1);
    }

    /// `set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0`
    void set_files(const Words& words) {
        constexpr std::string_view root = "/proc/sys/";
        for (auto word = words.begin() + 1; word != words.end(); ++word) {
            const std::size_t equals = word->find('=');
            if (!word->starts_with(root) || equals == std::string_view::npos) refuse(*word);
            std::string name(word->substr(root.size(), equals - root.size()));
            std::replace(name.begin(), name.end(), '/', '.');
            set(name, word->substr(equals + 1));
        }
    }

    /// A module that is there already changes nothing.
    void load(std::string_view line, const Words& words) const {
        constexpr std::string_view known[] = {"cc_newreno", "tcp_newreno", "siftr"};
        if (std::find(std::begin(known), std::end(known), words.back()) == std::end(known)) refuse(line);
    }

    /// `sockstat -4 -P tcp -s | grep NAME | grep -c STATE | grep N`: whether so many connections are in that state.
    void sockstat(std::string_view line) {
        std::vector<std::string_view> stages;
        for (std::size_t at = 0; at <= line.size();) {
            const std::size_t end = std::min(line.find('|', at), line.size());
            stages.push_back(trimmed(line.substr(at, end - at)));
            at = end + 1;
        }
        std::optional<std::string> state;
        std::optional<std::size_t> count;
        bool is_counted = false;
        for (auto stage = stages.begin() + 1; stage != stages.end(); ++stage) {
            const Words words = words_of(*stage);
            if (words.empty() || (words.front() != "grep" && words.front() != "fgrep")) refuse(line);
            if (words.size() == 3 && words[1] == "-c") {
                state = state_of(words[2], line);
                is_counted = true;
            } else if (words.size() != 2) {
                refuse(line);
            } else if (is_counted) {
                count = number_of(words[1], line);
            } else if (!words[1].starts_with("packetdril")) {
                state = state_of(words[1], line);
            }
        }
        if (!state) refuse(line);
        const std::size_t seen = connections_in(*state);
        if (count ? seen == *count : seen > 0) return;
        fail(at_, "expected " + (count ? std::to_string(*count) : std::string("some")) + " in " + *state + ", seen " +
                      std::to_string(seen) + all_states());
    }

    /// Of a pattern that is a state's name, maybe in quotes.
    std::string state_of(std::string_view pattern, std::string_view line) const {
        constexpr std::string_view names[] = {"ESTABLISHED", "SYN_SENT",   "SYN_RCVD", "FIN_WAIT_1", "FIN_WAIT_2",
                                              "TIME_WAIT",   "CLOSE_WAIT", "LAST_ACK", "CLOSING",    "CLOSED"};
        if (pattern.size() > 2 && (pattern.front() == '"' || pattern.front() == '\''))
            pattern = pattern.substr(1, pattern.size() - 2);
        if (pattern == "SYN_RECEIVED") pattern = "SYN_RCVD";
        if (std::find(std::begin(names), std::end(names), pattern) == std::end(names)) refuse(line);
        return std::string(pattern);
    }

    std::size_t number_of(std::string_view text, std::string_view line) const {
        if (text.size() > 2 && (text.front() == '"' || text.front() == '\'')) text = text.substr(1, text.size() - 2);
        if (text.starts_with('^')) text.remove_prefix(1);
        if (text.ends_with('$')) text.remove_suffix(1);
        std::size_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || end != text.data() + text.size()) refuse(line);
        return number;
    }

    static std::string_view name_of(backend::TcpState state) {
        using backend::TcpState;
        switch (state) {
            case TcpState::syn_sent: return "SYN_SENT";
            case TcpState::syn_received: return "SYN_RCVD";
            case TcpState::established: return "ESTABLISHED";
            case TcpState::fin_wait_1: return "FIN_WAIT_1";
            case TcpState::fin_wait_2: return "FIN_WAIT_2";
            case TcpState::close_wait: return "CLOSE_WAIT";
            case TcpState::closing: return "CLOSING";
            case TcpState::last_ack: return "LAST_ACK";
            case TcpState::time_wait: return "TIME_WAIT";
            default: return "CLOSED";
        }
    }

    std::size_t connections_in(const std::string& state) {
        std::size_t count = 0;
        for (const ConnectionView& view : system_.connections()) count += name_of(view.state) == state ? 1 : 0;
        return count;
    }

    std::string all_states() {
        std::string all;
        for (const ConnectionView& view : system_.connections()) all += " " + std::string(name_of(view.state));
        return all.empty() ? "" : "; there is" + all;
    }

    /// `tcpdrop 192.168.0.1 8080 192.0.2.1 40000`; without addresses, `tcpdrop -a`: all.
    void tcpdrop(const Words& words) {
        if (words.size() == 2 && words[1] == "-a") {
            for (const ConnectionView& view : system_.connections()) system_.drop(view.local, view.remote);
            return;
        }
        if (words.size() != 5) refuse("tcpdrop");
        const auto local = net::IpAddr::parse(words[1]);
        const auto remote = net::IpAddr::parse(words[3]);
        const auto port = [&](std::string_view text) {
            return static_cast<std::uint16_t>(std::min<std::size_t>(number_of(text, "tcpdrop"), 65'535));
        };
        if (!local || !remote) refuse("tcpdrop");
        if (!system_.drop({*local, port(words[2])}, {*remote, port(words[4])})) fail(at_, "no such connection to drop");
    }

    syntax::Position at_;
    System& system_;
};

}  // namespace

void run_command(const ShellCommand& command, System& system) {
    Commands commands(command, system);
    for (const std::string& line : lines_of(command.text)) commands.run(line);
}

}  // namespace skerry::pkt
