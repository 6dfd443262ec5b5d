#include "chart.hpp"

#include "markup.hpp"

#include "common/number_text.hpp"

#include <skerry/base/assert.hpp>

#include <algorithm>
#include <cmath>

namespace skerry::loadgen::chart {

namespace {

constexpr std::size_t colours = 8;
constexpr double left_px = 62;
constexpr double right_px = 26;
constexpr double top_px = 30;  // the title of the y axis stands there, level, so that nobody turns their head
constexpr double bottom_px = 46;
constexpr double gap_px = 8;  // between two labels
constexpr double letter_px = 0.62 * font_px;

/// The picture's inside.
struct Frame {
    explicit Frame(const Chart& drawn, Size drawn_size)
        : chart(drawn), right(drawn_size.width - right_px), bottom(drawn_size.height - bottom_px) {}

    [[nodiscard]] double x(double value) const noexcept {
        return left_px + chart.x.scale.place(value) * (right - left_px);
    }
    [[nodiscard]] double y(double value) const noexcept {
        return bottom - chart.y.scale.place(value) * (bottom - top_px);
    }

    const Chart& chart;
    double right;
    double bottom;
};

std::string px(double value) { return apps::fixed_text(value, 1); }

std::string line(const char* css_class, double x1, double y1, double x2, double y2) {
    return std::string("<line class=\"") + css_class + "\" x1=\"" + px(x1) + "\" y1=\"" + px(y1) + "\" x2=\"" + px(x2) +
           "\" y2=\"" + px(y2) + "\"/>";
}

std::string text(const char* css_class, double x, double y, const char* anchor, const std::string& words) {
    return std::string("<text class=\"") + css_class + "\" x=\"" + px(x) + "\" y=\"" + px(y) + "\" text-anchor=\"" +
           anchor + "\">" + escaped(words) + "</text>";
}

std::string colour_class(std::size_t index) {
    return "c" + std::to_string(index % colours) + (index >= colours ? " again" : "");
}

/// The x axis' round values; on one of percentiles the median too, which stands at 2.
std::vector<double> x_values(const Frame& frame) {
    const auto most = static_cast<std::size_t>((frame.right - left_px) / 50);
    auto values = frame.chart.x.scale.ticks(std::max<std::size_t>(most, 2));
    const bool lacks_median = frame.chart.x.unit == Unit::percentile && values.size() >= 2 && values[1] > 2;
    if (lacks_median) values.insert(values.begin() + 1, 2);
    return values;
}

std::string x_ticks(const Frame& frame) {
    std::string out;
    double free_from = 0;  // the right end of the last label
    for (const double tick : x_values(frame)) {
        const std::string label = tick_label(tick, frame.chart.x.unit);
        const double x = frame.x(tick);
        const double half = text_width(label) / 2;
        out += line("grid", x, top_px, x, frame.bottom);
        const double middle = std::min(x, frame.right + right_px - half);  // a long one must not leave the picture
        if (middle - half < free_from) continue;
        out += text("tick", middle, frame.bottom + 18, "middle", label);
        free_from = middle + half + gap_px;
    }
    return out;
}

std::string y_ticks(const Frame& frame) {
    const auto most = static_cast<std::size_t>((frame.bottom - top_px) / 28);
    std::string out;
    double free_below = frame.bottom + 2 * font_px;
    for (const double tick : frame.chart.y.scale.ticks(std::max<std::size_t>(most, 2))) {
        const double y = frame.y(tick);
        out += line("grid", left_px, y, frame.right, y);
        if (y + font_px > free_below) continue;
        out += text("tick", left_px - gap_px, y + font_px / 3, "end", tick_label(tick, frame.chart.y.unit));
        free_below = y;
    }
    return out;
}

std::string axes(const Frame& frame) {
    return x_ticks(frame) + y_ticks(frame) + line("axis", left_px, frame.bottom, frame.right, frame.bottom) +
           line("axis", left_px, top_px, left_px, frame.bottom) +
           text("title", gap_px, font_px + 4, "start", frame.chart.y.title) +
           text("title", (left_px + frame.right) / 2, frame.bottom + 38, "middle", frame.chart.x.title);
}

std::string dot(const Frame& frame, const Series& series, Point point) {
    const std::string tooltip =
        series.name + ": " + tick_label(point.y, frame.chart.y.unit) + " at " + tick_label(point.x, frame.chart.x.unit);
    return "<circle cx=\"" + px(frame.x(point.x)) + "\" cy=\"" + px(frame.y(point.y)) + "\" r=\"3.5\"><title>" +
           escaped(tooltip) + "</title></circle>";
}

std::string series_text(const Frame& frame, const Series& series, std::size_t index) {
    std::string out = "<g class=\"" + colour_class(index) + (series.line == Line::dotted ? " dotted" : "") + "\">";
    std::string points;
    const auto end_line = [&] {
        if (!points.empty()) out += "<polyline points=\"" + points + "\"/>";
        points.clear();
    };
    for (const Point& point : series.points) {
        if (std::isnan(point.y))
            end_line();
        else
            points += (points.empty() ? "" : " ") + px(frame.x(point.x)) + "," + px(frame.y(point.y));
    }
    end_line();
    if (series.has_dots)
        for (const Point& point : series.points)
            if (!std::isnan(point.y)) out += dot(frame, series, point);
    return out + "</g>";
}

std::string mark_text(const Frame& frame, const Mark& mark) {
    if (mark.is_vertical) {
        const double x = frame.x(mark.at);
        return line("mark upright", x, top_px, x, frame.bottom);
    }
    const double y = frame.y(mark.at);
    return line("mark", left_px, y, frame.right, y);
}

std::string legend_entry(const std::string& css_class, const std::string& name) {
    return "<li><svg class=\"key\" viewBox=\"0 0 24 10\" aria-hidden=\"true\"><g class=\"" + css_class +
           "\"><polyline points=\"1,5 23,5\"/></g></svg>" + escaped(name) + "</li>";
}

std::string legend(const Chart& chart) {
    std::string out = "<ul class=\"legend\">";
    for (std::size_t i = 0; i < chart.series.size(); ++i)
        out += legend_entry(colour_class(i) + (chart.series[i].line == Line::dotted ? " dotted" : ""),
                            chart.series[i].name);
    for (const Mark& mark : chart.marks) out += legend_entry(mark.is_vertical ? "mark upright" : "mark", mark.name);
    return out + "</ul>\n";
}

}  // namespace

double text_width(const std::string& text) noexcept {
    // Letters, not bytes: the second to fourth byte of a UTF-8 letter begin with the bits 10.
    const auto letters = std::count_if(text.begin(), text.end(),
                                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    return static_cast<double>(letters) * letter_px;
}

std::string svg_text(const Chart& chart, Size size, const std::string& css_class) {
    SKERRY_ASSERT(size.width >= 200 && size.height >= 120, "a picture has room for its axes");
    const Frame frame(chart, size);
    std::string out = "<svg class=\"" + css_class + "\" viewBox=\"0 0 " + px(size.width) + " " + px(size.height) +
                      "\" role=\"img\" aria-label=\"" + escaped(chart.title) + "\">\n" + axes(frame) + "\n";
    for (const Mark& mark : chart.marks) out += mark_text(frame, mark) + "\n";
    // The first series is the one that the picture is about: it is drawn last, over the others.
    for (std::size_t i = chart.series.size(); i-- > 0;) out += series_text(frame, chart.series[i], i) + "\n";
    return out + "</svg>\n";
}

std::string figure_text(const Chart& chart) {
    const Size wide{wide_px, chart.height};
    const Size narrow{narrow_px, std::min(chart.height, 320.0)};
    return "<figure>\n<figcaption><h2>" + escaped(chart.title) + "</h2><p>" + escaped(chart.note) +
           "</p></figcaption>\n" + legend(chart) + svg_text(chart, wide, "wide") + svg_text(chart, narrow, "narrow") +
           "</figure>\n";
}

}  // namespace skerry::loadgen::chart
