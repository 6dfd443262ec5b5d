#pragma once

// The command line that every program shares, and the file that can stand in for it. Parsing never prints and
// never exits: it returns the options or a Stop, so that tests can look at both and main() stays the one place
// that ends the program.

#include "values.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace skerry::apps {

/// What --help and --version say about a program.
struct Program {
    std::string name;                   ///< "skerry-echo": the first word of every line it prints
    std::string summary;                ///< one sentence for --help
    std::vector<std::string> backends;  ///< those built in, as --backend names them
    bool listens = false;               ///< takes --listen
    std::string listens_on = {};        ///< without --listen, for --help
    bool writes_json = true;            ///< takes --json
    bool takes_any_backend = true;      ///< each of the design, if this build has it; false: none but `backends`
};

/// What the shared command line says.
struct Options {
    runtime::Config runtime;
    std::vector<ListenAddress> listen;  ///< --listen, in the order given; empty when there was none
    std::string json_file;              ///< --json; empty: no file
};

/// Why the program ends before it has begun.
struct Stop {
    int exit_code = 0;  ///< 0 after --help and --version, 2 after a usage error
    std::string text;   ///< for standard output when exit_code is 0, else one line for standard error
};

/// Adds a program's own options to the shared ones. What they write into outlives the parsing.
using AddOptions = std::function<void(CLI::App&)>;

/// Reads the command line, and the file that --config names. A file's keys are the long options without dashes;
/// what the command line says wins. Options that may be given more than once take a TOML array.
///
/// Shape:  `arguments` without the program's name.
/// Errors: a Stop; with exit code 2 for an option or key that is unknown, a value that is not accepted, an
///         option given twice, a file that cannot be read. The line says what is accepted.
Result<Options, Stop> parse_options(const Program& program, std::span<const std::string> arguments,
                                    const AddOptions& add_own = {});
Result<Options, Stop> parse_options(const Program& program, int argc, const char* const* argv,
                                    const AddOptions& add_own = {});

/// The same for what starts no runtime: `add_own`'s options, --help and --version, and nothing shared.
Result<void, Stop> parse_own_options(const Program& program, int argc, const char* const* argv,
                                     const AddOptions& add_own);

/// `skerry-echo 0.1.0 (g++ 12.2.0, backends epoll)`
std::string version_line(const Program& program);

}  // namespace skerry::apps
