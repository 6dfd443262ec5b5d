#include "script.hpp"

#include "characters.hpp"
#include "cursor.hpp"
#include "limits.hpp"

#include <utility>

namespace skerry::pkt::syntax {
namespace {

bool ends_option(char c) { return is_blank(c) || c == '\n' || c == '\0'; }

/// A value ends at a blank, or at the quotes it stands in.
std::string read_option_value(Cursor& in) {
    const bool is_quoted = in.peek() == '"';
    if (is_quoted) in.advance();
    const std::size_t begin = in.offset();
    while (is_quoted ? in.peek() != '"' && in.peek() != '\n' && !in.is_at_end() : !ends_option(in.peek())) in.advance();
    std::string value(in.since(begin));
    if (is_quoted && in.peek() != '"') in.fail("the quotes that end this value");
    if (is_quoted) in.advance();
    return value;
}

Option read_option(Cursor& in) {
    Option option;
    option.at = in.position();
    in.advance(2);
    const std::size_t begin = in.offset();
    while (continues_word(in.peek()) || in.peek() == '-') in.advance();
    option.name = in.since(begin);
    if (option.name.empty()) in.fail("the name of an option");
    if (in.peek() == '=') {
        in.advance();
        option.value = read_option_value(in);
    } else if (!ends_option(in.peek())) {
        in.fail("'=' or a blank after the name of an option");
    }
    return option;
}

/// `--define=NAME=VALUE` holds from here on.
void obey_define(Cursor& in, const Option& option) {
    if (option.name != "define" || !option.value) return;
    const std::string why = in.session().defines.add(*option.value);
    if (!why.empty()) in.fail(option.at, "NAME or NAME=VALUE", why);
}

ShellCommand read_command(Cursor& in) {
    ShellCommand command;
    command.at = in.position();
    const std::size_t end = in.rest().find('`', 1);
    if (end == std::string_view::npos) {
        in.fail(command.at, "'`' after this '`'", "the end");
        return command;
    }
    command.text = in.rest().substr(1, end - 1);
    in.advance(end + 1);
    return command;
}

void read_head(Cursor& in, Script& script) {
    for (;;) {
        if (in.sees("--")) {
            script.options.push_back(read_option(in));
            obey_define(in, script.options.back());
        } else if (in.sees("`")) {
            script.init.push_back(read_command(in));
        } else {
            return;
        }
    }
}

Action read_action(Cursor& in) {
    in.skip_space();
    const char c = in.peek();
    if (c == '<' || c == '>') return read_packet(in);
    if (c == '`') return read_command(in);
    if (in.rest().starts_with("%{")) return read_code_block(in);
    if (!begins_word(c)) in.fail("a packet, a call, a command in backticks or code in %{ }%");
    return read_call(in);
}

/// Passes an event that is not understood: up to a line that begins as an event does.
void pass_event(Cursor& in) {
    do {
        in.skip_line();
        in.skip_space();
    } while (!in.is_at_end() && !begins_time(in) && in.peek() != '`');
}

void refuse_end_of_other(Cursor& in, const Event& event) {
    if (event.time.call_end_ns && !std::holds_alternative<SystemCall>(event.action) &&
        !std::holds_alternative<Unsupported>(event.action))
        in.fail(event.time.at, "an end only for a call", "another event");
}

Event read_event(Cursor& in) {
    Event event;
    event.time = read_time(in);
    event.action = read_action(in);
    if (in.has_stopped_unsupported()) {
        Unsupported why = in.unsupported();
        in.clear();
        pass_event(in);
        in.session().note(why);
        event.action = std::move(why);
    }
    refuse_end_of_other(in, event);
    return event;
}

void read_events(Cursor& in, Script& script) {
    for (in.skip_space(); begins_time(in); in.skip_space()) {
        if (script.events.size() == limits::events) in.fail("at most " + std::to_string(limits::events) + " events");
        script.events.push_back(read_event(in));
    }
}

/// Commands without a time are for the end.
void read_cleanup(Cursor& in, Script& script) {
    while (in.sees("`")) script.cleanup.push_back(read_command(in));
    if (in.is_at_end()) return;
    if (in.rest().starts_with("--"))
        in.fail("options before the first event");
    else if (!script.cleanup.empty())
        in.fail("nothing after a command without a time");
    else
        in.fail(script.events.empty() ? "an option, a command or the time of an event" : "the time of an event");
}

bool refuse_bytes(Cursor& in, std::string_view text) {
    if (text.size() > limits::script_bytes)
        in.fail({}, "a script of at most " + std::to_string(limits::script_bytes) + " bytes",
                std::to_string(text.size()));
    const std::size_t nul = text.find('\0');
    if (nul == std::string_view::npos) return in.has_stopped();
    in.advance(nul);
    in.fail("text");
    return true;
}

}  // namespace

Result<Script, Fault> parse_script(std::string file, std::string_view text, const Defines& defines) {
    Session session;
    session.file = std::move(file);
    session.defines = defines;
    Cursor in(text.substr(0, limits::script_bytes + 1), Lexis::script, session);
    Script script;
    if (!refuse_bytes(in, text)) {
        read_head(in, script);
        read_events(in, script);
        read_cleanup(in, script);
        in.finish();
    }
    if (in.has_stopped()) return Unexpected(in.fault());
    script.file = session.file;
    for (auto& [at, reason] : session.unsupported) script.unsupported.push_back({at, std::move(reason)});
    return script;
}

}  // namespace skerry::pkt::syntax
