#pragma once

// Lines over two axes as SVG that stands inside a page.
//
// A picture that shrinks with its window shrinks its letters too. So each figure is drawn twice, for a wide and for a
// narrow window, and the page's style sheet shows one of them: that needs no script. Colours are the style sheet's as
// well (classes c0, c1 ...), so the same picture is right in light, in dark and on paper. The legend is HTML above the
// picture, where its lines break by themselves; inside, labels that would touch their neighbour are left out.

#include "scale.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace skerry::loadgen::chart {

struct Point {
    double x = 0;
    double y = 0;  ///< not a number: the line has a gap here
};

enum class Line : std::uint8_t { solid, dotted };

/// One line; its colour is its place among the others.
struct Series {
    std::string name;
    std::vector<Point> points;
    bool has_dots = false;  ///< a dot at each point, with the values as its tooltip
    Line line = Line::solid;
};

/// A dashed line across the picture: a limit, or a floor.
struct Mark {
    std::string name;
    double at = 0;
    bool is_vertical = false;
};

struct Axis {
    std::string title;
    Scale scale;
    Unit unit = Unit::number;
};

struct Chart {
    std::string title;
    std::string note;  ///< what the picture shows, in a sentence or two
    Axis x;
    Axis y;
    std::vector<Series> series;
    std::vector<Mark> marks;
    double height = 380;  ///< of the wide picture
};

/// Pixels of the picture at its natural size.
struct Size {
    double width = 0;
    double height = 0;
};

inline constexpr double font_px = 12;
inline constexpr double wide_px = 860;
inline constexpr double narrow_px = 380;

/// How wide a text is at most, in pixels.
[[nodiscard]] double text_width(const std::string& text) noexcept;

/// The <svg> element. Shape: `size` holds the axes: 200 by 120 or more; asserted.
[[nodiscard]] std::string svg_text(const Chart& chart, Size size, const std::string& css_class);

/// The whole <figure>: title, note, legend and both pictures.
[[nodiscard]] std::string figure_text(const Chart& chart);

}  // namespace skerry::loadgen::chart
