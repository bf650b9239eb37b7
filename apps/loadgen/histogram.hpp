// SPDX-License-Identifier: MIT
//
// Latencies by the way of HdrHistogram: as many buckets for each power of two, so that every value
// is right within one percent, however small or large, and recording is an increment.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace loadgen {

class Histogram {
public:
    void record(std::chrono::nanoseconds latency) {
        const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(0, latency.count()));
        ++counts_[index_of(value)];
        ++count_;
        sum_ += static_cast<double>(value);
        least_ = std::min(least_, value);
        most_ = std::max(most_, value);
    }

    void add(const Histogram& other) {
        std::transform(counts_.begin(), counts_.end(), other.counts_.begin(), counts_.begin(),
                       std::plus<>());
        count_ += other.count_;
        sum_ += other.sum_;
        least_ = std::min(least_, other.least_);
        most_ = std::max(most_, other.most_);
    }

    [[nodiscard]] std::uint64_t count() const { return count_; }

    // All that follows in milliseconds.

    [[nodiscard]] double least() const { return count_ > 0 ? milliseconds(least_) : 0; }

    [[nodiscard]] double most() const { return milliseconds(most_); }

    [[nodiscard]] double mean() const {
        return count_ > 0 ? sum_ / static_cast<double>(count_) / 1e6 : 0;
    }

    /// So many percent of all took at most this.
    [[nodiscard]] double percentile(double percent) const {
        const auto wanted = static_cast<std::uint64_t>(
            std::ceil(percent / 100 * static_cast<double>(count_) - 1e-6));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen >= wanted && seen > 0) {
                return milliseconds(std::min(largest_in(i), most_));
            }
        }
        return 0;
    }

private:
    static constexpr int precision = 7;  // bits below the leading one
    static constexpr std::uint64_t half = std::uint64_t{1} << precision;

    static std::size_t index_of(std::uint64_t value) {
        const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - precision - 1);
        return static_cast<std::size_t>(shift) * half + (value >> shift);
    }

    static std::uint64_t largest_in(std::size_t index) {
        const std::uint64_t shift = index < 2 * half ? 0 : index / half - 1;
        return ((index - shift * half + 1) << shift) - 1;
    }

    static double milliseconds(std::uint64_t nanoseconds) {
        return static_cast<double>(nanoseconds) / 1e6;
    }

    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>((64 - precision + 1) * half);
    std::uint64_t count_ = 0;
    double sum_ = 0;
    std::uint64_t least_ = ~std::uint64_t{0};
    std::uint64_t most_ = 0;
};

}  // namespace loadgen
