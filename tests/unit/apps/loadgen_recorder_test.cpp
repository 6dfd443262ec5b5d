#include "loadgen/recorder.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <chrono>

namespace {

using namespace skerry::loadgen;
using namespace std::chrono_literals;

constexpr RecorderOptions open_1khz{Loop::open, 0s, 5s, 1ms};

/// One request that is sent on time and answered after `service`.
void answer(Recorder& recorder, Nanos intended, Nanos service) {
    recorder.on_send(intended, intended);
    recorder.on_reply(intended, intended, intended + service);
}

Nanos percentile(const skerry::metrics::HdrHistogram& histogram, double level) {
    return Nanos(static_cast<Nanos::rep>(histogram.value_at_percentile(level)));
}

/// 1,000 requests a second with one in flight to a server that takes 50 µs and stops for 100 ms at 2 s.
Summary run_with_a_stop(Loop loop) {
    Recorder recorder({loop, 0s, 5s, loop == Loop::open ? Nanos(1ms) : Nanos(0)});
    auto schedule = Schedule::constant({1'000, 1});
    Nanos server_free{0};
    for (Nanos due = schedule.next(); due < 5s; due = schedule.next()) {
        const Nanos sent = std::max(due, server_free);
        Nanos finished = sent + 50us;
        if (sent <= 2s && finished > 2s) finished += 100ms;
        server_free = finished;
        const Nanos intended = loop == Loop::open ? due : sent;
        recorder.on_send(intended, sent, sent > due ? Held::by_window : Held::no);
        recorder.on_reply(intended, sent, finished);
    }
    return recorder.summary();
}

}  // namespace

TEST_CASE("a stop of 100 ms at 1 kHz raises the response p99 and is one sample of service time", "[apps][loadgen]") {
    const auto run = run_with_a_stop(Loop::open);
    REQUIRE(run.received == 5'000);

    // The request of 2 s takes 100.05 ms. Each later one comes 1 ms after and waits 0.95 ms less, because the server
    // works the queue off at 50 µs a request. p99 of 5,000 is the 51st longest: 100.05 - 50 * 0.95 = 52.55 ms.
    CHECK(percentile(run.response, 99) >= 52'500us);
    CHECK(percentile(run.response, 99) <= 52'650us);
    CHECK(run.response.max() == 100'050'000);
    CHECK(percentile(run.response, 50) <= 51us);

    CHECK(percentile(run.service, 99) <= 51us);
    CHECK(run.service.count_at_least(90'000'000) == 1);
    CHECK(run.service.count_at_least(60'000) == 1);
}

TEST_CASE("a closed loop hides the same stop in one sample of both times", "[apps][loadgen]") {
    const auto run = run_with_a_stop(Loop::closed);
    CHECK(percentile(run.response, 99) <= 51us);
    CHECK(run.response.count_at_least(60'000) == 1);
    CHECK(run.late == 0);
}

TEST_CASE("a run is unanswered when nothing came back that was asked for, not when nothing was asked",
          "[apps][loadgen]") {
    const auto run = [](auto&& happens) {
        Recorder recorder({Loop::open, 1s, 5s, Nanos(1ms)});
        happens(recorder);
        return recorder.summary().is_unanswered();
    };
    CHECK_FALSE(run([](Recorder&) {}));
    CHECK(run([](Recorder& recorder) { recorder.on_send(2s, 2s); }));
    CHECK(run([](Recorder& recorder) { recorder.on_unsent(2s); }));
    CHECK(run([](Recorder& recorder) { recorder.on_ended_early(); }));  // in the warm-up
    CHECK_FALSE(run([](Recorder& recorder) {
        recorder.on_send(2s, 2s);
        recorder.on_reply(2s, 2s, 3s);
        recorder.on_ended_early();
    }));
    CHECK_FALSE(run([](Recorder& recorder) {
        recorder.on_send(2s, 2s);
        recorder.on_refused(2s);
    }));
}

TEST_CASE("a run is refused when all that was answered was no", "[apps][loadgen]") {
    Recorder recorder({Loop::open, 1s, 5s, Nanos(1ms)});
    recorder.on_send(2s, 2s);
    CHECK_FALSE(recorder.summary().is_refused());
    recorder.on_refused(2s);
    CHECK(recorder.summary().is_refused());
    recorder.on_send(3s, 3s);
    recorder.on_reply(3s, 3s, 4s);
    CHECK_FALSE(recorder.summary().is_refused());
}

TEST_CASE("a server is lost when no connection lasted", "[apps][loadgen]") {
    Recorder recorder({Loop::closed, 0s, 5s, 0s});
    recorder.on_ended_early();
    CHECK(recorder.summary().lost_its_server(1));
    CHECK_FALSE(recorder.summary().lost_its_server(2));
}

TEST_CASE("sends held by the window are late and told apart", "[apps][loadgen]") {
    const auto run = run_with_a_stop(Loop::open);
    // Waits fall from 99.05 ms by 0.95 ms each; 104 of them are longer than the interval of 1 ms.
    CHECK(run.late == 104);
    CHECK(run.late_held == 104);
    REQUIRE(run.invalid());
    CHECK_THAT(run.invalid_reasons().front(),
               Catch::Contains("late_share is 0.0208") && Catch::Contains("104 of them"));
}

TEST_CASE("a send is late after one interval, and never before 100 us", "[apps][loadgen]") {
    SECTION("1 kHz: one interval") {
        Recorder recorder(open_1khz);
        recorder.on_send(1s, 1s + 1ms);
        CHECK(recorder.summary().late == 0);
        recorder.on_send(2s, 2s + 1ms + 1ns);
        CHECK(recorder.summary().late == 1);
        CHECK(recorder.summary().late_held == 0);
    }
    SECTION("100 kHz: 100 us") {
        Recorder recorder({Loop::open, 0s, 5s, 10us});
        recorder.on_send(1s, 1s + 100us);
        CHECK(recorder.summary().late == 0);
        recorder.on_send(2s, 2s + 100us + 1ns);
        CHECK(recorder.summary().late == 1);
    }
}

TEST_CASE("what was intended in the warm-up or after the end does not count", "[apps][loadgen]") {
    Recorder recorder({Loop::open, 1s, 2s, 1ms});
    answer(recorder, 1s - 1ns, 7us);
    answer(recorder, 3s, 7us);
    recorder.on_send(0s, 500ms);
    recorder.on_error(0s);
    recorder.on_unsent(3s);
    CHECK(recorder.summary().offered == 0);
    CHECK(recorder.summary().late == 0);
    CHECK(recorder.summary().errors == 0);
    CHECK(recorder.summary().response.empty());

    answer(recorder, 1s, 7us);
    answer(recorder, 3s - 1ns, 5s);  // due in time: however late its answer, it counts
    CHECK(recorder.summary().received == 2);
    CHECK(recorder.summary().service.total_count() == 2);
    CHECK(recorder.summary().response.max() == 5'000'000'000);

    CHECK(recorder.totals().sent == 5);
    CHECK(recorder.totals().received == 4);
    CHECK(recorder.totals().errors == 1);
    CHECK(recorder.totals().late == 1);
}

TEST_CASE("what was never sent counts at once, as far as it was due in the measured time", "[apps][loadgen][unsent]") {
    const auto unsent = [](Nanos end) {
        Recorder recorder({Loop::open, 1s, 2s, 1ms});
        auto schedule = Schedule::constant(*Rate::parse("1000"));
        const Nanos due = schedule.next();
        recorder.on_all_unsent(due, schedule, end);
        return recorder.summary().offered;
    };
    CHECK(unsent(0s) == 0);
    CHECK(unsent(1s) == 0);
    CHECK(unsent(1s + 1ns) == 1);
    CHECK(unsent(1s + 10ms) == 10);
    CHECK(unsent(3s) == 2'000);
    CHECK(unsent(3s + 10ms) == 2'000);

    Recorder recorder({Loop::open, 0s, 2s, 1ms});
    recorder.on_all_unsent(2s - 1ms, Schedule::constant(*Rate::parse("1")), 2s);
    CHECK(recorder.summary().offered == 3);  // the one that was taken, and two of the rest
}

TEST_CASE("offered splits into unsent, answered, failed and lost", "[apps][loadgen]") {
    Recorder recorder(open_1khz);
    for (int i = 0; i < 6; ++i) answer(recorder, i * 1ms, 10us);
    recorder.on_send(6ms, 6ms);
    recorder.on_send(7ms, 7ms);
    recorder.on_error(7ms);
    recorder.on_unsent(8ms);
    recorder.on_unexpected();
    const auto run = recorder.summary();
    CHECK(run.offered == 9);
    CHECK(run.sent == 8);
    CHECK(run.received == 6);
    CHECK(run.errors == 1);
    CHECK(run.lost == 1);
    CHECK(run.unexpected == 1);
    CHECK(run.offered_per_s() == Approx(9.0 / 5));
    CHECK(run.achieved_per_s() == Approx(6.0 / 5));
}

TEST_CASE("a run with 1 of 1000 unanswered is valid, with 2 it is not", "[apps][loadgen]") {
    Recorder recorder(open_1khz);
    for (int i = 0; i < 998; ++i) answer(recorder, i * 1ms, 10us);
    recorder.on_send(998ms, 998ms);
    recorder.on_send(999ms, 999ms);
    Recorder one_more = recorder;
    CHECK(recorder.summary().invalid());
    CHECK_THAT(recorder.summary().invalid_reasons().at(0), Catch::Contains("998 answers to 1000 requests due"));
    one_more.on_reply(998ms, 998ms, 999ms);
    CHECK_FALSE(one_more.summary().invalid());
    CHECK(one_more.summary().invalid_reasons().empty());
}

TEST_CASE("a run with 1 % of its sends late is valid, with more it is not", "[apps][loadgen]") {
    Recorder recorder(open_1khz);
    for (int i = 0; i < 1'000; ++i) {
        const Nanos due = i * 1ms;
        const Nanos sent = due + (i < 10 ? 2ms : 0ms);
        recorder.on_send(due, sent);
        recorder.on_reply(due, sent, sent + 10us);
    }
    CHECK(recorder.summary().late_share() == Approx(0.01));
    CHECK_FALSE(recorder.summary().invalid());
    recorder.on_send(1s, 1s + 2ms);
    recorder.on_reply(1s, 1s + 2ms, 1s + 3ms);
    CHECK(recorder.summary().invalid());
    CHECK(recorder.summary().invalid_reasons().size() == 1);
}

TEST_CASE("a closed loop of which a connection ended early is invalid", "[apps][loadgen]") {
    for (const Loop loop : {Loop::closed, Loop::open}) {
        Recorder recorder({loop, 0s, 5s, 1ms});
        for (int i = 0; i < 1'000; ++i) answer(recorder, i * 1ms, 10us);
        recorder.on_ended_early();
        // An open loop says it by what was due and not answered.
        CHECK(recorder.summary().invalid() == (loop == Loop::closed));
        CHECK(recorder.summary().ended_early == 1);
        if (loop == Loop::closed)
            CHECK(recorder.summary().invalid_reasons().at(0) ==
                  "1 connections ended, or had no answer for --timeout, before the run was over");
    }
}

TEST_CASE("a run in which nothing was due is invalid and says so", "[apps][loadgen]") {
    const auto run = Recorder(open_1khz).summary();
    CHECK(run.invalid());
    CHECK(run.invalid_reasons() == std::vector<std::string>{"no request was due in the measured time"});
    CHECK_FALSE(run.first_half_p50.has_value());
    CHECK(run.late_share() == 0);
}

TEST_CASE("the halves of the measured time have a median each", "[apps][loadgen]") {
    Recorder recorder({Loop::open, 1s, 2s, 1ms});
    for (int i = 0; i < 100; ++i) {
        answer(recorder, 1s + i * 1ms, 10us);
        answer(recorder, 2s + i * 1ms, 20us);
    }
    answer(recorder, 2s - 1ns, 10us);
    const auto run = recorder.summary();
    CHECK(run.first_half_p50.value() / 1us == 10);
    CHECK(run.second_half_p50.value() / 1us == 20);
    CHECK(run.response.total_count() == 201);
}

TEST_CASE("a run that was cut short is halved where it was measured", "[apps][loadgen][cut]") {
    Recorder recorder({Loop::open, 1s, 600s, 1ms, 100ms});
    for (int i = 0; i < 1'000; ++i) {
        answer(recorder, 1s + i * 1ms, 10us);
        answer(recorder, 2s + i * 1ms, 20us);
    }
    auto run = recorder.summary();
    CHECK_FALSE(run.second_half_p50.has_value());
    run.cut_to(2s);
    CHECK(run.measured_s == 2);
    REQUIRE((run.first_half_p50 && run.second_half_p50));
    CHECK(*run.first_half_p50 / 1us == 10);
    CHECK(*run.second_half_p50 / 1us == 20);

    Recorder without_intervals({Loop::open, 1s, 600s, 1ms});
    answer(without_intervals, 1s, 10us);
    run = without_intervals.summary();
    run.cut_to(2s);
    CHECK_FALSE(run.first_half_p50.has_value());
    CHECK_FALSE(run.second_half_p50.has_value());
}

TEST_CASE("the recorders of two cores add up to the one of both", "[apps][loadgen]") {
    Recorder both(open_1khz);
    Recorder first(open_1khz);
    Recorder second(open_1khz);
    for (int i = 0; i < 100; ++i) {
        const Nanos service = (i + 1) * 3us;
        answer(i % 2 == 0 ? first : second, i * 40ms, service);
        answer(both, i * 40ms, service);
    }
    for (auto* recorder : {&second, &both}) {
        recorder->on_send(4'500ms, 4'600ms, Held::by_window);
        recorder->on_error(4'500ms);
        recorder->on_unsent(4'501ms);
        recorder->on_unexpected();
        recorder->on_ended_early();
        recorder->on_send(4'600ms, 4'600ms);
        recorder->on_refused(4'600ms);
        recorder->on_reconnect(4'700ms);
    }
    first.add(second);
    const auto sum = first.summary();
    const auto whole = both.summary();
    CHECK(sum.response.to_hgrm() == whole.response.to_hgrm());
    CHECK(sum.service.to_hgrm() == whole.service.to_hgrm());
    CHECK(sum.offered == 103);
    CHECK(sum.sent == 102);
    CHECK(sum.received == 100);
    CHECK(sum.refused == 1);
    CHECK(sum.reconnects == 1);
    CHECK(sum.errors == 1);
    CHECK(sum.late == 1);
    CHECK(sum.late_held == 1);
    CHECK(sum.unexpected == 1);
    CHECK(sum.ended_early == 1);
    CHECK(sum.lost == 0);
    CHECK(sum.first_half_p50 == whole.first_half_p50);
    CHECK(sum.second_half_p50 == whole.second_half_p50);
    CHECK(first.totals().sent == 102);
    CHECK(first.totals().received == 100);
    CHECK(first.totals().errors == 2);
    CHECK(first.totals().late == 1);
}

TEST_CASE("an answer stamped before its send counts as 0 and not as a century", "[apps][loadgen]") {
    Recorder recorder(open_1khz);
    recorder.on_send(1ms, 1ms + 5ns);
    recorder.on_reply(1ms, 1ms + 5ns, 1ms + 2ns);
    CHECK(recorder.summary().service.max() == 0);
    CHECK(recorder.summary().response.max() == 2);
}

TEST_CASE("a refusal is neither an answer in time nor lost", "[apps][loadgen]") {
    Recorder recorder({Loop::open, 1s, 4s, 1ms});
    for (int i = 0; i < 5'000; ++i) {
        const Nanos due = i * 1ms;
        recorder.on_send(due, due);
        if (i % 100 == 0)
            recorder.on_refused(due);
        else
            recorder.on_reply(due, due, due + 10us);
    }
    recorder.on_reconnect(999ms);
    recorder.on_reconnect(1s);
    recorder.on_reconnect(6s);
    const auto run = recorder.summary();
    CHECK(run.refused == 40);  // those of the warm-up are not counted
    CHECK(run.reconnects == 2);
    CHECK(run.received == 3'960);
    CHECK(run.response.total_count() == 3'960);
    CHECK(run.lost == 0);
    CHECK(run.errors == 0);
    REQUIRE(run.invalid_reasons().size() == 1);
    CHECK(run.invalid_reasons().front().find("; 40 were refused") != std::string::npos);
}
