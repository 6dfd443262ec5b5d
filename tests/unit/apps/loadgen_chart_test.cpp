#include "loadgen/chart/chart.hpp"
#include "loadgen/chart/markup.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <limits>
#include <regex>
#include <string>
#include <vector>

namespace {

using namespace skerry::loadgen::chart;

Chart sample() {
    return {"Latency & load",
            "A note.",
            {"requests a second", Scale::linear(0, 9'500), Unit::number},
            {"response time", Scale::logarithmic(12, 48'000), Unit::duration},
            {{"p50", {{0, 20}, {1'000, 30}, {9'500, 200}}, true}, {"p99", {{0, 50}, {9'500, 48'000}}}},
            {{"jitter", 100}, {"knee", 9'000, true}}};
}

struct Label {
    double x;
    double y;
    std::string anchor;
    std::string text;

    [[nodiscard]] double left() const {
        const double width = text_width(text);
        return anchor == "middle" ? x - width / 2 : anchor == "end" ? x - width : x;
    }
    [[nodiscard]] double right() const { return left() + text_width(text); }
};

std::vector<Label> labels_of(const std::string& svg) {
    static const std::regex pattern(
        "<text class=\"\\w+\" x=\"([0-9.]+)\" y=\"([0-9.]+)\" text-anchor=\"(\\w+)\">([^<]*)<");
    std::vector<Label> labels;
    for (std::sregex_iterator at(svg.begin(), svg.end(), pattern), end; at != end; ++at)
        labels.push_back({std::stod((*at)[1]), std::stod((*at)[2]), (*at)[3], (*at)[4]});
    return labels;
}

bool touch(const Label& a, const Label& b) {
    return a.left() < b.right() && b.left() < a.right() && std::abs(a.y - b.y) < font_px;
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

}  // namespace

TEST_CASE("a linear axis ends at whole steps around its values", "[apps][loadgen][chart]") {
    const Scale scale = Scale::linear(0, 9'500);
    CHECK(scale.lo() == 0);
    CHECK(scale.hi() == 10'000);
    CHECK(scale.place(2'500) == Approx(0.25));
    CHECK(scale.ticks(6) == std::vector<double>{0, 2'000, 4'000, 6'000, 8'000, 10'000});
    CHECK(scale.place(-5) == 0);
    CHECK(scale.place(20'000) == 1);
    CHECK(scale.place(std::numeric_limits<double>::quiet_NaN()) == 0);
    CHECK(Scale::linear(3, 3).hi() > 3);
    CHECK(Scale::linear(0, 0).hi() > 0);
}

TEST_CASE("a logarithmic axis ends at 1, 2 or 5 times a power of ten", "[apps][loadgen][chart]") {
    const Scale scale = Scale::logarithmic(12, 48'000);
    CHECK(scale.lo() == Approx(10));
    CHECK(scale.hi() == Approx(50'000));
    CHECK(scale.place(10) == 0);
    CHECK(scale.place(std::sqrt(10.0 * 50'000)) == Approx(0.5));
    CHECK(Scale::logarithmic(100, 100).hi() == Approx(1'000));
    CHECK(Scale::logarithmic(0.03, 0.2).lo() == Approx(0.02));
}

TEST_CASE("a wide logarithmic axis has powers of ten, a short one 2 and 5 too", "[apps][loadgen][chart]") {
    const auto wide = Scale::logarithmic(1, 1'000'000).ticks(8);
    REQUIRE(wide.size() == 7);
    for (std::size_t i = 0; i < wide.size(); ++i) CHECK(wide[i] == Approx(std::pow(10.0, i)));
    const auto narrow = Scale::logarithmic(20, 100).ticks(8);
    REQUIRE(narrow.size() == 3);
    CHECK(narrow[1] == Approx(50));
    CHECK(Scale::logarithmic(1, 1e9).ticks(4).size() <= 4);
}

TEST_CASE("tick labels carry their unit", "[apps][loadgen][chart]") {
    CHECK(tick_label(0, Unit::number) == "0");
    CHECK(tick_label(12'000, Unit::number) == "12,000");
    CHECK(tick_label(0.25, Unit::seconds) == "0.25 s");
    CHECK(tick_label(10, Unit::seconds) == "10 s");
    CHECK(tick_label(0.5, Unit::duration) == "500 ns");
    CHECK(tick_label(20, Unit::duration) == "20 µs");
    CHECK(tick_label(999, Unit::duration) == "999 µs");
    CHECK(tick_label(1'000, Unit::duration) == "1 ms");
    CHECK(tick_label(2.5e6, Unit::duration) == "2.5 s");
    CHECK(tick_label(0, Unit::percentile) == "0 %");
    CHECK(tick_label(1, Unit::percentile) == "0 %");
    CHECK(tick_label(2, Unit::percentile) == "50 %");
    CHECK(tick_label(10, Unit::percentile) == "90 %");
    CHECK(tick_label(100, Unit::percentile) == "99 %");
    CHECK(tick_label(1'000, Unit::percentile) == "99.9 %");
    CHECK(tick_label(1e6, Unit::percentile) == "99.9999 %");
}

TEST_CASE("no two labels of a picture touch, and none leaves it, however narrow", "[apps][loadgen][chart]") {
    Chart percentiles = sample();
    percentiles.x = {"share of answers", Scale::logarithmic(1, 1e8), Unit::percentile};
    for (const Chart& chart : {sample(), percentiles}) {
        for (const Size size : {Size{wide_px, 380}, Size{narrow_px, 320}, Size{260, 160}}) {
            const auto labels = labels_of(svg_text(chart, size, "wide"));
            REQUIRE(labels.size() >= 6);
            for (std::size_t i = 0; i < labels.size(); ++i) {
                INFO(size.width << " px: " << labels[i].text);
                CHECK(labels[i].left() >= 0);
                CHECK(labels[i].right() <= size.width);
                CHECK(labels[i].y <= size.height);
                for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(touch(labels[i], labels[j]));
            }
        }
    }
}

TEST_CASE("a line has a gap where a value is missing", "[apps][loadgen][chart]") {
    Chart chart = sample();
    chart.series = {{"p50", {{0, 20}, {1, 20}, {2, std::nan("")}, {3, 20}, {4, 20}}}};
    chart.marks.clear();
    CHECK(count_of(svg_text(chart, {860, 380}, "wide"), "<polyline") == 2);
}

TEST_CASE("points stand where the axes say", "[apps][loadgen][chart]") {
    Chart chart = sample();
    chart.x.scale = Scale::linear(0, 100);
    chart.y = {"", Scale::linear(0, 100), Unit::number};
    chart.series = {{"a", {{0, 0}, {100, 100}, {50, 50}}}};
    // 62 to 834 across, 334 up to 30.
    CHECK(svg_text(chart, {860, 380}, "wide").find("points=\"62.0,334.0 834.0,30.0 448.0,182.0\"") !=
          std::string::npos);
}

TEST_CASE("a figure has its title, a legend of all lines and marks, and two pictures", "[apps][loadgen][chart]") {
    const std::string figure = figure_text(sample());
    CHECK(figure.find("<h2>Latency &amp; load</h2>") != std::string::npos);
    CHECK(count_of(figure, "<li>") == 4);
    CHECK(count_of(figure, "<svg class=\"wide\"") == 1);
    CHECK(count_of(figure, "<svg class=\"narrow\"") == 1);
    CHECK(count_of(figure, "<circle") == 6);
}

TEST_CASE("text in a page cannot become markup", "[apps][loadgen][chart]") {
    CHECK(escaped("<b a=\"1\">&\x01\n") == "&lt;b a=&quot;1&quot;&gt;&amp; \n");
}
