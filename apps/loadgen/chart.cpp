// SPDX-License-Identifier: MIT
//
// Two charts in one picture: latency by percentile, with as much room for each further nine, and
// answers per second in the course of time.
#include <algorithm>
#include <cmath>
#include <functional>
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
    double x;  // both from 0 to 1
    double y;
};

/// Labels at places between 0 and 1.
struct Tick {
    double at;
    std::string label;
};

std::string frame(double top, const std::string& title, const std::vector<Tick>& x_ticks,
                  double largest, const char* unit) {
    std::string out = fmt::format(
        "<text x='{}' y='{}' font-weight='bold'>{}</text><rect x='{}' y='{}' width='{}' "
        "height='{}' fill='none' stroke='#9aa4b2'/>",
        margin, top - 10, title, margin, top, width, height);
    for (const Tick& tick : x_ticks) {
        const double x = margin + tick.at * width;
        fmt::format_to(std::back_inserter(out),
                       "<line x1='{0}' x2='{0}' y1='{1}' y2='{2}' stroke='#e3e7ed'/><text x='{0}' "
                       "y='{3}' text-anchor='middle'>{4}</text>",
                       x, top, top + height, top + height + 16, tick.label);
    }
    for (const double share : {0.0, 0.5, 1.0}) {
        fmt::format_to(std::back_inserter(out),
                       "<text x='{}' y='{}' text-anchor='end'>{:.{}f} {}</text>", margin - 4,
                       top + height - share * height + 4, share * largest, largest < 100 ? 2 : 0,
                       unit);
    }
    return out;
}

std::string curve(double top, const std::vector<Point>& points) {
    std::string out = "<polyline fill='none' stroke='#1f6feb' stroke-width='2' points='";
    for (const Point& point : points) {
        fmt::format_to(std::back_inserter(out), "{:.1f},{:.1f} ", margin + point.x * width,
                       top + height - point.y * height);
    }
    return out + "'/>";
}

std::string latency_chart(double top, const Histogram& latencies) {
    constexpr int nines = 5;
    const double largest = std::max(latencies.most(), 1e-6);
    std::vector<Point> points;
    for (double x = 0; x <= 1.0001; x += 0.01) {
        const double percent = 100 * (1 - std::pow(10, -nines * x));
        points.push_back({x, latencies.percentile(percent) / largest});
    }
    std::vector<Tick> ticks;
    for (int i = 0; i < nines; ++i) {
        ticks.push_back(
            {static_cast<double>(i) / nines, fmt::format("{:g} %", 100 - 100 * std::pow(10, -i))});
    }
    return frame(top, "Latency by percentile", ticks, largest, "ms") + curve(top, points);
}

std::string rate_chart(double top, const std::vector<Second>& seconds) {
    double largest = 1;
    for (const Second& second : seconds) {
        largest = std::max(largest, second.rate);
    }
    const double end = seconds.empty() ? 1 : std::max(seconds.back().at, 1e-3);
    std::vector<Point> points;
    for (const Second& second : seconds) {
        points.push_back({second.at / end, second.rate / largest});
    }
    const std::vector<Tick> ticks = {
        {0, "0 s"}, {0.5, fmt::format("{:.3g} s", end / 2)}, {1, fmt::format("{:.3g} s", end)}};
    return frame(top, "Answers per second", ticks, largest, "/s") + curve(top, points);
}

}  // namespace

std::string svg(const Settings& settings, const Tally& tally) {
    const double below = margin + height + margin;
    return fmt::format(
               "<svg xmlns='http://www.w3.org/2000/svg' width='{}' height='{}' "
               "font-family='sans-serif' font-size='12'>"
               "<rect width='100%' height='100%' fill='white'/>"
               "<text x='{}' y='20'>{} connections, pipeline {}: {:.0f} answers per second</text>",
               width + 2 * margin, below + height + margin, margin, settings.connections,
               settings.pipeline, tally.rate()) +
           latency_chart(margin, tally.latencies()) + rate_chart(below, tally.by_second()) +
           "</svg>\n";
}

}  // namespace loadgen
