// SPDX-License-Identifier: MIT
//
// What is asked, and what has to be answered.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "settings.hpp"

namespace loadgen {

class Dialogue {
public:
    /// For connection `number`, whose key no other connection uses.
    Dialogue(const Settings& settings, std::size_t number) : stamp_size_(settings.size) {
        const std::string value(settings.size, '.');
        const std::string key = bulk(fmt::format("loadgen:{}", number));
        const std::string set = "*3\r\n$3\r\nSET\r\n" + key;
        if (settings.protocol != "resp") {
            request_ = value + (settings.protocol == "line" ? "\n" : "");
            answers_ = Answers::echo;
        } else if (settings.command == "ping") {
            request_ = "*1\r\n$4\r\nPING\r\n";
            answer_ = "+PONG\r\n";
        } else if (settings.command == "get") {
            opening_ = set + bulk(value);
            request_ = "*2\r\n$3\r\nGET\r\n" + key;
            answer_ = bulk(value);
        } else if (settings.command == "set") {
            request_ = set + bulk(value);
            answer_ = "+OK\r\n";
        } else {
            opening_ = set + bulk("0");
            request_ = "*2\r\n$4\r\nINCR\r\n" + key;
            answers_ = Answers::count;
        }
        stamp_size_ = std::min(stamp_size_, digits);
        stamp_at_ = request_.find(value);
    }

    /// What has to be said once before the requests, and answered by "+OK"; may be empty.
    [[nodiscard]] const std::string& opening() const { return opening_; }

    /// Request `n`, counted from 1, and the answer to it; each holds until the next call. A value
    /// differs from one request to the next, so that a late or lost answer is noticed.
    const std::string& request(std::uint64_t n) {
        if (stamp_at_ != std::string::npos) {
            fmt::format("{:016x}", n).copy(&request_[stamp_at_], stamp_size_, digits - stamp_size_);
        }
        return request_;
    }

    const std::string& answer(std::uint64_t n) {
        if (answers_ == Answers::count) {
            answer_ = fmt::format(":{}\r\n", n);
        }
        return answers_ == Answers::echo ? request(n) : answer_;
    }

private:
    enum class Answers : std::uint8_t { same, echo, count };

    static constexpr std::size_t digits = 16;

    static std::string bulk(const std::string& text) {
        return fmt::format("${}\r\n{}\r\n", text.size(), text);
    }

    Answers answers_ = Answers::same;
    std::string opening_;
    std::string request_;
    std::string answer_;
    std::size_t stamp_size_;
    std::size_t stamp_at_;
};

}  // namespace loadgen
