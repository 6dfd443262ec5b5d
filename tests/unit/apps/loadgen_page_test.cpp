#include "loadgen/report/page.hpp"

#include "loadgen/report/pictures.hpp"
#include "loadgen_sample.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace loadgen_sample;

std::string page_of(const Report& report) { return page_text({"a run", std::span(&report, 1)}); }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Start and end tags must nest; <!doctype>, <meta> and <link> have no end.
bool nests(const std::string& html) {
    std::vector<std::string> open;
    for (auto at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
        const std::string tag = html.substr(at + 1, html.find('>', at) - at - 1);
        const bool is_end = tag.front() == '/';
        const std::string name = tag.substr(is_end, tag.find_first_of(" \n") - is_end);
        if (tag.front() == '!' || tag.back() == '/' || name == "meta" || name == "link") continue;
        if (!is_end) {
            open.push_back(name);
        } else if (!open.empty() && open.back() == name) {
            open.pop_back();
        } else {
            return false;
        }
    }
    return open.empty();
}

}  // namespace

TEST_CASE("the page of a run has its pictures, figures, machine and command", "[apps][loadgen][page]") {
    const std::string page = page_of(report(2, uneven));
    CHECK(nests(page));
    for (const char* part :
         {"<h1>a run</h1>", "Latency by percentile", "Latency while the run went on", "Answers a second", "p99.9",
          "<strong>Valid</strong>", "jitter: longest interruption", "A &lt;CPU&gt;, 2 online",
          "epoll: the first that works", "yes: a hypervisor", "open loop, 1,000 requests a second, constant arrivals",
          "prefers-color-scheme: dark", "skerry-loadgen --connect='&lt;a&gt;&amp;b:1'"}) {
        INFO(part);
        CHECK(has(page, part));
    }
}

TEST_CASE("the page asks for nothing from anywhere", "[apps][loadgen][page]") {
    const std::string page = page_of(report(2, uneven));
    CHECK(has(page, "default-src 'none'"));
    for (const char* part : {"http:", "https:", "<script", "<img", "<iframe", "@import", "url(", "src="}) {
        INFO(part);
        CHECK_FALSE(has(page, part));
    }
}

TEST_CASE("the page of an invalid run says so and why", "[apps][loadgen][page]") {
    Report bad = report(2, uneven);
    bad.summary.received = bad.summary.offered / 2;
    const std::string page = page_of(bad);
    CHECK(has(page, "<strong>Invalid</strong>"));
    CHECK(has(page, "achieved/offered is 0.5000, below 0.999"));
}

TEST_CASE("a run without answers, or without intervals, has a page", "[apps][loadgen][page]") {
    Report none = report(1, uneven);
    none.summary.response.reset();
    none.summary.service.reset();
    none.summary.intervals.rows.clear();
    CHECK(has(page_of(none), "there is nothing to draw"));
    Report old = report(1, uneven);
    old.summary.intervals = {};
    CHECK(has(page_of(old), "Latency by percentile"));
    CHECK_FALSE(has(page_of(old), "while the run went on"));
}

TEST_CASE("runs at rising rates are drawn as latency against load", "[apps][loadgen][page]") {
    std::vector<Report> runs{report(2, uneven), report(2, uneven)};
    runs[1].run.rate = 2'000;
    const std::string page = page_text({"a sweep", runs, 2'100.0, "knee: somewhere"});
    CHECK(nests(page));
    CHECK(has(page, "Latency against load"));
    CHECK(has(page, "knee, 2,100 a second"));
    CHECK(has(page, "tcp 2,000/s"));
    runs[1].run.rate = 1'000;
    CHECK_FALSE(has(page_text({"two runs", runs}), "Latency against load"));
}

TEST_CASE("the percentile picture goes from all answers to the longest one", "[apps][loadgen][page]") {
    const Report sample = report(2, uneven);
    const auto chart = percentile_chart(sample);
    REQUIRE(chart.series.size() == 2);
    const auto& points = chart.series[0].points;
    CHECK(points.front().x == 1);
    CHECK(points.back().x == 2'000);
    CHECK(points.back().y == static_cast<double>(sample.summary.response.max()) / 1e3);
    REQUIRE(chart.marks.size() == 2);
    CHECK(chart.marks[0].at == 12.75);
    CHECK(chart.marks[1].at == 200);  // ten answers lie right of p99.5
}

TEST_CASE("the picture over time merges intervals instead of leaving some out", "[apps][loadgen][page]") {
    const Report sample = report(61, [](int i) { return i == 30'050 ? Nanos(50'000'000) : uneven(i); });
    const auto chart = time_chart(sample);
    REQUIRE(sample.summary.intervals.rows.size() == 610);
    REQUIRE(chart.series[2].points.size() == 204);  // three in each
    double longest = 0;
    for (const auto& point : chart.series[2].points) longest = std::max(longest, point.y);
    CHECK(longest > 50'000);
    CHECK(rate_chart(sample).series[0].points[5].y == Approx(1'000));
}

TEST_CASE("runs are named by what differs", "[apps][loadgen][page]") {
    std::vector<Report> runs{report(1, uneven), report(1, uneven)};
    CHECK(run_name(runs[0], runs) == "tcp 1,000/s");
    runs[1].run.rate.reset();
    runs[1].run.idle = "spin";
    CHECK(run_name(runs[1], runs) == "tcp closed, server spin");
}
