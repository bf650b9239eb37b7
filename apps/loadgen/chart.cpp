// SPDX-License-Identifier: MIT
//
// Two charts in one picture: latency by percentile, with as much room for each further nine, and
// answers per second in the course of time.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "report.hpp"

namespace loadgen {

namespace {

constexpr double width = 640;
constexpr double height = 240;
constexpr double margin = 60;

struct Point {
    double x;  // from 0 to 1
    double y;  // in the unit of the chart
};

/// A label below the chart.
struct Tick {
    double x;
    std::string label;
};

std::string chart(double top, const char* title, const char* unit, const std::vector<Point>& points,
                  const std::vector<Tick>& ticks) {
    double most = 1e-6;
    for (const Point& point : points) {
        most = std::max(most, point.y);
    }
    std::string text = fmt::format(
        "<text x='{}' y='{}' font-weight='bold'>{}</text><rect x='{}' y='{}' width='{}' "
        "height='{}' fill='none' stroke='#9aa4b2'/>",
        margin, top - 10, title, margin, top, width, height);
    const auto out = std::back_inserter(text);
    for (const Tick& tick : ticks) {
        fmt::format_to(out,
                       "<line x1='{0}' x2='{0}' y1='{1}' y2='{2}' stroke='#e3e7ed'/><text x='{0}' "
                       "y='{3}' text-anchor='middle'>{4}</text>",
                       margin + tick.x * width, top, top + height, top + height + 16, tick.label);
    }
    for (const double share : {0.0, 0.5, 1.0}) {
        fmt::format_to(out, "<text x='{}' y='{}' text-anchor='end'>{:.{}f} {}</text>", margin - 4,
                       top + height - share * height + 4, share * most, most < 100 ? 2 : 0, unit);
    }
    text += "<polyline fill='none' stroke='#1f6feb' stroke-width='2' points='";
    for (const Point& point : points) {
        fmt::format_to(out, "{:.1f},{:.1f} ", margin + point.x * width,
                       top + height - point.y / most * height);
    }
    return text + "'/>";
}

std::string latency_chart(double top, const Histogram& latencies) {
    constexpr int nines = 5;
    std::vector<Point> points;
    for (double x = 0; x <= 1.0001; x += 0.01) {
        points.push_back({x, latencies.percentile(100 * (1 - std::pow(10, -nines * x)))});
    }
    std::vector<Tick> ticks;
    for (int i = 0; i < nines; ++i) {
        ticks.push_back(
            {static_cast<double>(i) / nines, fmt::format("{:g} %", 100 - 100 * std::pow(10, -i))});
    }
    return chart(top, "Latency by percentile", "ms", points, ticks);
}

std::string rate_chart(double top, const Tally& tally) {
    const double end = std::max(tally.duration(), 1e-3);
    std::vector<Point> points;
    for (const Second& second : tally.seconds) {
        points.push_back({second.at / end, second.rate});
    }
    return chart(
        top, "Answers per second", "/s", points,
        {{0, "0 s"}, {0.5, fmt::format("{:.3g} s", end / 2)}, {1, fmt::format("{:.3g} s", end)}});
}

}  // namespace

std::string svg(const Settings& settings, const Tally& tally) {
    const double below = margin + height + margin;
    return fmt::format(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{}' height='{}' font-family='sans-serif' "
        "font-size='12'><rect width='100%' height='100%' fill='white'/>"
        "<text x='{}' y='20'>{} connections, pipeline {}: {:.0f} answers per second</text>"
        "{}{}</svg>\n",
        width + 2 * margin, below + height + margin, margin, settings.connections,
        settings.pipeline, tally.rate(), latency_chart(margin, tally.latencies),
        rate_chart(below, tally));
}

}  // namespace loadgen
