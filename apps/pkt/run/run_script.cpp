#include "run_script.hpp"

#include "assertions.hpp"
#include "commands.hpp"
#include "live_packet.hpp"
#include "packets.hpp"
#include "run_config.hpp"
#include "script_calls.hpp"
#include "stop.hpp"
#include "timeline.hpp"

#include "../syntax/script.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

namespace skerry::pkt {
namespace {

using namespace std::chrono_literals;
using syntax::Packet;
using syntax::TcpSegment;
using time::Instant;

constexpr std::size_t ip_bytes_max = 65'535;

/// A packet that left and was not asked for yet.
struct Pending {
    Flow* flow = nullptr;
    Instant at;
    LivePacket packet;
};

/// A script that is under way.
class Run {
public:
    Run(const syntax::Script& script, const RunConfig& config, System& system)
        : script_(script),
          config_(config),
          system_(system),
          timeline_(system, config),
          calls_(system, flows_, config),
          assertions_(system, flows_) {}

    void all() {
        for (const syntax::ShellCommand& command : script_.init) run_command(command, system_);
        for (const syntax::Event& event : script_.events) run(event);
        if (waiting_) await_call(waiting_->due);
        for (const syntax::ShellCommand& command : script_.cleanup) run_command(command, system_);
    }

private:
    struct WaitingCall {
        BegunCall begun;
        DueTime due;
    };

    void run(const syntax::Event& event) {
        const DueTime due = timeline_.due(event.time);
        if (const auto* const packet = std::get_if<Packet>(&event.action);
            packet != nullptr && packet->direction == syntax::Direction::outbound)
            return expect_packet(*packet, due);
        until_due(event.time.at, due);
        if (const auto* const packet = std::get_if<Packet>(&event.action)) return send_packet(*packet);
        if (const auto* const call = std::get_if<syntax::SystemCall>(&event.action)) return run_call(*call, due);
        if (const auto* const command = std::get_if<syntax::ShellCommand>(&event.action))
            return run_command(*command, system_);
        if (const auto* const code = std::get_if<syntax::CodeBlock>(&event.action)) return assertions_.run(*code);
        skip(event.time.at, std::get<syntax::Unsupported>(event.action).reason);
    }

    // --- time

    void until_due(syntax::Position at, const DueTime& due) {
        if (due.is_any) return;
        wait(due.begin, [] { return false; });
        if (!due.contains(system_.now()))
            fail(at, "expected " + timeline_.text(due) + ", and it is " + timeline_.text(system_.now()) + " already");
    }

    /// Lets time go on; what happens on the way is taken in.
    bool wait(Instant at, const std::function<bool()>& done) {
        return timeline_.wait(at, [&] {
            take_sent();
            look_at_call();
            return done();
        });
    }

    // --- calls

    void run_call(const syntax::SystemCall& script, const DueTime& due) {
        // One call waits at a time, as in a program of one thread.
        if (waiting_) await_call(waiting_->due);
        BegunCall begun = calls_.begin(script);
        take_sent();
        if (!due.call_end) {
            if (!begun.call.is_done() && !grace(begun)) fail(script.at, script.name + " waits");
            return calls_.finish(begun);
        }
        waiting_ = WaitingCall{std::move(begun), due};
        look_at_call();
    }

    /// A kernel answers from another thread. On virtual time nothing happens in no time.
    bool grace(const BegunCall& begun) {
        const std::chrono::nanoseconds longest = system_.is_virtual() ? 0ns : 1ms * config_.tolerance_us / 1000;
        return wait(system_.now() + longest, [&] { return begun.call.is_done(); });
    }

    void await_call(const DueTime& due) {
        const syntax::SystemCall& script = *waiting_->begun.script;
        if (!wait(*due.call_end + due.tolerance, [&] { return !waiting_; }))
            fail(script.at, script.name + ": expected to end at " + timeline_.text(*due.call_end) + ", still waits");
    }

    void look_at_call() {
        if (!waiting_ || !waiting_->begun.call.is_done()) return;
        const WaitingCall ended = *std::exchange(waiting_, std::nullopt);
        const syntax::SystemCall& script = *ended.begun.script;
        calls_.finish(ended.begun);
        const Instant expected = *ended.due.call_end;
        const Instant at = ended.begun.call.ended();
        if (at < expected - ended.due.tolerance || at > expected + ended.due.tolerance)
            fail(script.at,
                 script.name + ": expected to end at " + timeline_.text(expected) + ", ended at " + timeline_.text(at));
    }

    // --- packets to the machine

    void send_packet(const Packet& script) {
        Flow& flow = flow_for(script);
        const LivePacket live = build_packet(script, flow);
        if (live.is_tcp() && live.has(tcp_bit::syn) && !live.has(tcp_bit::ack)) flow.note_syn(live.seq);
        const std::vector<std::byte> bytes = to_bytes(live);
        if (bytes.size() > ip_bytes_max) skip(script.at, "a packet of " + std::to_string(bytes.size()) + " bytes");
        if (const auto why = system_.inject(bytes)) skip(script.at, why->reason);
        take_sent();
        look_at_call();
    }

    static const std::optional<syntax::Ports>& ports_of(const Packet& script) {
        static const std::optional<syntax::Ports> none;
        if (const auto* const tcp = std::get_if<TcpSegment>(&script.payload)) return tcp->ports;
        if (const auto* const udp = std::get_if<syntax::UdpDatagram>(&script.payload)) return udp->ports;
        return none;
    }

    [[nodiscard]] net::SocketAddr address_of_door() const { return {config_.local, config_.bind_port}; }

    /// Which flow a packet is about that the script sends.
    Flow& flow_for(const Packet& script) {
        const auto& ports = ports_of(script);
        Flow* const current = flows_.current();
        const bool is_tcp = std::holds_alternative<TcpSegment>(script.payload);
        if (is_tcp && ports) return flow_of_ports(*ports);
        if (current == nullptr && !is_tcp) skip(script.at, "a packet before the first socket");
        if (current == nullptr) return flows_.add_peer(address_of_door(), config_.remote, std::nullopt);
        if (is_tcp && current->state == Flow::State::listening)
            return flows_.add_peer(current->local, config_.remote, std::nullopt);
        if (current->state == Flow::State::fresh) current->state = Flow::State::known;
        return *current;
    }

    Flow& flow_of_ports(const syntax::Ports& ports) {
        const net::SocketAddr local(config_.local, ports.destination);
        if (Flow* const known = flows_.find(protocol::tcp, local, {config_.remote, ports.source})) {
            flows_.set_current(*known);
            return *known;
        }
        return flows_.add_peer(local, config_.remote, ports.source);
    }

    // --- packets of the machine

    void take_sent() {
        for (const SentPacket& sent : system_.take_sent()) {
            auto packet = read_packet(sent.bytes);
            if (!packet) fail(last_outbound_, "the machine sent " + packet.error());
            // What no flow is about, a script cannot have asked for.
            if (Flow* const flow = flows_.sender_of(*packet)) pending_.push_back({flow, sent.at, *std::move(packet)});
        }
    }

    void expect_packet(const Packet& script, const DueTime& due) {
        last_outbound_ = script.at;
        const Instant latest = due.is_any ? system_.now() + 600s : due.until + due.tolerance;
        if (!wait(latest, [&] { return !pending_.empty(); }))
            fail(script.at,
                 "expected a packet " + timeline_.text(due) + ", seen none until " + timeline_.text(system_.now()));
        const Pending first = take_whole(script, latest);
        Flow& flow = *first.flow;
        const Matching matching{config_.stamp_tick_us, due.tolerance.count() / 1000};
        if (const auto& ports = ports_of(script); !ports && flows_.current() != first.flow)
            fail(script.at, "seen a packet of another connection: " + describe_in_script(first.packet, flow));
        if (const auto why = mismatch(script, first.packet, flow, matching))
            fail(script.at, *why + " in " + describe_in_script(first.packet, flow) + " of " + timeline_.text(first.at));
        if (!due.contains(first.at))
            fail(script.at, "expected " + timeline_.text(due) + ", seen at " + timeline_.text(first.at) + ": " +
                                describe_in_script(first.packet, flow));
    }

    Pending take_first() {
        Pending first = std::move(pending_.front());
        pending_.pop_front();
        return first;
    }

    /// The next packet, or several that make one: where the script has one segment that a card with TSO would cut, the
    /// machine may send it cut. The whole is as its last piece, and begins as its first.
    Pending take_whole(const Packet& script, Instant latest) {
        Pending all = take_first();
        const std::size_t wanted = payload_bytes(script);
        if (config_.has_strict_segments || !all.packet.is_tcp() || all.packet.payload.empty()) return all;
        std::size_t piece = all.packet.payload.size();
        while (all.packet.payload.size() < wanted) {
            if (!wait(latest, [&] { return !pending_.empty(); })) break;
            if (!continues(all, pending_.front(), piece, wanted)) break;
            Pending next = take_first();
            piece = next.packet.payload.size();
            std::vector<std::byte>& payload = next.packet.payload;
            payload.insert(payload.begin(), all.packet.payload.begin(), all.packet.payload.end());
            next.packet.seq = all.packet.seq;
            next.packet.flags = (next.packet.flags & ~tcp_bit::cwr) | (all.packet.flags & tcp_bit::cwr);
            all = std::move(next);
        }
        return all;
    }

    /// Whether `next` is the piece behind `all`, whose last one was `piece` bytes: as long as that, unless it ends the
    /// whole. What each piece says for itself, PSH, FIN and CWR, may differ.
    static bool continues(const Pending& all, const Pending& next, std::size_t piece, std::size_t wanted) {
        const LivePacket& a = all.packet;
        const LivePacket& b = next.packet;
        constexpr std::uint16_t own = tcp_bit::fin | tcp_bit::psh | tcp_bit::cwr;
        return next.flow == all.flow && b.is_tcp() && (b.flags & ~own) == (a.flags & ~own) &&
               b.seq == a.seq + static_cast<std::uint32_t>(a.payload.size()) && b.ack == a.ack &&
               b.window == a.window && !b.payload.empty() &&
               (b.payload.size() == piece || a.payload.size() + b.payload.size() >= wanted) &&
               b.options.size() == a.options.size();
    }

    const syntax::Script& script_;
    const RunConfig& config_;
    System& system_;
    Flows flows_;
    Timeline timeline_;
    ScriptCalls calls_;
    Assertions assertions_;
    std::deque<Pending> pending_;
    std::optional<WaitingCall> waiting_;
    syntax::Position last_outbound_;
};

SystemConfig system_config(const RunConfig& config) {
    return {config.profile, config.local, config.prefix_bits, config.gateway, config.mtu};
}

Verdict verdict_of(const Stop& stop, const std::string& file) {
    return {stop.is_skip() ? Outcome::skipped : Outcome::failed, syntax::place(file, stop.at()) + ": " + stop.reason(),
            false};
}

}  // namespace

Verdict run_script(std::string file, std::string_view text, const syntax::Defines& defines, Profile profile,
                   const MakeSystem& make_system) {
    const auto script = syntax::parse_script(file, text, defines);
    if (!script) return {Outcome::skipped, script.error().text(), true};
    try {
        if (!script->unsupported.empty()) skip(script->unsupported.front().at, script->unsupported.front().reason);
        if (script->events.empty()) skip({}, "there is no event in it");
        const RunConfig config = read_run_config(*script, profile);
        const auto system = make_system(system_config(config));
        if (!system) skip({}, system.error().reason);
        Run(*script, config, **system).all();
    } catch (const Stop& stop) {
        return verdict_of(stop, file);
    }
    return {};
}

}  // namespace skerry::pkt
